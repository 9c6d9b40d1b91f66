"""One trial's files: identity, row, history, pictures, log, checkpoint and attempts.

Every file is replaced in one step, so a crash leaves the old file or the new one. A file that is
damaged all the same (a bad disk, an editor) is reported as a problem and treated as absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ganbench.base.errors import reason
from ganbench.base.files import (
    append_line,
    decode,
    dump_json,
    load_json,
    make_folder,
    read_bytes,
    remove_temporary_files,
    write_atomically,
)
from ganbench.store import file_digests as digests
from ganbench.store.rows import dump_history, dump_row, load_history, load_row


class Place:
    """A file or folder in its owner's folder: ``trial.row_json`` is ``trial.path / "row.json"``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: Any, kind: type | None = None) -> Path:
        return Path(folder.path, self._name)


T = TypeVar("T")

#: What belongs to a row and is sealed with it.
_BESIDE_ROWS = ("history.csv", "samples.png", "progress.png")


class TrialFolder:
    """One trial's files.

    The readers return None for an absent or damaged file. For a damaged file they append a sentence
    to ``problems``, if a list is given. The writers raise `StorageError` if the system refuses.
    """

    #: The trial's identity.
    trial_json = Place("trial.json")
    #: The trial's row; it exists once the trial has ended.
    row_json = Place("row.json")
    #: One line per evaluation tick.
    history_csv = Place("history.csv")
    #: Samples from fixed noise.
    samples_png = Place("samples.png")
    #: Samples at the end, each in a row with the nearest real images.
    neighbours_png = Place("neighbours.png")
    #: Samples at the ticks, one row each, the same latent in a column.
    progress_png = Place("progress.png")
    #: What the trial printed.
    log_txt = Place("log.txt")
    #: The newest good checkpoint.
    checkpoint_dir = Place("checkpoint")
    #: One line for every start and every end of an attempt.
    attempts_jsonl = Place("attempts.jsonl")
    #: What the files held when the row was written.
    digests_json = Place(digests.NAME)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)  # a text: of ten thousand trials, few need a Path

    @cached_property
    def path(self) -> Path:
        """The folder."""
        return Path(self._path)

    @property
    def id(self) -> str:
        """The trial's id."""
        return self._path.rpartition(os.sep)[2]

    def clean(self) -> None:
        """Prepare the folder for an attempt; only the holder of the trial's lease may call it.

        Remove half-written files of killed processes and the digests of files that will change.
        """
        remove_temporary_files(self.path)
        remove_temporary_files(self.checkpoint_dir)
        digests.unseal(self._path, _BESIDE_ROWS)

    def write_identity(self, identity: Mapping[str, Any]) -> None:
        """Write trial.json."""
        self._write(self.trial_json, dump_json(identity) + "\n")

    def read_identity(self, problems: list[str] | None = None) -> dict[str, Any] | None:
        """The content of trial.json."""
        return self._read("trial.json", _load_identity, problems, sealed=False)

    def write_row(self, row: Mapping[str, Any]) -> None:
        """Write row.json, which ends the trial, and seal it and the files beside it by digests.

        :raises ValueError: for another trial's row, or an unknown status.
        :raises TypeError: for a value that does not fit its column.
        """
        text = dump_row(row, self.id)
        make_folder(self.path)
        digests.seal_row(self._path, text.encode(), _BESIDE_ROWS)
        write_atomically(self.row_json, text)

    def read_row(self, problems: list[str] | None = None) -> dict[str, Any] | None:
        """The row with all contract columns; None where a value is missing."""
        return self._read("row.json", lambda text: load_row(text, self.id), problems)

    def write_history(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write history.csv; raises ValueError and TypeError as `write_row` does."""
        text = dump_history(records, self.id)
        digests.unseal(self._path, ["history.csv"])
        self._write(self.history_csv, text)

    def read_history(self, problems: list[str] | None = None) -> list[dict[str, Any]]:
        """The records with all contract columns; empty without a history."""
        found = self._read(
            "history.csv", lambda text: load_history(text.decode(), self.id), problems
        )
        return found or []

    def append_attempt(self, record: Mapping[str, Any]) -> None:
        """Add a line to attempts.jsonl."""
        line = dump_json(record, indent=None)
        make_folder(self.path)
        append_line(self.attempts_jsonl, line)

    def read_attempts(self, problems: list[str] | None = None) -> list[dict[str, Any]]:
        """The lines of attempts.jsonl, without a line that a crash cut short."""
        found = self._read("attempts.jsonl", load_attempts, problems, sealed=False)
        records, damaged = found or ([], [])
        if damaged and problems is not None:
            lines = ", ".join(map(str, damaged))
            problems.append(f"{self.attempts_jsonl} is damaged in line {lines}")
        return records

    def damaged(self) -> list[str]:
        """A sentence for each file that changed after the row was written, or is missing.

        A missing row counts as no damage: a crash may have prevented it.
        """
        try:
            sealed = digests.read_digests(self._path)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            return [f"{self.digests_json} is damaged: {reason(error)}"]
        problems = []
        for name in sealed:
            try:
                digests.read_verified(self._path, name)
            except FileNotFoundError:
                if name != "row.json":
                    problems.append(f"{self.path / name} is missing")
            except (OSError, ValueError) as error:
                problems.append(f"{self.path / name} is damaged: {reason(error)}")
        return problems

    def row_stamp(self) -> list[int] | None:
        """What changes when row.json is replaced; None without a row."""
        try:
            status = os.stat(f"{self._path}/row.json")
        except OSError:
            return None
        return [status.st_mtime_ns, status.st_size]

    def _write(self, path: Path, text: str) -> None:
        make_folder(self.path)
        write_atomically(path, text)

    def _read(
        self,
        name: str,
        load: Callable[[bytes], T],
        problems: list[str] | None,
        sealed: bool = True,
    ) -> T | None:
        """What ``load`` makes of a file; None, with a problem noted, if it cannot be read."""
        try:
            if sealed:
                return load(digests.read_verified(self._path, name))
            return load(read_bytes(f"{self._path}/{name}"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            if problems is not None:
                where = os.path.join(self._path, name)
                problems.append(f"{where} is damaged and was left out: {reason(error)}")
            return None


def _load_identity(text: bytes) -> dict[str, Any]:
    content = decode(load_json(text))
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    return content


def load_attempts(text: bytes) -> tuple[list[dict[str, Any]], list[int]]:
    """The records and the numbers of damaged lines; ``attempt`` is a whole number.

    A crash may cut the last line short: that line is left out and not counted as damaged.
    """
    records, damaged = [], []
    lines = text.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            record = decode(load_json(line))
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict) and type(record.get("attempt", 0)) is int:
            records.append(record)
        elif number < len(lines):
            damaged.append(number)
    return records, damaged
