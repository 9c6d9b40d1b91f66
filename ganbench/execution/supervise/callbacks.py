"""The callbacks of a run; what they raise goes to the log and changes no result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ganbench.base.errors import UsageError, one_line
from ganbench.components.callback import Callback
from ganbench.execution.supervise.endings import print_traceback
from ganbench.registry.lookup import default_registry


def resolve_callbacks(given: Sequence[str | Callback]) -> list[Callback]:
    """The callbacks that specs name, and objects as they are.

    :raises UsageError: for an unknown callback, or one that cannot work here.
    """
    found = []
    for one in given:
        callback = (
            default_registry().bind("callback", one).component if isinstance(one, str) else one
        )
        problem = _problem(callback)
        if problem is not None:
            name = one if isinstance(one, str) else type(one).__name__
            raise UsageError(f"callback {name}: {problem}")
        found.append(callback)
    return found


def _problem(callback: Callback) -> str | None:
    """Why a callback cannot work here, as it says itself, or why it cannot say so."""
    try:
        missing: Any = callback.missing()
    except Exception as error:
        return f"missing() fails: {one_line(error)}"
    if missing is None or isinstance(missing, str):
        return missing
    return f"missing() returns {missing!r}: return None, or a sentence that says what to install"


class Audience:
    """Calls the callbacks of a run.

    :param say: receives one sentence about each callback that raises, at its first time.
    """

    def __init__(self, callbacks: Sequence[Callback], say: Callable[[str], None]) -> None:
        self._callbacks, self._say = callbacks, say
        self._named = set[int]()

    def started(self, trial: Mapping[str, Any], folder: Path) -> None:
        self._tell(lambda callback: callback.trial_started(trial, folder))

    def tick(self, trial: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        self._tell(lambda callback: callback.tick(trial, record))

    def ended(self, trial: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        self._tell(lambda callback: callback.trial_ended(trial, row))

    def _tell(self, call: Callable[[Callback], None]) -> None:
        for callback in self._callbacks:
            try:
                # A tracker must not draw from the training's random stream.
                with torch.random.fork_rng(devices=[]):
                    call(callback)
            except (Exception, SystemExit) as error:
                print_traceback()
                self._name(callback, error)

    def _name(self, callback: Callback, error: BaseException) -> None:
        if id(callback) not in self._named:
            self._named.add(id(callback))
            self._say(
                f"callback {type(callback).__name__} failed: {one_line(error)}; training goes on, "
                "and the log has the traceback"
            )
