"""Images and published statistics in .npz files, read without unpickling and bit by bit.

Images follow the convention of ADM (Dhariwal and Nichol 2021): ``arr_0``, uint8, (n, h, w, c).
Statistics are ``mu`` and ``sigma``, as pytorch-fid and many others publish them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch

from ganbench.errors import UsageError
from ganbench.evaluation.sources import Batch, Source, in_channels

_USUAL = "arr_0"
_STATISTICS = frozenset({"mu", "sigma"})
_DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, SyntaxError)
_MOST_FEATURES = 16_384  # whose covariance takes 2 GiB


class Member(NamedTuple):
    """One array of a file, by its header alone."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran: bool


class Statistics(NamedTuple):
    """Mean (d,) and covariance (d, d) in fp64, as published."""

    mean: torch.Tensor
    cov: torch.Tensor


def members(path: Path) -> dict[str, Member]:
    """The arrays in a file, by name.

    :raises UsageError: if it is no .npz file, or a damaged one.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".npy"):
                    with archive.open(name) as file:
                        found[name.removesuffix(".npy")] = _header(file)
    except _DAMAGE as error:
        raise UsageError(f"{path} cannot be read as .npz: {_line(error)}") from error
    return found


def holds_statistics(arrays: dict[str, Member]) -> bool:
    """Whether a file holds statistics of features."""
    return set(arrays) >= _STATISTICS


def read_statistics(path: Path) -> Statistics:
    """Published statistics.

    :raises UsageError: if they are not what their names say.
    """
    shapes = {name: members(path)[name].shape for name in _STATISTICS}
    width = shapes["mu"][-1] if len(shapes["mu"]) == 1 else 0
    if not 1 <= width <= _MOST_FEATURES or shapes["sigma"] != (width, width):
        raise UsageError(
            f"{path}: mu {shapes['mu']} and sigma {shapes['sigma']} are no mean (d,) and "
            "covariance (d, d)"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            mean, cov = (
                torch.from_numpy(file[name].astype(np.float64)) for name in ("mu", "sigma")
            )
    except (*_DAMAGE, TypeError) as error:
        raise UsageError(f"{path} cannot be read as .npz: {_line(error)}") from error
    if not bool(mean.isfinite().all() and cov.isfinite().all()):
        raise UsageError(f"{path}: mu or sigma is not finite")
    if not torch.allclose(cov, cov.mT, rtol=1e-3, atol=1e-6 * float(cov.abs().max())):
        raise UsageError(f"{path}: sigma is not symmetric, so it is no covariance")
    if bool((cov.diagonal() < 0).any()):
        raise UsageError(f"{path}: sigma has negative variances, so it is no covariance")
    return Statistics(mean, (cov + cov.mT) / 2)


class NpzSource(Source):
    """The images of a file, read from its beginning to its end.

    :raises UsageError: if it holds none, or none that can be told.
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
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        row = int(np.prod(self._shape[1:]))
        try:
            with self._open() as file:
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
        except _DAMAGE as error:
            raise UsageError(f"{self._path} is damaged: {_line(error)}") from error

    @contextlib.contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(self._path) as archive, archive.open(f"{self._name}.npy") as file:
            _header(file)
            yield file


def _chosen(path: Path) -> tuple[str, Member]:
    """The array that holds the images."""
    arrays = members(path)
    candidates = [name for name, array in arrays.items() if len(array.shape) in (3, 4)]
    name = _USUAL if _USUAL in candidates else candidates[0] if len(candidates) == 1 else ""
    if not name:
        inside = ", ".join(f"{n} {a.dtype} {a.shape}" for n, a in arrays.items()) or "nothing"
        raise UsageError(
            f"{path} holds no array {_USUAL} of images (n, height, width, channels); it holds {inside}"
        )
    array = arrays[name]
    if array.dtype != np.uint8:
        raise UsageError(
            f"{path}: {name} is {array.dtype}, and images must be uint8 from 0 to 255; round them"
        )
    if array.fortran:
        raise UsageError(f"{path}: {name} is stored in Fortran's order; save it in C's")
    if not array.shape[0]:
        raise UsageError(f"{path}: {name} holds no images, its shape is {array.shape}")
    return name, array


def _axes(path: Path, name: str, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The axes in the order (n, c, h, w)."""
    last, first = shape[3] in (1, 3), shape[1] in (1, 3)
    if last == first:
        reason = "either axis may be the channels" if last else "no axis is 1 or 3 channels"
        raise UsageError(
            f"{path}: {name} has the shape {shape}, where {reason}; images are (n, height, width, "
            "channels)"
        )
    return (0, 3, 1, 2) if last else (0, 1, 2, 3)


def _header(file: IO[bytes]) -> Member:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of the unknown version {version}")
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
        raise ValueError("it ends too early")
    target[:] = np.frombuffer(content, np.uint8)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
