"""Carries out the checks in processes that may fail, and collects what they find."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from ganbench.base.text import duration, plain
from ganbench.execution.selftest.listener import Listener
from ganbench.execution.selftest.outcome import Check, Outcome

_MODULE = "ganbench.execution.selftest.child"
_CHUNK = 1 << 16
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
        for event in child.events():
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


class _Child:
    """One process, in a group of its own; everything in the group ends with the block.

    :param folder: where its checks write.
    :param limit: seconds of one check.
    """

    def __init__(
        self, folder: str, device: str, quick: bool, limit: float, names: Sequence[str]
    ) -> None:
        self._limit, self._began = limit, time.monotonic()
        self._reading, writing = os.pipe()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        extent = "quick" if quick else "full"
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(writing), folder, device, extent, *names],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                start_new_session=True,
            )
        finally:
            os.close(writing)

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._reading)
        self._log.close()

    @property
    def seconds(self) -> float:
        """The time since the present check began."""
        return time.monotonic() - self._began

    def events(self) -> Iterator[dict[str, Any]]:
        """Its events, until it ends or a check takes too long."""
        unread = b""
        while self.seconds <= self._limit:
            if not select.select([self._reading], [], [], 0.2)[0]:
                continue
            data = os.read(self._reading, _CHUNK)
            if not data:
                self._process.wait()
                return
            *lines, unread = (unread + data).split(b"\n")
            for event in map(json.loads, lines):
                if event["event"] == "began":
                    self._began = time.monotonic()
                yield event

    def why(self) -> str:
        """A sentence on why a check has no end."""
        code = self._process.poll()
        if code is None:
            return f"the check took longer than {duration(self._limit)}"
        end = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"its process {end}: {self._last_words()}"

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line]
        return plain(lines[-1]) if lines else "it printed nothing"
