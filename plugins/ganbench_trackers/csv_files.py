"""Trials as CSV files."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganbench import option
from ganbench.base.files import replacing, storage_errors
from ganbench_trackers.tracker import Session, Tracker, place
from ganbench_trackers.values import hyperparameters


class CSVFiles(Tracker):
    """A folder of CSV files for each trial, for spreadsheets and other programs.

    In ``folder/<trial id>``: ``hyperparameters.csv`` (name and value), ``metrics.csv`` (a line for each
    evaluation, where the column ``step`` counts images), and when the trial has ended ``row.csv`` (one
    line, all columns of the results) and ``samples.png``. A resumed trial leaves no duplicate lines.
    """

    folder: str = option("", "target folder; if empty, csv in the run folder")

    def begin(self, trial: Mapping[str, Any], folder: Path) -> Session:
        target = place(self.folder, "csv", folder) / str(trial["trial"])
        target.mkdir(parents=True, exist_ok=True)
        chosen = [{"name": k, "value": v} for k, v in hyperparameters(trial).items()]
        _write(target / "hyperparameters.csv", ("name", "value"), chosen)
        return _CSVSession(target, folder)


class _CSVSession(Session):
    def __init__(self, target: Path, folder: Path) -> None:
        self._target, self._folder = target, folder

    def tick(self, record: Mapping[str, Any]) -> None:
        file = self._target / "metrics.csv"
        earlier = [line for line in _read(file) if int(line["tick"]) < record["tick"]]
        line = {"step": record["images"], **record}
        names = list(dict.fromkeys([*(earlier[0] if earlier else ()), *line]))
        _write(file, names, [*earlier, line])

    def end(self, row: Mapping[str, Any]) -> None:
        _write(self._target / "row.csv", list(row), [row])
        samples = self._folder / "samples.png"
        if samples.is_file():
            shutil.copyfile(samples, self._target / "samples.png")


def _read(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _write(file: Path, names: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file; readers see the old lines or the new ones."""
    with (
        storage_errors(file),
        replacing(file) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as target,
    ):
        writer = csv.DictWriter(target, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
