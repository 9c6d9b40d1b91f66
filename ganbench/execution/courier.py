"""A trial's files on their way between a node that has no share in the run folder and the run folder.

What travels are pieces: lists of plain values, so that whoever passes them on need not know this
module. Every piece carries the digest of its content, and nothing is written that does not match it.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ganbench.results.files import storage_errors, write_atomically

#: Files that grow at their end only.
_GROWING = "log.txt"
#: What belongs to the supervisor, and stays where that is.
_SUPERVISORS = ("claim-", "attempts.jsonl")
_ROW, _DIGESTS = "row.json", "digests.json"


class Piece(NamedTuple):
    """A file, or what was added to its end.

    :ivar name: its path within the trial's folder, with slashes.
    :ivar digest: SHA-256 of the content.
    :ivar content: what the store needs to find the content.
    """

    name: str
    digest: str
    content: Any


class Outbox:
    """Finds what has changed in a trial's folder since this was made, or since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamps = dict(_stamps(folder))
        self._read = 0  # bytes of the log

    def changes(self, final: bool) -> Iterator[tuple[str, bytes]]:
        """Names and contents, in the order in which they are to be written.

        :param final: whether the trial has ended: rows and their digests go together at the end.
        """
        for name, stamp in _stamps(self._folder):
            if self._stamps.get(name) == stamp or (name in (_ROW, _DIGESTS) and not final):
                continue
            with contextlib.suppress(FileNotFoundError):  # a checkpoint that made way for a new one
                yield name, self._content(name)
                self._stamps[name] = stamp

    def gone(self) -> list[str]:
        """Names of the files that were there and are no more."""
        names = [name for name in self._stamps if not (self._folder / name).exists()]
        for name in names:
            del self._stamps[name]
        return names

    def _content(self, name: str) -> bytes:
        if name != _GROWING:
            return (self._folder / name).read_bytes()
        with open(self._folder / name, "rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        return data


def travels(name: str) -> bool:
    """Whether a file of a trial's folder goes with the trial; False for a path that leads elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name.startswith(_SUPERVISORS):
        return False
    return not any(part.startswith(".") for part in path.parts)


def read_all(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The names and contents of what a trial begins with; its log goes on where it is."""
    for name, _ in _stamps(folder):
        if name != _GROWING:
            with contextlib.suppress(FileNotFoundError):
                yield name, (folder / name).read_bytes()


def digest(data: bytes) -> str:
    """The SHA-256 of a piece's content."""
    return hashlib.sha256(data).hexdigest()


def deliver(folder: Path, pieces: Iterable[Sequence[Any]], fetch: Callable[[Any], bytes]) -> None:
    """Write pieces into a trial's folder, each of them checked.

    :param fetch: gives the content of a piece.
    :raises StorageError: if a file cannot be written.
    :raises ValueError: for content that is not what was sent, and for a name that leads elsewhere.
    """
    for piece in pieces:
        name, sent, content = piece
        if not travels(name):
            raise ValueError(f"{name!r} is no file of a trial")
        data = fetch(content)
        if digest(data) != sent:
            raise ValueError(f"{name} was damaged on its way")
        path = folder / name
        if name == _GROWING:
            # As everywhere: a log that cannot be written is no reason to lose a trial.
            with contextlib.suppress(OSError), open(path, "ab") as file:
                file.write(data)
            continue
        if "/" in name:
            with storage_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files that made way for newer ones."""
    for name in names:
        if travels(name) and name not in (_ROW, _DIGESTS):
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def _stamps(folder: Path) -> list[tuple[str, tuple[int, ...]]]:
    """Names of files, in the order in which they are to be written, with what tells a change."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if travels(name) and stat.S_ISREG(status.st_mode):
                found[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return sorted(found.items(), key=lambda item: (_rank(item[0]), item[0]))


def _rank(name: str) -> int:
    """Tensors come before the file that makes them a checkpoint, and digests before the row."""
    if name == _ROW:
        return 4
    if name == _DIGESTS:
        return 3
    return {".safetensors": 1, ".json": 2}.get(PurePosixPath(name).suffix, 0)
