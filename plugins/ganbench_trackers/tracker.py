"""What the trackers have in common: each keeps something open for every trial that it follows."""

from __future__ import annotations

import abc
import csv
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganbench import Callback


class Session(abc.ABC):
    """What is kept of one trial, from where it starts or resumes."""

    @abc.abstractmethod
    def tick(self, record: Mapping[str, Any]) -> None:
        """Take a line of the history; it may be one that an earlier session has taken."""

    @abc.abstractmethod
    def end(self, row: Mapping[str, Any]) -> None:
        """Take the row, and close."""


class Tracker(Callback):
    """Hands what it is told to the session of its trial; several trials may be under way."""

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
    """Images at the last evaluation before ``tick``, by history.csv; -1 if there is none."""
    try:
        with open(trial_folder / "history.csv", newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if int(line["tick"]) < tick]
    except FileNotFoundError:
        return -1
    return max((int(line["images"]) for line in lines), default=-1)
