"""digests.json: what a trial's files hold, so that a flipped bit or a cut shows.

It is written before the row that it speaks of, and keeps the digest of the row before: whichever of
the two is there after a crash, it is known. A file of which it says nothing is taken as it is, and
so are all files where there is no digests.json: rows may come from other hands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from ganbench.results.files import dump_json, load_json, read_bytes, write_atomically

NAME = "digests.json"
FORMAT = 1

Digests = Mapping[str, list[str]]


def digest(content: bytes) -> str:
    """The SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def read_verified(folder: str, name: str) -> bytes:
    """The content of ``name`` in a trial's folder.

    :raises FileNotFoundError: if there is none.
    :raises ValueError: if it is not what it was when the trial's row was written.
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

    :raises FileNotFoundError: if there are none.
    :raises ValueError: if they are damaged.
    """
    return _parse(read_bytes(f"{folder}/{NAME}"))


def seal_row(folder: str, row: bytes, others: Iterable[str]) -> None:
    """Write the digests of the row that is about to be written and of the files it belongs to."""
    files = {"row.json": [digest(row)]}
    before = _sound(folder, "row.json")
    if before is not None and before not in files["row.json"]:
        files["row.json"].append(before)
    for name in others:
        try:
            files[name] = [digest(read_bytes(f"{folder}/{name}"))]
        except OSError:
            continue  # not there, or not to be read: nothing is known of it
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


def _sound(folder: str, name: str) -> str | None:
    """The digest of a file, if it is there and not damaged: what is damaged must stay so."""
    try:
        return digest(read_verified(folder, name))
    except (OSError, ValueError):
        return None


def _write(folder: str, files: Digests) -> None:
    text = dump_json({"format": FORMAT, "files": files}, indent=None)
    write_atomically(Path(folder, NAME), text + "\n")


def _parse(text: bytes) -> Digests:
    content = load_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise ValueError("it is no JSON object with files")
    if content.get("format") != FORMAT:
        raise ValueError(f"its format is {content.get('format')!r}")
    files: dict[str, list[str]] = content["files"]
    for name, known in files.items():
        if not isinstance(known, list) or not all(isinstance(item, str) for item in known):
            raise ValueError(f"the digests of {name!r} are no list of texts")
    return files


def _parse_or_nothing(text: bytes) -> Digests:
    try:
        return _parse(text)
    except (ValueError, RecursionError):
        return {}
