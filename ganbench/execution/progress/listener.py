"""What runs and measurements tell about themselves while they go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.execution.supervise.messages import Status
from ganbench.grid.cell import Trial


class Progress:
    """Listens to a run; this one says nothing, and displays override what they show."""

    def say(self, sentence: str) -> None:
        """Show something that a person should know."""

    def begin(self, total: int, jobs: int) -> None:
        """The run has so many trials, so many at a time; may be called again."""

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        """Trial ``number`` of ``total`` begins, both counted from 1, or begins again."""

    def update(self, trial_id: str, status: Status) -> None:
        """The trial goes on."""

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        """The trial has its row."""

    def close(self) -> None:
        """The run is over."""


class SaidOnce(Progress):
    """Passes everything on, but each sentence only once: for runs that follow each other.

    :param heard: the sentences so far.
    """

    def __init__(self, listener: Progress, heard: set[str]) -> None:
        self._listener, self._heard = listener, heard

    def say(self, sentence: str) -> None:
        if sentence not in self._heard:
            self._heard.add(sentence)
            self._listener.say(sentence)

    def begin(self, total: int, jobs: int) -> None:
        self._listener.begin(total, jobs)

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        self._listener.trial_started(trial, number, total)

    def update(self, trial_id: str, status: Status) -> None:
        self._listener.update(trial_id, status)

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        self._listener.trial_ended(row)

    def close(self) -> None:
        self._listener.close()


class MeasureListener:
    """Listens to `ganbench.measure`; this one says nothing."""

    def begin(self, total: int) -> None:
        """So many trials are to be measured."""

    def done(self, trial: str, values: dict[str, Any]) -> None:
        """A trial is measured."""

    def failed(self, trial: str, reason: str) -> None:
        """A trial cannot be measured."""

    def say(self, sentence: str) -> None:
        """Show something that a person should know."""
