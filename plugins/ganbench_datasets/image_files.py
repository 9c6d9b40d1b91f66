"""Where encoded images come from: a folder, a tar archive or a zip archive. Nothing is unpacked."""

from __future__ import annotations

import abc
import functools
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ganbench import DataNotFoundError, ImageError, check_image_bytes, read_image_file

_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


@dataclass(frozen=True)
class ImageSource(abc.ABC):
    """Image files in one place.

    :ivar location: the folder or archive.
    :ivar stamps: relative name (with forward slashes) -> what changes when the file's content does.
    """

    location: Path
    stamps: Mapping[str, str]

    @abc.abstractmethod
    def read(self, names: Sequence[str]) -> Iterator[tuple[int, bytes | Exception]]:
        """(position in ``names``, the file's bytes or why they cannot be read), in any order."""

    def part(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """What counts of a decoded image (h, w, c); all of it by default."""
        return pixels


class FolderSource(ImageSource):
    """Files below a folder."""

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, bytes | Exception]]:
        for position, name in enumerate(names):
            try:
                yield position, read_image_file(self.location / name)
            except (OSError, ImageError) as error:
                yield position, error


class TarSource(ImageSource):
    """Members of a tar archive, compressed or not, read in the order in which they are stored."""

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, bytes | Exception]]:
        positions = {name: position for position, name in enumerate(names)}
        with tarfile.open(self.location) as archive:
            for member in archive:
                position = positions.get(_normal(member.name))
                if position is None or not member.isfile():
                    continue
                try:
                    check_image_bytes(member.size)
                except ImageError as error:
                    yield position, error
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    yield position, content.read()


class ZipSource(ImageSource):
    """Members of a zip archive."""

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, bytes | Exception]]:
        with zipfile.ZipFile(self.location) as archive:
            stored = {_normal(name): name for name in archive.namelist()}
            for position, name in enumerate(names):
                try:
                    check_image_bytes(archive.getinfo(stored[name]).file_size)
                    yield position, archive.read(stored[name])
                except (*_DAMAGE, ImageError, RuntimeError, NotImplementedError) as error:
                    # RuntimeError: encrypted; NotImplementedError: an unknown compression
                    yield position, error


def open_source(path: Path) -> ImageSource:
    """The images of a folder or an archive.

    :raises DataNotFoundError: if the archive is damaged, or is none.
    """
    if path.is_dir():
        return FolderSource(path, _folder_stamps(path))
    try:
        return _open_archive(path)
    except _DAMAGE as error:
        raise DataNotFoundError(f"the archive {path} cannot be read: {error}") from error


def _open_archive(path: Path) -> ImageSource:
    status = path.stat()
    stamp = f"{status.st_size}:{status.st_mtime_ns}"
    if zipfile.is_zipfile(path):
        return ZipSource(path, dict.fromkeys(_zip_names(path, stamp), stamp))
    if tarfile.is_tarfile(path):
        return TarSource(path, dict.fromkeys(_tar_names(path, stamp), stamp))
    raise DataNotFoundError(f"{path} is neither a folder nor a tar or zip archive")


def _folder_stamps(root: Path) -> dict[str, str]:
    """Every image below a folder; links are followed, and a folder is entered once."""
    stamps = {}
    entered: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            subfolders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        subfolders.sort()
        relative = Path(folder).relative_to(root).as_posix()
        for name in _images(str(PurePosixPath(relative, file)) for file in files):
            stamps[name] = stamp(root / name)
    return stamps


def stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:  # a dangling link; reading it will say so
        return "missing"
    return f"{status.st_size}:{status.st_mtime_ns}"


@functools.lru_cache(maxsize=16)
def _tar_names(path: Path, stamp: str) -> tuple[str, ...]:
    with tarfile.open(path) as archive:
        return tuple(_images(_normal(member.name) for member in archive if member.isfile()))


@functools.lru_cache(maxsize=16)
def _zip_names(path: Path, stamp: str) -> tuple[str, ...]:
    with zipfile.ZipFile(path) as archive:
        return tuple(_images(_normal(i.filename) for i in archive.infolist() if not i.is_dir()))


def _normal(name: str) -> str:
    return str(PurePosixPath(name))


def _images(names: Iterable[str]) -> Iterator[str]:
    """Those with the extension of a format that Pillow reads, and no hidden part in their path."""
    extensions = _extensions()
    for name in names:
        path = PurePosixPath(name)
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if path.suffix.lower() in extensions and not hidden:
            yield name


@functools.cache
def _extensions() -> frozenset[str]:
    from PIL import Image

    known = Image.registered_extensions()
    return frozenset(extension for extension, kind in known.items() if kind in Image.OPEN)
