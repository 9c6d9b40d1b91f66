"""Files that are whole or absent, and strict JSON that keeps non-finite numbers.

JSON has no NaN and no infinity, so they are written as the texts ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``, which readers turn back into floats; ``null`` means that there is no value. A text
that reads exactly like one of the three cannot be told from a number, unless its column is text.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganbench.base.errors import StorageError

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BLOCK = 1 << 16


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace a file in one step: a reader sees the old content or the new.

    After an error the old file is as it was.

    :raises StorageError: if it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with storage_errors(path), replacing(path) as temporary, open(temporary, "xb") as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path for a file or a folder that replaces ``path`` when the block ends."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        yield temporary
        if not temporary.is_dir():
            _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        # The cause of this error may stop the removal too; only the cause matters.
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    with contextlib.suppress(OSError):  # so that the new name survives a power cut
        _sync(path.parent)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock ``path`` against other processes while it is read and replaced, if locks work here."""
    with storage_errors(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder if it is missing, but not its parent: a missing parent was deleted.

    :raises StorageError: if it cannot be made.
    """
    with storage_errors(path), contextlib.suppress(FileExistsError):
        path.mkdir()


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; make the file if it is missing, and end a line that was cut short.

    :raises StorageError: if it cannot be written.
    """
    with storage_errors(path), open(path, "ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                line = "\n" + line
        data = (line + "\n").encode()
        if file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())


@contextlib.contextmanager
def storage_errors(path: object) -> Iterator[None]:
    """Turn the system's errors while ``path`` is written into a `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError.of(path, error) from None


def read_bytes(path: str) -> bytes:
    """The content of a file; three times as fast as `Path`, which matters for thousands of files."""
    handle = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(handle, _BLOCK):
            parts.append(part)
    finally:
        os.close(handle)
    return b"".join(parts)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_digest(value: Any, length: int = 64) -> str:
    """The first digits of the SHA-256 of a value in JSON; other types count as their texts."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def remove_temporary_files(folder: Path) -> None:
    """Remove the half-written files of killed processes. Nobody else may be writing there."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = entry.name.startswith(".") and entry.name.endswith(".tmp")
            if ours or entry.name.startswith(".tmp"):  # those of safetensors
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def dump_json(value: Any, indent: int | None = 1) -> str:
    """Strict JSON of plain values, numpy scalars and arrays, paths, mappings and sequences.

    :raises TypeError: for anything else.
    """
    text = json.dumps(encode(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "replace").decode()  # lone surrogates would not be UTF-8


def load_json(text: str | bytes) -> Any:
    """Parse strict JSON; the three words stay texts, see `decode`. Raises ValueError."""
    return _DECODER.decode(text.decode() if isinstance(text, bytes) else text)


def encode(value: Any) -> Any:
    """``value`` in JSON's types, non-finite numbers as words."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _word(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # arrays, tensors and their scalars
        return encode(value.tolist())
    raise TypeError(f"cannot store a {type(value).__name__}: {value!r}")


def decode(value: Any) -> Any:
    """Turn the words for non-finite numbers back into floats, at every depth."""
    if isinstance(value, str):
        return _WORDS.get(value, value)
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    return value


def _word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not valid JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
