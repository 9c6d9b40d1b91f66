"""The base of the trackers: each keeps an open session for every trial that it follows."""

from __future__ import annotations

import abc
import contextlib
import csv
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganbench import Callback


class Session(abc.ABC):
    """The open log of one trial, from its start or its resumption."""

    @abc.abstractmethod
    def tick(self, record: Mapping[str, Any]) -> None:
        """Record a line of the history; an earlier session may have recorded it already."""

    @abc.abstractmethod
    def end(self, row: Mapping[str, Any]) -> None:
        """Record the row, and close."""


class Tracker(Callback):
    """Passes events to the session of their trial; several trials may run at a time."""

    @functools.cached_property
    def _sessions(self) -> dict[str, Session]:
        return {}

    def begin(self, trial: Mapping[str, Any], folder: Path) -> Session:
        """A session for a trial that starts or resumes, whose files are in ``folder``."""
        raise NotImplementedError

    def trial_started(self, trial: Mapping[str, Any], folder: Path) -> None:
        self._sessions[trial["trial"]] = self.begin(trial, folder)

    def tick(self, trial: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        session = self._sessions.get(trial["trial"])
        if session is not None:
            session.tick(record)

    def trial_ended(self, trial: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        session = self._sessions.pop(trial["trial"], None)
        if session is not None:
            session.end(row)


def place(folder: str, default: str, trial_folder: Path) -> Path:
    """The folder that an option names, or one in the run folder; trial folders are DIR/trials/<id>."""
    return Path(folder) if folder else trial_folder.absolute().parent.parent / default


def images_before(trial_folder: Path, tick: float) -> int:
    """Images at the last evaluation before ``tick``, by history.csv; -1 without one."""
    return max((line["images"] for line in history_before(trial_folder, tick)), default=-1)


def history_before(trial_folder: Path, tick: float) -> list[dict[str, Any]]:
    """The lines of history.csv before ``tick``; cells that are no numbers are left out."""
    try:
        with open(trial_folder / "history.csv", newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    return [_as_numbers(line) for line in lines if int(line["tick"]) < tick]


def _as_numbers(line: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: int(line[name]) for name in ("tick", "images")}
    for name, text in line.items():
        with contextlib.suppress(ValueError):
            found.setdefault(name, float(text))
    return found
