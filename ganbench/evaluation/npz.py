"""Images in .npz files, read in pieces and without unpickling.

They follow the convention of ADM (Dhariwal and Nichol 2021): ``arr_0``, uint8, (n, h, w, c).
"""

from __future__ import annotations

import contextlib
import functools
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch

from ganbench.base.channels import MOST_CHANNELS
from ganbench.base.errors import UsageError, reason
from ganbench.base.files import sha256_of
from ganbench.evaluation.sources import Batch, Source, in_channels
from ganbench.evaluation.value_ranges import advice, is_real, range_of

_USUAL = "arr_0"
#: What reading a damaged file raises.
DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, SyntaxError)
_EXPECTED = "use (n, height, width, 3) for color images and (n, height, width) for gray ones"
_LOOKED_AT = 2**26  # bytes of an array of a wrong type, to tell its range
_PIECE = 2**22


class Member(NamedTuple):
    """One array of a file, by its header alone."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran: bool


def members(path: Path) -> dict[str, Member]:
    """The arrays in a file, by name.

    :raises UsageError: for a damaged file, or a file of another kind.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".npy"):
                    with archive.open(name) as file:
                        found[name.removesuffix(".npy")] = _header(file)
    except DAMAGE as error:
        raise UsageError(f"{path} cannot be read as .npz: {reason(error)}") from error
    return found


def single_array(path: Path) -> str:
    """How to make an .npz file of the images in an .npy file."""
    target = path.with_suffix(".npz").name
    try:
        with path.open("rb") as file:
            array = _header(file)
            if is_real(array.dtype) and array.dtype != np.uint8:
                return (
                    f"{path} holds one array, {array.dtype} {array.shape}, but images must be uint8 "
                    f"in an .npz file; {_conversion(file, array)}, then "
                    f"numpy.savez({target!r}, x)"
                )
    except DAMAGE as error:
        return f"{path} cannot be read as .npy: {reason(error)}"
    return (
        f"{path} holds one array, {array.dtype} {array.shape}; images are read from .npz files: "
        f"numpy.savez({target!r}, numpy.load({path.name!r}))"
    )


class NpzSource(Source):
    """The images of a file, read from its beginning to its end.

    :raises UsageError: if the file holds no images, or several arrays that may be images.
    """

    kind = "npz"

    def __init__(self, label: str, path: Path) -> None:
        self._path = path
        self._name, member = _chosen(path)
        self._shape = member.shape if len(member.shape) == 4 else (*member.shape, 1)
        self._order = _axes(path, self._name, self._shape)
        shape = [self._shape[axis] for axis in self._order]
        super().__init__(label, shape[0], shape[1], {(shape[2], shape[3]): shape[0]})

    def content(self) -> str:
        return self._hash

    @functools.cached_property
    def _hash(self) -> str:
        return sha256_of(self._path)

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        row = int(np.prod(self._shape[1:]))
        try:
            with _opened(self._path, self._name) as file:
                done = 0
                for start in range(0, len(positions), size):
                    part = positions[start : start + size]
                    images = np.empty((len(part), row), np.uint8)
                    for image, position in zip(images, part.tolist(), strict=True):
                        _skip(file, (position - done) * row)
                        _fill(file, image)
                        done = position + 1
                    shaped = torch.from_numpy(images).view(len(part), *self._shape[1:])
                    yield Batch(part, in_channels(shaped.permute(self._order), channels))
        except DAMAGE as error:
            raise UsageError(f"{self._path} is damaged: {reason(error)}") from error


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """An array's bytes behind its header."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        _header(file)
        yield file


def _chosen(path: Path) -> tuple[str, Member]:
    """The array that holds the images."""
    arrays = members(path)
    candidates = [name for name, array in arrays.items() if len(array.shape) in (3, 4)]
    name = _USUAL if _USUAL in candidates else candidates[0] if len(candidates) == 1 else ""
    if not name:
        inside = ", ".join(f"{n} {a.dtype} {a.shape}" for n, a in arrays.items()) or "nothing"
        if candidates:
            raise UsageError(
                f"{path} holds {len(candidates)} arrays that may be the images; rename one of them to "
                f"{_USUAL}; it holds {inside}"
            )
        raise UsageError(
            f"{path} has no array {_USUAL} of images (n, height, width, channels); it has {inside}"
        )
    array = arrays[name]
    if not all(array.shape):
        raise UsageError(f"{path}: {name} is empty: its shape is {array.shape}")
    _check_single(path, name, array.shape)
    if array.dtype != np.uint8:
        raise UsageError(
            f"{path}: {name} is {array.dtype}, but images must be uint8 from 0 to 255; "
            f"{_advice(path, name, array)}"
        )
    if array.fortran:
        raise UsageError(f"{path}: {name} is in Fortran order; save it in C order")
    return name, array


def _check_single(path: Path, name: str, shape: tuple[int, ...]) -> None:
    """Refuse an array of three axes that may be one color image instead of gray images."""
    if len(shape) != 3:
        return
    last, first = shape[2] in (1, 3, 4), shape[0] in (1, 3, 4)
    if last or first:
        order = "(height, width, channels)" if last else "(channels, height, width)"
        gray = f"({', '.join(map(str, shape))}, 1)"
        raise UsageError(
            f"{path}: {name} has the shape {shape}, which looks like one image {order}; {_EXPECTED}. "
            f"Save one image as {(1, *shape)}, and {shape[0]} small gray images as {gray}"
        )


def _advice(path: Path, name: str, array: Member) -> str:
    """Advice for an array that is not uint8."""
    if not is_real(array.dtype):
        return "it cannot become images"
    try:
        with _opened(path, name) as file:
            return _conversion(file, array)
    except DAMAGE as error:
        raise UsageError(f"{path} is damaged: {reason(error)}") from error


def _conversion(file: IO[bytes], array: Member) -> str:
    """How to convert an array whose values follow in a file."""
    row = array.dtype.itemsize

    def pieces() -> Iterator[np.ndarray]:
        for _ in range(_LOOKED_AT // _PIECE):
            content = file.read(_PIECE)
            yield np.frombuffer(content[: len(content) // row * row], array.dtype)

    whole = int(np.prod(array.shape)) * row <= _LOOKED_AT
    return advice(array.dtype, range_of(pieces()), whole)


def _axes(path: Path, name: str, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The axes in the order (n, c, h, w)."""
    last, first = shape[3] in (1, 3), shape[1] in (1, 3)
    if not last and not first:  # other channels are the last axis, if it is the shortest
        last = shape[3] <= MOST_CHANNELS and shape[3] < min(shape[1:3])
    if last == first:
        reason = "either axis may be the channels" if last else "no axis may be the channels"
        raise UsageError(
            f"{path}: {name} has the shape {shape}, and {reason}; images are (n, height, width, "
            "channels)"
        )
    return (0, 3, 1, 2) if last else (0, 1, 2, 3)


def _header(file: IO[bytes]) -> Member:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"unknown array version {version}")
    first = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return Member(shape, dtype, fortran)


def _skip(file: IO[bytes], count: int) -> None:
    if count:
        file.seek(count, 1)


def _fill(file: IO[bytes], target: np.ndarray) -> None:
    content = file.read(len(target))
    if len(content) != len(target):
        raise ValueError("the file is cut short")
    target[:] = np.frombuffer(content, np.uint8)
