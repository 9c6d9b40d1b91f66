"""Carries out the checks in processes that may fail, and collects what they find."""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganbench.base.text import duration
from ganbench.execution.event_process import EventProcess
from ganbench.execution.selftest.listener import Listener
from ganbench.execution.selftest.outcome import Check, Outcome

_MODULE = "ganbench.execution.selftest.child"
_FOLDER = "ganbench-selftest-"


@dataclass
class Found:
    """What the checks found.

    :ivar machine: the facts of `machine.describe`; empty if no process came so far.
    :ivar outcomes: name of a check -> outcome.
    :ivar seconds: name of a check -> its time.
    :ivar interrupted: whether a person stopped the checks.
    """

    machine: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False


def conduct(
    checks: Sequence[Check], device: str, quick: bool, listener: Listener, limit: float
) -> Found:
    """Carry out the checks; first those that start runs, while the device is still empty.

    KeyboardInterrupt ends the present check; what was found before counts.

    :param limit: seconds of one check; a process that takes longer is ended.
    """
    found = Found()
    waiting = sorted(checks, key=lambda check: not check.starts_runs)
    # A process that was just killed may still be writing there.
    with tempfile.TemporaryDirectory(prefix=_FOLDER, ignore_cleanup_errors=True) as folder:
        start = functools.partial(_Child, folder, device, quick, limit)
        while waiting:
            try:
                _conduct_some(waiting, start, listener, found)
            except KeyboardInterrupt:
                found.interrupted = True
                return found
            waiting = [check for check in waiting if check.name not in found.outcomes]
    return found


def _conduct_some(
    waiting: Sequence[Check],
    start: Callable[[Sequence[str]], _Child],
    listener: Listener,
    found: Found,
) -> None:
    """Carry out checks in one process, as far as it comes; at least the first has an outcome then."""
    known = {check.name: check for check in waiting}
    current = waiting[0]

    def note(check: Check, outcome: Outcome, seconds: float) -> None:
        found.outcomes[check.name], found.seconds[check.name] = outcome, seconds
        listener.ended(check, outcome, seconds)

    with start(list(known)) as child:
        for event in child.checks():
            if event["event"] == "machine":
                found.machine = event["machine"]
            elif event["event"] == "began":
                current = known[event["name"]]
                listener.began(current)
            elif event["event"] == "say":
                listener.say(event["text"])
            else:
                check, outcome = known[event["name"]], Outcome.from_dict(event["outcome"])
                note(check, outcome, event["seconds"])
        if current.name not in found.outcomes:
            note(current, Outcome("broken", (child.why(),)), child.seconds)


class _Child(EventProcess):
    """The process of some checks.

    :param folder: where its checks write.
    :param limit: seconds of one check.
    """

    def __init__(
        self, folder: str, device: str, quick: bool, limit: float, names: Sequence[str]
    ) -> None:
        self._limit, self._began = limit, time.monotonic()
        asked = [folder, device, "quick" if quick else "full", *names]
        super().__init__(lambda pipe: [sys.executable, "-m", _MODULE, str(pipe), *asked])

    @property
    def seconds(self) -> float:
        """The time since the present check began."""
        return time.monotonic() - self._began

    def checks(self) -> Iterator[dict[str, Any]]:
        """Its events, until it ends or a check takes too long."""
        for event in self.events(lambda: self.seconds <= self._limit):
            if event["event"] == "began":
                self._began = time.monotonic()
            yield event

    def why(self) -> str:
        """A sentence on why a check has no end."""
        code = self.exit_code
        if code is None:
            return f"the check took longer than {duration(self._limit)}"
        end = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"its process {end}: {self.last_words()}"
