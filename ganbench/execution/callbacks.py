"""Telling callbacks about trials; what they raise goes to the log and changes no result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ganbench.components.callback import Callback
from ganbench.execution.endings import print_traceback


class Audience:
    """The callbacks of a run."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = callbacks

    def started(self, trial: Mapping[str, Any], folder: Path) -> None:
        """A trial begins or goes on."""
        self._tell(lambda callback: callback.trial_started(trial, folder))

    def tick(self, trial: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """A trial was evaluated."""
        self._tell(lambda callback: callback.tick(trial, record))

    def ended(self, trial: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """A trial has its row."""
        self._tell(lambda callback: callback.trial_ended(trial, row))

    def _tell(self, call: Callable[[Callback], None]) -> None:
        for callback in self._callbacks:
            try:
                # What a tracker draws must not be missing from the training's random stream.
                with torch.random.fork_rng(devices=[]):
                    call(callback)
            except (Exception, SystemExit):
                print_traceback()
