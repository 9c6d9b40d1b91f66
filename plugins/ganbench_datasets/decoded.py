"""Decoded images, kept in the user's cache so that many files are decoded once.

An entry is a folder with ``images.npy`` and, written after it, ``index.json``, which holds a
fingerprint of the files (names, sizes, times of change) and the files that could not be read. An
entry whose fingerprint is not that of the files is made anew in its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import PIL

from ganbench import DataNotFoundError
from ganbench_datasets.decoding import decode_all
from ganbench_datasets.image_files import ImageSource

#: Bytes of decoded images up to which a split is held in memory.
MEMORY_LIMIT = 8 * 2**30
#: Fewer images than this are decoded faster than they are worth keeping.
WORTH_KEEPING = 2_000
_RECIPE = 2  # raise it when `decoding.decode_all` changes what it makes of a file


@dataclass(frozen=True)
class Decoded:
    """Images of one size.

    :ivar images: (n, channels, size, size) uint8, a row for each file; a memory map where they
        exceed `MEMORY_LIMIT`.
    :ivar broken: row -> reason, for the files that could not be read; their rows mean nothing.
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
    source: ImageSource, names: Sequence[str], size: int, channels: Literal[1, 3], purpose: str
) -> Decoded:
    """The images ``names`` of a source, decoded (see `decoding.decode_all`) or from the cache.

    :param purpose: which of the source's images these are; the cache keeps one entry for a purpose.
    """
    shape = (len(names), channels, size, size)
    large = int(np.prod(shape)) > MEMORY_LIMIT
    if large or len(names) >= WORTH_KEEPING:
        try:
            return _kept(source, names, shape, large, purpose)
        except OSError as error:  # a full disk, a cache folder that cannot be written
            if large:
                raise DataNotFoundError(
                    f"the decoded images of {source.location} take {np.prod(shape) / 2**30:.0f} "
                    f"GiB, too much for memory, and cannot be kept in {cache_folder()}: {error}; "
                    "make room there, set XDG_CACHE_HOME, or choose a smaller size"
                ) from error
    images = np.zeros(shape, np.uint8)
    return Decoded(images, decode_all(source, names, size, channels, images.__setitem__))


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/ganbench/decoded``, by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ganbench" / "decoded"


def _kept(
    source: ImageSource, names: Sequence[str], shape: tuple[int, ...], large: bool, purpose: str
) -> Decoded:
    import filelock

    folder = cache_folder() / _hash([str(source.location.resolve()), shape[1:], purpose])
    stamps = [(name, source.stamps[name]) for name in names]
    fingerprint = _hash([_RECIPE, PIL.__version__, stamps])
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "lock"):  # who comes second waits, and finds the images
        with contextlib.suppress(OSError, ValueError, KeyError):
            return _open(folder, fingerprint, shape, large)
        _make(folder, fingerprint, source, names, shape)
        try:
            return _open(folder, fingerprint, shape, large)
        except (ValueError, KeyError) as error:
            raise OSError(f"{folder} does not keep what is written to it") from error


def _open(folder: Path, fingerprint: str, shape: tuple[int, ...], large: bool) -> Decoded:
    index = json.loads((folder / "index.json").read_text())
    if index["fingerprint"] != fingerprint:
        raise ValueError("other files")
    images = np.load(folder / "images.npy", mmap_mode="r" if large else None, allow_pickle=False)
    if images.shape != shape or images.dtype != np.uint8:
        raise ValueError("not the images that the index is of")
    return Decoded(images, {int(row): reason for row, reason in index["broken"].items()})


def _make(
    folder: Path,
    fingerprint: str,
    source: ImageSource,
    names: Sequence[str],
    shape: tuple[int, ...],
) -> None:
    (folder / "index.json").unlink(missing_ok=True)
    partial = folder / "images.part"
    try:
        with partial.open("wb") as file:
            broken = _write_images(file, source, names, shape)
    except BaseException:
        partial.unlink(missing_ok=True)  # on a full disk it would stand in everybody's way
        raise
    partial.replace(folder / "images.npy")
    partial.write_text(json.dumps({"fingerprint": fingerprint, "broken": broken}))
    partial.replace(folder / "index.json")


def _write_images(
    file: IO[bytes], source: ImageSource, names: Sequence[str], shape: tuple[int, ...]
) -> dict[int, str]:
    """Plain writes, since a full disk is an error to them and the end of the process to a map."""
    header: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    start, row = file.tell(), int(np.prod(shape[1:]))

    def store(position: int, image: np.ndarray) -> None:
        file.seek(start + position * row)
        file.write(image.tobytes())

    broken = decode_all(source, names, shape[-1], 1 if shape[1] == 1 else 3, store)
    file.truncate(start + shape[0] * row)
    return broken


def _hash(content: Any) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
