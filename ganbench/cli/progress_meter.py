"""How far a measurement is: a bar on a terminal, plain lines elsewhere; on standard error only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ganbench.base.text import clock, counted, plain
from ganbench.evaluation.progress_meter import Meter
from ganbench.execution.progress.live_display import on_terminal

_EVERY = 10.0  # seconds between plain lines on the same task


class PlainMeter(Meter):
    """A line for each task, and one now and then while it lasts."""

    def __init__(self, stream: TextIO, time_now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, time_now
        self._title, self._total, self._done = "", None, 0  # type: tuple[str, int | None, int]
        self._began = self._due = time_now()

    def begin(self, title: str, total: int | None = None) -> None:
        self._title, self._total, self._done = title, total, 0
        self._began = self._clock()
        self._due = self._began + _EVERY
        self.say(f"{title} ({counted(total, 'image')})" if total else title)

    def advance(self, count: int) -> None:
        self._done += count
        now = self._clock()
        if now < self._due or not self._total:
            return
        self._due = now + _EVERY
        rate = self._done / max(now - self._began, 1e-9)
        left = (self._total - self._done) / rate if rate else 0.0
        self.say(
            f"{self._title}: {self._done:,} of {self._total:,}, {rate:,.1f} images/s, "
            f"{clock(left)} left"
        )

    def say(self, sentence: str) -> None:
        print(plain(sentence), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to end."""


class BarMeter(Meter):
    """A bar for each task."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task: Any = None
        self._began = time.monotonic()
        self._progress.start()

    def begin(self, title: str, total: int | None = None) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._began = time.monotonic()
        self._task = self._progress.add_task("", total=total, title=plain(title), rate="")

    def advance(self, count: int) -> None:
        task = self._progress.tasks[-1]
        rate = (task.completed + count) / max(time.monotonic() - self._began, 1e-9)
        self._progress.update(self._task, advance=count, rate=f"{rate:,.1f} images/s")

    def say(self, sentence: str) -> None:
        self._progress.console.print(plain(sentence), markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()


def make_meter() -> PlainMeter | BarMeter:
    """The display that fits standard error."""
    return BarMeter(sys.stderr) if on_terminal() else PlainMeter(sys.stderr)
