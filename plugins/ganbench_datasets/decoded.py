"""Decoded images, kept in the user's cache so that many files are decoded once.

An entry is a folder with ``images.npy`` and, written after it, ``index.json``, which holds a
fingerprint of the files (names, sizes, times, inodes) and the files that could not be read. An
entry with another fingerprint is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import filelock
import numpy as np
import PIL

from ganbench import DataNotFoundError
from ganbench.base.fitting import Fit
from ganbench.base.image_files import ImageFiles
from ganbench_datasets.decoding import Decoding, Part, decode_all, whole

#: Bytes of decoded images up to which a split is held in memory.
MEMORY_LIMIT = 8 * 2**30
#: Fewer images than this are not worth caching.
WORTH_KEEPING = 2_000
_RECIPE = 2  # raise it when the output of `decoding.decode_all` changes


@dataclass(frozen=True)
class Decoded:
    """Images of one size.

    :ivar images: (n, channels, height, width) uint8, a row for each file; a memory map where they
        exceed `MEMORY_LIMIT`.
    :ivar broken: row -> reason, for the files that could not be read; ignore their rows.
    """

    images: np.ndarray
    broken: dict[int, str]

    @property
    def in_memory(self) -> bool:
        return not isinstance(self.images, np.memmap)

    def readable(self) -> list[int]:
        """The rows that are images."""
        return [row for row in range(len(self.images)) if row not in self.broken]


def decoded_images(
    files: ImageFiles,
    members: Sequence[int],
    size: int | tuple[int, int],
    channels: int,
    purpose: str,
    part: Part = whole,
    fit: Fit = "crop",
    white: float | None = None,
) -> Decoded:
    """Some of the files, decoded (see `decoding.decode_all`) or from the cache.

    :param members: the file of each row.
    :param size: (height, width), or one number for both.
    :param channels: as in `Decoding`; likewise ``fit`` and ``white``.
    :param purpose: a name for this choice of files; the cache keeps one entry for each purpose.
    """
    height, width = (size, size) if isinstance(size, int) else size
    how = Decoding(height, width, channels, fit, white)
    purpose += "".join(f" {value}" for value in (fit, white) if value not in ("crop", None))
    shape = (len(members), channels, height, width)
    large = int(np.prod(shape)) > MEMORY_LIMIT
    if large or len(members) >= WORTH_KEEPING:
        try:
            return _kept(files, members, how, large, purpose, part)
        except OSError as error:  # a full disk, a cache folder that cannot be written
            if large:
                raise DataNotFoundError(
                    f"the decoded images of {files.location} take {np.prod(shape) / 2**30:.0f} "
                    f"GiB, too much for memory, and cannot be cached in {cache_folder()}: {error}; "
                    "make room there, set XDG_CACHE_HOME, or choose a smaller size"
                ) from error
    images = np.zeros(shape, np.uint8)
    return Decoded(images, decode_all(files, members, how, images.__setitem__, part))


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/ganbench/decoded``, by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ganbench" / "decoded"


def _kept(
    files: ImageFiles,
    members: Sequence[int],
    how: Decoding,
    large: bool,
    purpose: str,
    part: Part,
) -> Decoded:
    shape = (len(members), how.channels, how.height, how.width)
    folder = cache_folder() / _hash([str(files.location.resolve()), shape[1:], purpose])
    stamps = [(files.names[member], files.stamp(member)) for member in members]
    fingerprint = _hash([_RECIPE, PIL.__version__, stamps])
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):  # a second process waits, and finds the images
        with contextlib.suppress(OSError, ValueError, KeyError):
            return _open(folder, fingerprint, shape, large)
        _make(folder, fingerprint, files, members, how, part)
        try:
            return _open(folder, fingerprint, shape, large)
        except (ValueError, KeyError) as error:
            raise OSError(f"{folder} loses written data") from error


def _open(folder: Path, fingerprint: str, shape: tuple[int, ...], large: bool) -> Decoded:
    index = json.loads((folder / "index.json").read_text())
    if index["fingerprint"] != fingerprint:
        raise ValueError("other files")
    images = np.load(folder / "images.npy", mmap_mode="r" if large else None, allow_pickle=False)
    if images.shape != shape or images.dtype != np.uint8:
        raise ValueError("the images do not match the index")
    return Decoded(images, {int(row): reason for row, reason in index["broken"].items()})


def _make(
    folder: Path,
    fingerprint: str,
    files: ImageFiles,
    members: Sequence[int],
    how: Decoding,
    part: Part,
) -> None:
    (folder / "index.json").unlink(missing_ok=True)
    partial = folder / "images.part"
    try:
        with partial.open("wb") as file:
            broken = _write_images(file, files, members, how, part)
    except BaseException:
        partial.unlink(missing_ok=True)  # free the space on a full disk
        raise
    partial.replace(folder / "images.npy")
    partial.write_text(json.dumps({"fingerprint": fingerprint, "broken": broken}))
    partial.replace(folder / "index.json")


def _write_images(
    file: IO[bytes],
    files: ImageFiles,
    members: Sequence[int],
    how: Decoding,
    part: Part,
) -> dict[int, str]:
    """Write plainly: on a full disk this raises an error, but a memory map kills the process."""
    shape = (len(members), how.channels, how.height, how.width)
    header: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    start, row = file.tell(), int(np.prod(shape[1:]))

    def store(position: int, image: np.ndarray) -> None:
        file.seek(start + position * row)
        file.write(image.tobytes())

    broken = decode_all(files, members, how, store, part)
    file.truncate(start + shape[0] * row)
    return broken


def _hash(content: Any) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
