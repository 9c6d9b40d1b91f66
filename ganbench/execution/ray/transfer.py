"""A trial's files on their way between the run folder and a node that does not see it."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ganbench.base.errors import StorageError, one_line
from ganbench.base.files import storage_errors, write_atomically

#: Names and contents of files: bytes, which Ray carries, or keys of a `UrlStore`.
Packed = Mapping[str, bytes | str]
#: The file that only grows at its end.
_LOG = "log.txt"
#: Files of the supervisor, which stay where it is.
_SUPERVISORS = ("claim-", "attempts.jsonl")
_ROW, _DIGESTS = "row.json", "digests.json"
#: Tensors come before the file that makes them a checkpoint, and digests before the row.
_ORDER = {".safetensors": 1, ".json": 2, _DIGESTS: 3, _ROW: 4}
_EVERY = 3.0  # seconds between two looks, at least
_SHARE = 10  # a tenth of the time, at most, goes into looks


class ChangedFiles:
    """Finds what changes in a trial's folder after this is made."""

    def __init__(self, folder: Path, store: UrlStore | None) -> None:
        self._folder, self._store = folder, store
        self._stamps = dict(_stamps(folder))
        self._log_read = 0  # bytes
        self._next = 0.0

    def look(self, final: bool) -> list[dict[str, Any]]:
        """An event with what has changed since the last look; none if that was just now.

        :param final: whether the trial has ended: its row and digests go only then, together.
        """
        begin = time.monotonic()
        if begin < self._next and not final:
            return []
        files = pack(self._changed(final), self._store)
        removed = [name for name in self._stamps if not (self._folder / name).exists()]
        for name in removed:
            del self._stamps[name]
        end = time.monotonic()
        self._next = end + max(_EVERY, _SHARE * (end - begin))
        return [{"event": "files", "files": files, "removed": removed}] if files or removed else []

    def _changed(self, final: bool) -> Iterator[tuple[str, bytes]]:
        for name, stamp in _stamps(self._folder):
            if self._stamps.get(name) == stamp or (name in (_ROW, _DIGESTS) and not final):
                continue
            with contextlib.suppress(FileNotFoundError):  # a newer checkpoint replaced it
                data = (self._folder / name).read_bytes()
                if name == _LOG:
                    data, self._log_read = data[self._log_read :], len(data)
                yield name, data
                self._stamps[name] = stamp


def trial_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What a trial starts from, for `pack`; its log stays, and grows where it is."""
    for name, _ in _stamps(folder):
        if name != _LOG:
            with contextlib.suppress(FileNotFoundError):
                yield name, (folder / name).read_bytes()


def pack(files: Iterable[tuple[str, bytes]], store: UrlStore | None) -> Packed:
    """Put the contents into the store, if there is one."""
    return {name: data if store is None else store.put(data) for name, data in files}


def unpack(folder: Path, files: Packed, removed: Sequence[str], store: UrlStore | None) -> None:
    """Write files into a trial's folder, then remove those that made way for newer ones.

    :raises StorageError: if a file cannot be written, or read from the store.
    :raises ValueError: for a name that leads out of the folder or belongs to the supervisor.
    """
    for name in (*files, *removed):
        if not _travels(name):
            raise ValueError(f"{name!r} is not a file of a trial")
    for name, packed in files.items():
        path = folder / name
        if isinstance(packed, str):
            assert store is not None
            packed = store.take(packed)
        if name == _LOG:
            # A log that cannot be written is not worth a trial.
            with contextlib.suppress(OSError), open(path, "ab") as file:
                file.write(packed)
            continue
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, packed)
    for name in removed:
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def _travels(name: str) -> bool:
    """Whether a file of a trial's folder goes with the trial; False for a path that leads elsewhere."""
    parts = PurePosixPath(name).parts
    inside = not any(part.startswith((".", "/")) for part in parts)
    return inside and not name.startswith(_SUPERVISORS)


def _stamps(folder: Path) -> list[tuple[str, tuple[int, ...]]]:
    """File names in the order in which to write them, with what changes when a file does."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if _travels(name) and stat.S_ISREG(status.st_mode):
                found[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return sorted(found.items(), key=lambda item: (_rank(item[0]), item[0]))


def _rank(name: str) -> int:
    return _ORDER.get(name, _ORDER.get(PurePosixPath(name).suffix, 0))


class UrlStore:
    """Files at a URL of any kind that fsspec knows; all methods but `clear` raise StorageError.

    :param url: a folder of its own, such as ``s3://bucket/ganbench/run``.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        with self._problems("used"):
            self._files = fsspec.get_mapper(url)

    def check(self) -> None:
        """Write, read and remove a file."""
        self.take(self.put(b"ganbench"))

    def put(self, data: bytes) -> str:
        """Keep some bytes; their key, which ends with their digest."""
        key = f"{uuid.uuid4().hex}-{hashlib.sha256(data).hexdigest()}"
        with self._problems("written"):
            self._files[key] = data
        return key

    def take(self, key: str) -> bytes:
        """Read what `put` kept, and remove it."""
        with self._problems("read"):
            data: bytes = self._files[key]
            if not key.endswith(hashlib.sha256(data).hexdigest()):
                raise ValueError(f"{key} was damaged on its way")
        with contextlib.suppress(Exception):
            del self._files[key]
        return data

    def clear(self) -> None:
        """Remove everything at the URL."""
        with contextlib.suppress(Exception):
            self._files.fs.rm(self._files.root, recursive=True)

    @contextlib.contextmanager
    def _problems(self, action: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each kind of store has errors of its own
            message = f"the store {self.url} cannot be {action}: {one_line(error)}"
            raise StorageError(message) from None
