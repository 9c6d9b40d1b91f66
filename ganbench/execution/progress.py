"""What a person sees while a grid runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

from ganbench.execution.orders import Status
from ganbench.execution.pace import Outlook
from ganbench.grid.cell import Trial
from ganbench.results.formatting import plain, plain_line
from ganbench.results.primary import primary_in
from ganbench.results.schema import AXES, FAILURES, FINISHED

_QUIET_BUT_ALIVE = 2.0  # seconds between lines that only tell that work goes on


class Progress(Protocol):
    """What is told about a run."""

    def say(self, sentence: str) -> None:
        """Something that a person should know."""

    def begin(self, total: int, jobs: int) -> None:
        """There are so many trials to run, so many at a time; may be told anew."""

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        """Trial ``number`` of ``total`` begins, both counted from 1, or begins again."""

    def update(self, trial_id: str, status: Status) -> None:
        """The trial goes on."""

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        """The trial has its row."""

    def close(self) -> None:
        """The run is over."""


class Silent:
    """Says nothing."""

    def say(self, sentence: str) -> None: ...
    def begin(self, total: int, jobs: int) -> None: ...
    def trial_started(self, trial: Trial, number: int, total: int) -> None: ...
    def update(self, trial_id: str, status: Status) -> None: ...
    def trial_ended(self, row: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


class Board:
    """What the displays have in common: the trials that run, those that have ended, time left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.outlook = Outlook(0, 1, clock)
        self.names: dict[str, str] = {}
        self.failed = 0
        self._numbers: dict[str, int] = {}

    def begin(self, total: int, jobs: int) -> None:
        """As `Progress.begin`."""
        self.outlook.total, self.outlook.workers = total, jobs

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        """As `Progress.trial_started`."""
        self.names[trial.id] = f"{plain(trial.cell.label)} seed {trial.seed}"
        self._numbers[trial.id] = number
        self.outlook.total = total
        self.outlook.trial_started(trial.id)

    def trial_ended(self, row: Mapping[str, Any]) -> str:
        """As `Progress.trial_ended`; returns the line on the trial."""
        line = f"{self.head(row['trial'], row)}: {describe_row(row)}"
        self.failed += row["status"] in FAILURES
        self.outlook.trial_ended(
            row["trial"], row.get("wall_seconds"), final=row["status"] in FINISHED
        )
        return line

    def head(self, trial: str, row: Mapping[str, Any] | None = None) -> str:
        """``[3/40] dcgan × hinge × digits seed 0``."""
        name = self.names.get(trial) or name_of(row or {"trial": trial})
        number = self._numbers.get(trial)
        return name if number is None else f"[{number}/{self.outlook.total}] {name}"

    def summary(self) -> str:
        """``12 of 40 done, 1 failed, 1:20:05 left``."""
        outlook = self.outlook
        parts = [f"{outlook.ended - self.failed} of {outlook.total} done"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        left = outlook.seconds_left()
        if left is not None and left >= 1:  # the last evaluation is none that could be foreseen
            parts.append(f"{clock(left)} left")
        return ", ".join(parts)


class PlainLines:
    """A line for each event, and one now and then for each trial that runs.

    A thread writes the latter, so that a long evaluation is told from a run that hangs.

    :param every: seconds between two lines on the same trial.
    """

    def __init__(
        self, stream: TextIO, every: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._every, self._clock = Steady(stream), every, clock
        self._board = Board(clock)
        self._due: dict[str, float] = {}
        self._began = self._clock()
        self._next = self._began + every
        self._preparing = True
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
        self._thread.start()

    def say(self, sentence: str) -> None:
        with self._lock:
            print(harmless(sentence), file=self._stream, flush=True)

    def begin(self, total: int, jobs: int) -> None:
        with self._lock:
            self._board.begin(total, jobs)
            self._preparing = False

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        with self._lock:
            self._board.trial_started(trial, number, total)
            self._preparing = False
            self.say(f"{self._board.head(trial.id)}: started")
            self._due[trial.id] = self._clock() + self._every

    def update(self, trial_id: str, status: Status) -> None:
        with self._lock:
            self._board.outlook.update(trial_id, status)
        self.tell_one()

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        with self._lock:
            self._due.pop(row["trial"], None)
            line = self._board.trial_ended(row)
            outlook = self._board.outlook
            rest = f" ({self._board.summary()})" if outlook.total > 1 else ""
            self.say(line + rest)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _tell(self) -> None:
        while not self._closed.wait(min(0.5, self._every)):
            self.tell_one()

    def tell_one(self) -> None:
        """A line on the trial that has waited longest for one, if it is time for one."""
        with self._lock:
            now = self._clock()
            if now < self._next:
                return
            if self._preparing:
                self.say(f"preparing {clock(now - self._began)}")
                self._next = now + self._every
                return
            trial = min(self._due, key=self._due.__getitem__, default="")
            if not trial or now < self._due[trial]:
                return
            pace = self._board.outlook.running[trial]
            text = describe(pace.status, pace.seconds_left(now), now - pace.phase_began)
            self.say(f"{self._board.head(trial)}: {text}")
            self._due[trial] = now + self._every
            self._next = now + min(_QUIET_BUT_ALIVE, self._every)


class Steady:
    """A stream whose reader may leave: a run that nobody watches any more still goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that is possible."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def make_progress(quiet: bool) -> Progress:
    """The display that fits standard error."""
    if quiet:
        return Silent()
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return PlainLines(sys.stderr)
    from ganbench.execution.live import LiveDisplay

    return LiveDisplay(sys.stderr)


def describe(
    status: Status, seconds_left: float | None = None, in_phase: float | None = None
) -> str:
    """One line on a running trial.

    :param seconds_left: until its budget is used up.
    :param in_phase: seconds since the phase began.
    """
    training = status.phase == "training"
    parts = [] if training else [phase(status, in_phase)]
    if training or status.images:
        parts.append(f"{status.images:,} images")
    parts += [text for text in measures(status).values() if text]
    if training and seconds_left is not None and status.share < 1:
        parts.append(f"{clock(seconds_left)} left")
    return "  ".join(parts)


def phase(status: Status, in_phase: float | None = None) -> str:
    """``evaluating 0:12``: what a trial does, and for how long."""
    return plain(status.phase) if in_phase is None else f"{plain(status.phase)} {clock(in_phase)}"


def measures(status: Status) -> dict[str, str]:
    """Speed, losses and primary metric as texts, empty where they are not known."""
    rate = status.images / status.train_seconds if status.train_seconds > 0 else math.nan
    return {
        "rate": f"{rate:,.0f} img/s" if status.images and math.isfinite(rate) else "",
        "d_loss": f"D {status.d_loss:.3f}" if math.isfinite(status.d_loss) else "",
        "g_loss": f"G {status.g_loss:.3f}" if math.isfinite(status.g_loss) else "",
        "quality": value_text(status.metric, status.quality),
    }


def value_text(metric: str, value: float | None) -> str:
    """``fd 3.72``; empty for what is not known."""
    known = value is not None and math.isfinite(value)
    return f"{plain(metric)} {value:.4g}" if known else ""


def describe_row(row: Mapping[str, Any]) -> str:
    """One line on a trial that has ended."""
    if row["status"] != "ok":
        return plain(f"{row['status']}: {row.get('error') or ''}".rstrip(": "))
    parts = ["ok"]
    metric = primary_in(row.get("evaluation"))
    if row.get(metric) is not None:
        parts.append(f"{plain(metric)} {row[metric]:.4g}")
    if row.get("verdict"):
        parts.append(plain(row["verdict"]))
    if row.get("images_per_second"):
        parts.append(f"{row['images_per_second']:,.0f} img/s")
    return ", ".join(parts)


def name_of(row: Mapping[str, Any]) -> str:
    """A trial's components and its seed; its id where the row does not tell."""
    specs = [plain(row[axis]) for axis in AXES if row.get(axis) not in (None, "none")]
    return f"{' × '.join(specs)} seed {row.get('seed')}" if specs else plain(row["trial"])


def harmless(text: str) -> str:
    """Lines of text that cannot steer a terminal."""
    return "\n".join(map(plain_line, text.splitlines()))


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
