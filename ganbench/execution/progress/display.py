"""What all displays of a run have in common, and the one without a terminal: plain lines."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from ganbench.base.text import clock as clock_text
from ganbench.base.text import for_stream, plain
from ganbench.execution.progress.eta import TimeLeft
from ganbench.execution.progress.listener import Progress
from ganbench.execution.progress.texts import describe, describe_row, harmless, name_of
from ganbench.execution.supervise.messages import Status
from ganbench.grid.cell import Trial
from ganbench.store.schema import FAILURES, FINISHED

_QUIET_BUT_ALIVE = 2.0  # seconds between lines that only say that work goes on


class Display(Progress):
    """Knows the trials that run, how many have ended, and the time left.

    Displays draw in a thread of their own, so all state is read and written under `lock`.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = SteadyStream(stream), clock
        self.began = clock()
        self.preparing = True
        self.eta = TimeLeft(0, 1, clock)
        self.names: dict[str, str] = {}
        self.failed = 0
        self.lock = threading.RLock()
        self._numbers: dict[str, int] = {}

    def begin(self, total: int, jobs: int) -> None:
        with self.lock:
            self.eta.total, self.eta.workers = total, jobs
            self.preparing = False

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        with self.lock:
            self.names[trial.id] = f"{plain(trial.cell.label)} seed {trial.seed}"
            self._numbers[trial.id] = number
            self.eta.total, self.preparing = total, False
            self.eta.trial_started(trial.id)

    def update(self, trial_id: str, status: Status) -> None:
        with self.lock:
            self.eta.update(trial_id, status)

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        with self.lock:
            line = f"{self.head(row['trial'], row)}: {describe_row(row)}"
            self.failed += row["status"] in FAILURES
            self.eta.trial_ended(
                row["trial"], row.get("wall_seconds"), final=row["status"] in FINISHED
            )
        self.show_end(line, row)

    def show_end(self, line: str, row: Mapping[str, Any]) -> None:
        """Show the line on a trial that has ended; called without the lock."""
        raise NotImplementedError

    def head(self, trial: str, row: Mapping[str, Any] | None = None) -> str:
        """``[3/40] dcgan × hinge × digits seed 0``."""
        name = self.names.get(trial) or name_of(row or {"trial": trial})
        number = self._numbers.get(trial)
        return name if number is None else f"[{number}/{self.eta.total}] {name}"

    def summary(self) -> str:
        """``12 of 40 done, 1 failed, 1:20:05 left``."""
        parts = [f"{self.eta.ended - self.failed} of {self.eta.total} done"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        left = self.eta.seconds_left()
        if left is not None and left >= 1:  # nobody can foresee how long the last evaluation takes
            parts.append(f"{clock_text(left)} left")
        return ", ".join(parts)


class PlainLines(Display):
    """A line for each event, and one now and then for each trial that runs.

    A thread writes the latter, so that a person can tell a long evaluation from a run that hangs.

    :param every: seconds between two lines on the same trial.
    """

    def __init__(
        self, stream: TextIO, every: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(stream, clock)
        self._every = every
        self._due: dict[str, float] = {}
        self._next = self.began + every
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
        self._thread.start()

    def say(self, sentence: str) -> None:
        with self.lock:
            print(for_stream(harmless(sentence), self.stream), file=self.stream, flush=True)

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        with self.lock:
            super().trial_started(trial, number, total)
            self.say(f"{self.head(trial.id)}: started as {trial.id}")
            self._due[trial.id] = self.clock() + self._every

    def update(self, trial_id: str, status: Status) -> None:
        super().update(trial_id, status)
        self.tell_one()

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        with self.lock:
            self._due.pop(row["trial"], None)
            super().trial_ended(row)

    def show_end(self, line: str, row: Mapping[str, Any]) -> None:
        self.say(f"{line} ({self.summary()})" if self.eta.total > 1 else line)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _show(self) -> None:
        while not self._closed.wait(min(0.5, self._every)):
            self.tell_one()

    def tell_one(self) -> None:
        """Write a line on the trial that has waited longest for one, if it is time for one."""
        with self.lock:
            now = self.clock()
            if now < self._next:
                return
            if self.preparing:
                self.say(f"preparing {clock_text(now - self.began)}")
                self._next = now + self._every
                return
            trial = min(self._due, key=self._due.__getitem__, default="")
            if not trial or now < self._due[trial]:
                return
            timer = self.eta.running[trial]
            text = describe(timer.status, timer.seconds_left(now), now - timer.phase_began)
            self.say(f"{self.head(trial)}: {text}")
            self._due[trial] = now + self._every
            self._next = now + min(_QUIET_BUT_ALIVE, self._every)


class SteadyStream:
    """A stream whose reader may leave: the run goes on without it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
