"""The contract of callbacks: observers of trials, such as experiment trackers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganbench.components.base import Component


class Callback(Component):
    """Follows trials. Its errors go to the trial's log and change no result."""

    def missing(self) -> str | None:
        """What is missing for it to work here, with a way out; None if nothing is missing.

        A run asks this before it begins, and refuses to start if something is missing.
        """
        return None

    def trial_started(self, trial: Mapping[str, Any], folder: Path) -> None:
        """Before the first step, also when a trial resumes; ``trial`` is the content of trial.json."""

    def tick(self, trial: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """After an evaluation; ``record`` is a line of the history."""

    def trial_ended(self, trial: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """After the row has been written."""
