"""Encoded images in a folder or an archive: their names and bytes. No archive is unpacked."""

from __future__ import annotations

import abc
import functools
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, NamedTuple

from PIL import Image

from ganbench.base.errors import DataNotFoundError, reason
from ganbench.base.images import check_image_bytes, is_too_large, read_image_file

_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError)


class Encoded(NamedTuple):
    """An image file: its place in the listing, and a function that reads its bytes.

    ``read`` may be called in another thread. It may raise anything for a damaged archive.
    """

    position: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class ImageFiles(abc.ABC):
    """The image files in one place, sorted by their path below it.

    :cvar sequential: whether `read` reads everything to reach any one file.
    :ivar location: the folder or archive.
    :ivar names: relative, with forward slashes.
    """

    sequential: ClassVar[bool] = False

    location: Path
    names: Sequence[str]

    @abc.abstractmethod
    def read(self, positions: Sequence[int]) -> Iterator[Encoded]:
        """The files at these positions, each once, in any order."""

    @abc.abstractmethod
    def stamp(self, position: int) -> str:
        """A text that changes with the file's content; empty if the file cannot be examined."""


class ImageFolder(ImageFiles):
    """Files below a folder."""

    def read(self, positions: Sequence[int]) -> Iterator[Encoded]:
        for position in positions:
            yield Encoded(position, functools.partial(read_image_file, self._path(position)))

    def stamp(self, position: int) -> str:
        return file_stamp(self._path(position))

    def _path(self, position: int) -> str:
        return f"{self.location}{os.sep}{self.names[position]}"


class Tar(ImageFiles):
    """Members of a tar archive, compressed or not, read in the order in which they are stored."""

    sequential = True

    def read(self, positions: Sequence[int]) -> Iterator[Encoded]:
        stored = _tar_members(self.location, file_stamp(self.location))
        wanted = {stored[self.names[position]]: position for position in positions}
        try:
            with tarfile.open(self.location) as archive:
                for member in archive:
                    if member.offset in wanted:
                        yield Encoded(wanted[member.offset], _member(archive, member))
        except _DAMAGE as error:
            raise _damaged(self.location, error) from error

    def stamp(self, position: int) -> str:
        return file_stamp(self.location)


class Zip(ImageFiles):
    """Members of a zip archive."""

    def read(self, positions: Sequence[int]) -> Iterator[Encoded]:
        archive = zipfile.ZipFile(self.location)  # open for as long as something is to be read
        stored = {_normal(info.filename): info for info in archive.infolist()}
        for position in positions:
            info = stored[self.names[position]]
            yield Encoded(position, functools.partial(_unpacked, archive, info))

    def stamp(self, position: int) -> str:
        return file_stamp(self.location)


def open_images(path: Path, *kinds: frozenset[str]) -> ImageFiles:
    """The images of a folder (in any nesting) or of a zip or tar archive.

    :param kinds: sets of extensions, such as ``{".npy"}``; the first set that names a file counts. By
        default those that Pillow reads.
    :raises DataNotFoundError: for a place without images, a damaged archive or another file.
    """
    if not path.is_dir() and not is_archive(path):
        raise DataNotFoundError(f"{path} is neither a folder nor a tar or zip archive")
    try:
        found = (_open(path, kind) for kind in kinds or (pillow_extensions(),))
        files = next((one for one in found if one.names), None)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    if files is None:
        raise DataNotFoundError(f"{path} has no images{_what_else(path)}")
    return files


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except _DAMAGE:
        return False


def file_stamp(path: str | Path) -> str:
    """Size, times and inode of a file; empty for a file that is missing."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def shown(name: str) -> str:
    """A file's name without characters that could control a terminal."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _open(path: Path, extensions: frozenset[str]) -> ImageFiles:
    if path.is_dir():
        return ImageFolder(path, _sorted(_images(_below(path), extensions)))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [_normal(i.filename) for i in archive.infolist() if not i.is_dir()]
        return Zip(path, _sorted(_images(members, extensions)))
    return Tar(path, _sorted(_images(_tar_members(path, file_stamp(path)), extensions)))


@functools.lru_cache(maxsize=16)
def _tar_members(path: Path, stamp: str) -> Mapping[str, int]:
    """Name -> offset of every file; the last of several files with one name, as after unpacking.

    :param stamp: of the archive, which is read as a whole for this.
    """
    with tarfile.open(path) as archive:
        return {_normal(member.name): member.offset for member in archive if member.isfile()}


def _below(root: Path) -> Iterator[str]:
    """Every file below a folder; links are followed, and a folder is entered once."""
    entered: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in entered:
            subfolders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        relative = os.path.relpath(folder, root)
        for name in files:
            yield name if relative == "." else f"{relative}{os.sep}{name}".replace(os.sep, "/")


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _images(names: Iterable[str], extensions: frozenset[str]) -> Iterator[str]:
    """The paths with one of the extensions and without a hidden part."""
    for name in names:
        extension = os.path.splitext(name)[1].lower()
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
        if extension in extensions and not hidden:
            yield name


@functools.cache
def pillow_extensions() -> frozenset[str]:
    """The extensions of the formats that Pillow reads, in lower case."""
    known = Image.registered_extensions()
    return frozenset(extension for extension, kind in known.items() if kind in Image.OPEN)


def _what_else(path: Path) -> str:
    """Why a place without images may be the wrong one."""
    if not path.is_dir():
        return ""
    try:
        names = [name for name in os.listdir(path) if not name.startswith(".")]
    except OSError as error:
        return f": {error.strerror}"
    if not names:
        return ": it is empty"
    return f"; it holds other files, such as {shown(min(names))}"


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], bytes]:
    """A member's bytes. They are read now, since the archive moves on; too many are refused later."""
    file = None if is_too_large(member.size) else archive.extractfile(member)
    content = file.read() if file else b""

    def read() -> bytes:
        check_image_bytes(member.size)
        return content

    return read


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    check_image_bytes(info.file_size)  # what is unpacked is never more than the listing says
    return archive.read(info)


def _normal(name: str) -> str:
    return str(PurePosixPath(name))


def _damaged(path: Path, error: BaseException) -> DataNotFoundError:
    return DataNotFoundError(f"the archive {path} cannot be read: {reason(error)}")
