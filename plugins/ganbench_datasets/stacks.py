"""Images of any number of channels in .npy and TIFF files, and in one .npz file.

Values become 8 bits: whole numbers of 8 and 16 bits by their type's range, others by ``white``.
"""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from ganbench import DataNotFoundError, ImageError, UsageError
from ganbench.base.channels import MOST_CHANNELS
from ganbench.base.errors import reason
from ganbench.base.image_files import Encoded, ImageFiles, file_stamp

#: Extensions of files with stacks of channels.
ARRAYS, TIFFS = frozenset({".npy"}), frozenset({".tif", ".tiff"})
_LABELS = ("labels", "label", "y", "arr_1")
_RANGES = {"bool": 1.0, "uint8": 255.0, "uint16": 65535.0}
_DAMAGE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)


def is_stack(name: str, channels: int) -> bool:
    """Whether a file is read as a stack of channels, and not by Pillow as an image."""
    suffix = Path(name).suffix.lower()
    return suffix in ARRAYS or (suffix in TIFFS and channels not in (1, 3))


def decode_stack(
    content: bytes, name: str, channels: int, white: float | None = None
) -> np.ndarray:
    """(h, w, channels) uint8 from the bytes of a .npy or TIFF file.

    :param white: the value that becomes 255; None: the greatest of the type.
    :raises ImageError: if it holds something else.
    """
    return _eight_bits(_channels_last(_values(content, name), channels), white)


def stack_problem(content: bytes, name: str, channels: int, white: float | None) -> str | None:
    """What an option has to say for files like this one; None if nothing, or if it is damaged."""
    try:
        array = _values(content, name)
    except ImageError:
        return None
    try:
        _white(_channels_last(array, channels), white)
    except ImageError as error:
        found = 1 if array.ndim == 2 else min(array.shape[0], array.shape[-1])
        fits = 1 <= found <= MOST_CHANNELS and found != channels
        return f"{error}; set channels={found}" if fits else str(error)
    return None


def _values(content: bytes, name: str) -> np.ndarray:
    array: np.ndarray
    read = _npy if Path(name).suffix.lower() in ARRAYS else _tifffile().imread
    try:
        array = read(io.BytesIO(content))
    except Exception as error:  # a damaged file may raise anything
        raise ImageError(reason(error)) from error
    if array.ndim not in (2, 3) or not array.size:
        raise ImageError(f"its shape is {array.shape}, not (height, width, channels)")
    return array


def _npy(file: io.BytesIO) -> np.ndarray:
    array: np.ndarray = np.load(file, allow_pickle=False)
    return array


def _tifffile() -> Any:
    try:
        import tifffile
    except ImportError:
        raise DataNotFoundError(
            "TIFF stacks need tifffile: pip install 'ganbench[stacks]'"
        ) from None
    return tifffile


def _channels_last(array: np.ndarray, channels: int) -> np.ndarray:
    """(h, w, channels) from (h, w, channels), (channels, h, w), or (h, w) for one channel."""
    if array.ndim == 2 and channels == 1:
        return array[..., None]
    if array.ndim == 3 and array.shape[2] == channels:
        return array
    if array.ndim == 3 and array.shape[0] == channels:
        return array.transpose(1, 2, 0)
    raise ImageError(f"its shape is {array.shape}, without an axis of {channels} channels")


def _white(array: np.ndarray, white: float | None) -> float:
    """The value that becomes 255."""
    most = white or _RANGES.get(array.dtype.name)
    if most is None:
        raise ImageError(
            f"its values are {array.dtype}, which has no defined white: set white, such as white=1"
        )
    return most


def _eight_bits(array: np.ndarray, white: float | None) -> np.ndarray:
    most = _white(array, white)
    if array.dtype == np.uint8 and most == 255:
        return array
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError("some values are not finite")
    scaled: np.ndarray = np.floor(values * (255 / most) + 0.5).clip(0, 255).astype(np.uint8)
    return scaled


@dataclass(frozen=True)
class ArrayRows(ImageFiles):
    """The images of one .npz file, each as the bytes of a .npy file.

    The array ``arr_0`` (or the only one of images) is (n, h, w, c) or (n, h, w); a second one named
    labels, label, y or arr_1 gives (n,) whole numbers. A name is the label, as a folder, and the row.
    """

    sequential: ClassVar[bool] = True

    array: str

    def read(self, positions: Sequence[int]) -> Iterator[Encoded]:
        wanted = sorted((int(Path(self.names[position]).stem), position) for position in positions)
        try:
            with (
                zipfile.ZipFile(self.location) as archive,
                archive.open(f"{self.array}.npy") as file,
            ):
                yield from _rows(file, wanted)
        except _DAMAGE as error:
            raise _damaged(self.location, error) from error

    def stamp(self, position: int) -> str:
        return file_stamp(self.location)


def _rows(file: IO[bytes], wanted: Sequence[tuple[int, int]]) -> Iterator[Encoded]:
    """Rows of an array, in their order.

    :param wanted: (row, position) pairs.
    """
    shape, fortran, dtype = _header(file)
    if fortran or dtype.hasobject:
        raise ValueError("the array is in Fortran order or holds objects")
    size, done = int(np.prod(shape[1:])) * dtype.itemsize, 0
    for row, position in wanted:
        file.seek((row - done) * size, io.SEEK_CUR)
        image = np.frombuffer(file.read(size), dtype).reshape(shape[1:])
        done = row + 1
        yield Encoded(position, functools.partial(_as_npy, image))


def open_arrays(path: Path) -> ArrayRows:
    """The images of an .npz file.

    :raises DataNotFoundError: if it is damaged.
    :raises UsageError: if it holds no images, or several arrays that may be the images.
    """
    shapes = _shapes(path)
    names = [name for name, shape in shapes.items() if len(shape) in (3, 4)]
    chosen = "arr_0" if "arr_0" in names else names[0] if len(names) == 1 else ""
    if not chosen:
        inside = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "nothing"
        raise UsageError(
            f"{path} must hold one array of images (n, height, width, channels), or name it arr_0; it "
            f"holds {inside}"
        )
    count = shapes[chosen][0]
    labels = next((name for name in _LABELS if shapes.get(name) == (count,)), None)
    if not count:
        raise DataNotFoundError(f"{path} has no images: {chosen} is empty")
    if labels is None:
        return ArrayRows(path, [f"{row:08}.npy" for row in range(count)], chosen)
    known = _load(path, labels)
    if known.dtype.kind not in "iu" or known.min() < 0:
        raise UsageError(f"{path}: {labels} must be whole numbers from 0 on, not {known.dtype}")
    digits = len(str(int(known.max())))
    folders = [f"{label:0{digits}}" for label in known.tolist()]
    named = sorted(f"{folder}/{row:08}.npy" for row, folder in enumerate(folders))
    return ArrayRows(path, named, chosen)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's arrays, from their headers alone."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".npy"):
                    with archive.open(member) as file:
                        found[member.removesuffix(".npy")] = _header(file)[0]
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return found


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    first = np.lib.format.read_magic(file) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(file)
    return header


def _load(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as file:
            array: np.ndarray = file[name]
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return array


def _damaged(path: Path, error: Exception) -> DataNotFoundError:
    return DataNotFoundError(f"{path} cannot be read as .npz: {reason(error)}")


def _as_npy(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, image, allow_pickle=False)
    return buffer.getvalue()
