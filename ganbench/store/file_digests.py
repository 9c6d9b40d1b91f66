"""digests.json: digests of a trial's files, so that a flipped bit or a cut shows.

It is written before the row and keeps the digest of the row before: after a crash, it knows either
row. A file without a digest is taken as it is, as are all files without a digests.json: rows may
come from elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from ganbench.base.files import dump_json, load_json, read_bytes, write_atomically

NAME = "digests.json"
FORMAT = 1

Digests = Mapping[str, list[str]]


def digest(content: bytes) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def read_verified(folder: str, name: str) -> bytes:
    """The content of ``name`` in a trial's folder.

    :raises FileNotFoundError: if the file does not exist.
    :raises ValueError: if the file changed after the trial's row was written.
    """
    while True:
        content = read_bytes(f"{folder}/{name}")
        try:
            # Read after the content: digests come first when a file is replaced.
            sealed = read_bytes(f"{folder}/{NAME}")
        except OSError:
            return content
        found = digest(content)
        # A digest anywhere in the text is the file's: looking into the text takes ten times as long.
        if found.encode() in sealed:
            return content
        known = _parse_or_nothing(sealed).get(name)
        if not known:
            return content
        if read_bytes(f"{folder}/{name}") == content:
            raise ValueError("it is not what it was when the row was written")


def read_digests(folder: str) -> Digests:
    """The digests of a trial's files, by name.

    :raises FileNotFoundError: if the file does not exist.
    :raises ValueError: if they are damaged.
    """
    return _parse(read_bytes(f"{folder}/{NAME}"))


def seal_row(folder: str, row: bytes, others: Iterable[str]) -> None:
    """Write the digests of the row that is about to be written and of the files it belongs to."""
    files = {"row.json": [digest(row)]}
    with contextlib.suppress(OSError, ValueError):  # a damaged file must stay damaged
        before = digest(read_verified(folder, "row.json"))
        files["row.json"] += [before] if before not in files["row.json"] else []
    for name in others:
        with contextlib.suppress(OSError):  # an absent or unreadable file gets no digest
            files[name] = [digest(read_bytes(f"{folder}/{name}"))]
    _write(folder, files)


def unseal(folder: str, names: Iterable[str]) -> None:
    """Forget the digests of files that are about to change."""
    try:
        files = dict(read_digests(folder))
    except (OSError, ValueError, RecursionError):
        return
    kept = {name: known for name, known in files.items() if name not in names}
    if kept != files:
        _write(folder, kept)


def _write(folder: str, files: Digests) -> None:
    text = dump_json({"format": FORMAT, "files": files}, indent=None)
    write_atomically(Path(folder, NAME), text + "\n")


def _parse(text: bytes) -> Digests:
    content = load_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise ValueError("it is not a JSON object with files")
    if content.get("format") != FORMAT:
        raise ValueError(f"its format is {content.get('format')!r}")
    files: dict[str, list[str]] = content["files"]
    for name, known in files.items():
        if not isinstance(known, list) or not all(isinstance(item, str) for item in known):
            raise ValueError(f"the digests of {name!r} are not a list of texts")
    return files


def _parse_or_nothing(text: bytes) -> Digests:
    try:
        return _parse(text)
    except (ValueError, RecursionError):
        return {}
