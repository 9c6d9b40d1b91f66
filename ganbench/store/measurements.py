"""Later measurements of finished trials: files beside their rows, which do not change."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganbench.base.files import alone, storage_errors, write_atomically
from ganbench.store.trial_folder import TrialFolder

#: Version of the files; a reader leaves alone what a later version wrote.
FORMAT = 1


def with_marks(name: str, marks: Sequence[str], options: Sequence[str] = ()) -> str:
    """``fd`` with its marks: ``fd@dinov2:50000:best``; a further extractor's column keeps its mark.

    :param marks: the first extractor where it is not the trial's, samples, weights.
    :param options: marks of the metric's own options.
    """
    bare, at, other = name.partition("@")
    if at:
        marks = [other, *(mark for mark in marks if mark.isdigit() or mark == "best")]
    whole = [*marks, *options]
    return f"{bare}@{':'.join(whole)}" if whole else bare


def measurement_file(folder: TrialFolder, name: str) -> Path:
    """Where a measurement is kept."""
    return folder.path / "measurements" / f"{name}.json"


def write_measurement(folder: TrialFolder, name: str, content: Mapping[str, Any]) -> None:
    """Keep a measurement, in one step; raises StorageError."""
    path = measurement_file(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


@contextlib.contextmanager
def only_measurer(folder: TrialFolder, name: str) -> Iterator[Mapping[str, Any] | None]:
    """Wait for other processes that measure the same; yields what they found, or None.

    :raises StorageError: if the folder cannot be written.
    """
    path = measurement_file(folder, name)
    lock = path.with_name(f".{name}.lock")
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    try:
        with alone(lock):
            yield _read(path)
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def read_measurements(folder: TrialFolder) -> Iterator[Mapping[str, Any]]:
    """The measurements of a trial, the oldest first, without damaged files and newer formats."""
    try:
        paths = sorted((folder.path / "measurements").glob("*.json"))
    except OSError:
        return
    found = [content for path in paths if (content := _read(path)) is not None]
    yield from sorted(found, key=lambda content: str(content.get("measured_at", "")))


def _read(path: Path) -> Mapping[str, Any] | None:
    """A measurement; None if it is missing, damaged or of a newer format."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        known = content["format"] == FORMAT and isinstance(content["values"], dict)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if known else None


def measured_values(folder: TrialFolder) -> tuple[dict[str, float], dict[str, str]]:
    """Column -> value of all measurements of a trial, and column -> the way of measuring it.

    The newest value of a column counts. Two ways of one column mean two things, such as before and
    after an edit of its metric.
    """
    values: dict[str, float] = {}
    ways: dict[str, str] = {}
    for content in read_measurements(folder):
        known = content.get("ways")
        for name, value in content["values"].items():
            if isinstance(value, (int, float)) and math.isfinite(value):
                values[str(name)] = float(value)
                ways[str(name)] = str(known.get(name, "")) if isinstance(known, dict) else ""
    return values, ways
