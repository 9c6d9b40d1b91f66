"""What a person sees while a grid runs: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from ganbench.execution.trial import Status
from ganbench.grid.cell import Trial


class Progress(Protocol):
    """What is told about a run."""

    def say(self, sentence: str) -> None:
        """Something that a person should know."""

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        """Trial ``number`` of ``total`` begins, both counted from 1."""

    def update(self, status: Status) -> None:
        """The trial goes on."""

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        """The trial has its row."""

    def close(self) -> None:
        """The run is over."""


class Silent:
    """Says nothing."""

    def say(self, sentence: str) -> None: ...
    def trial_started(self, trial: Trial, number: int, total: int) -> None: ...
    def update(self, status: Status) -> None: ...
    def trial_ended(self, row: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


class PlainLines:
    """A line for each event, and one every few seconds within a trial."""

    def __init__(self, stream: TextIO, every: float = 10.0) -> None:
        self._stream, self._every = stream, every
        self._next = 0.0
        self._head = ""

    def say(self, sentence: str) -> None:
        print(sentence, file=self._stream, flush=True)

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        self._head = f"[{number}/{total}] {trial.cell.label} seed {trial.seed}"
        self._next = time.monotonic() + self._every

    def update(self, status: Status) -> None:
        if time.monotonic() >= self._next:
            self.say(f"{self._head}: {describe(status)}")
            self._next = time.monotonic() + self._every

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        self.say(f"{self._head}: {describe_row(row)}")

    def close(self) -> None: ...


class LiveDisplay:
    """Two bars, for the trial and for the grid, with a line for each trial that has ended."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[detail]}", markup=False),
            console=Console(file=stream),
            transient=True,
        )
        self._all = self._bars.add_task("grid", total=1.0, detail="")
        self._one = self._bars.add_task("trial", total=1.0, detail="", visible=False)
        self._number = self._total = 0
        self._head = ""
        self._started = time.monotonic()
        self._bars.start()

    def say(self, sentence: str) -> None:
        self._bars.console.print(sentence, markup=False, highlight=False)

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        from rich.markup import escape

        self._number, self._total = number, total
        self._head = f"{trial.cell.label} seed {trial.seed}"
        self._bars.update(
            self._one, description=escape(self._head), completed=0, detail="", visible=True
        )
        self._show_all(0.0)

    def update(self, status: Status) -> None:
        self._bars.update(self._one, completed=status.share, detail=describe(status))
        self._show_all(status.share)

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        self.say(f"[{self._number}/{self._total}] {self._head}: {describe_row(row)}")
        self._show_all(1.0)

    def close(self) -> None:
        self._bars.stop()

    def _show_all(self, share: float) -> None:
        done = self._number - 1 + share
        detail = f"{self._number} of {self._total}"
        elapsed = time.monotonic() - self._started
        if done > 0:
            detail += f", {clock(elapsed / done * (self._total - done))} left"
        self._bars.update(self._all, total=self._total, completed=done, detail=detail)


def make_progress(quiet: bool) -> Progress:
    """The display that fits standard error."""
    if quiet:
        return Silent()
    return LiveDisplay(sys.stderr) if sys.stderr.isatty() else PlainLines(sys.stderr)


def describe(status: Status) -> str:
    """One line on a running trial."""
    parts = [f"{status.images:,} images"]
    if status.train_seconds > 0:
        rate = status.images / status.train_seconds
        parts.append(f"{rate:,.0f} img/s")
    parts += [f"D {status.d_loss:.3f}", f"G {status.g_loss:.3f}"]
    if math.isfinite(status.fd):
        parts.append(f"fd {status.fd:.4g}")
    if 0 < status.share < 1 and status.train_seconds > 0:
        parts.append(f"{clock(status.train_seconds / status.share * (1 - status.share))} left")
    return "  ".join(parts)


def describe_row(row: Mapping[str, Any]) -> str:
    """One line on a trial that has ended."""
    if row["status"] != "ok":
        return f"{row['status']}: {row.get('error') or ''}".rstrip(": ")
    rate = row.get("images_per_second") or math.nan
    return f"ok, fd {row['fd']:.4g}, {row.get('verdict')}, {rate:,.0f} img/s"


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
