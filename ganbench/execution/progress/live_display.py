"""The live display: a bar for each running trial, one for the grid, a line for each that ended.

`make_progress` chooses between it and plain lines.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TextIO, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganbench.base.text import clock, wrapped_words
from ganbench.execution.progress.display import Display, PlainLines
from ganbench.execution.progress.eta import TrialTimer
from ganbench.execution.progress.listener import Progress
from ganbench.execution.progress.texts import harmless, measures, phase
from ganbench.store.schema import ENDED_WELL, FAILURES

_MOST = 8  # trials with a bar of their own
_BAR, _GAP = 20, 2
_LEAST_NAME, _LEAST_SPEC = 34, 4
_COLUMNS = ("percent", "bar", "images", "rate", "d_loss", "g_loss", "quality", "last")
#: What a narrow terminal does without, the first to go first.
_FIRST_TO_GO = ("g_loss", "d_loss", "images", "rate", "bar", "quality", "percent")


class LiveDisplay(Display):
    """Redraws itself four times a second, in a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console = Console(file=cast(TextIO, self.stream))
        self._live = Live(
            console=self._console, get_renderable=self._draw, transient=True, refresh_per_second=4
        )
        self._live.start()

    def say(self, sentence: str) -> None:
        self._print(harmless(sentence))

    def show_end(self, line: str, row: Mapping[str, Any]) -> None:
        style = "red" if row["status"] in FAILURES else ""
        self._print(line, style or ("" if row["status"] in ENDED_WELL else "yellow"))

    def close(self) -> None:
        self._live.stop()

    def _print(self, text: str, style: str = "") -> None:
        # Not by rich, which breaks long words.
        lines = wrapped_words(text, self._console.width, "    ")
        self._console.print(Text(lines, style=style), soft_wrap=True)

    def _draw(self) -> Group:
        with self.lock:
            return self._group(self.clock())

    def _group(self, now: float) -> Group:
        if self.preparing:
            return Group(Text(f"preparing {clock(now - self.began)}", style="dim"))
        if self.eta.total == 0:
            return Group()
        running = list(self.eta.running.items())
        width, height = self._console.size
        most = max(1, min(_MOST, height - 4))
        lines = [_line(self.names[trial], timer, now) for trial, timer in running[:most]]
        parts: list[Any] = [_table(lines, width)] if lines else []
        if len(running) > most:
            parts.append(Text(f"and {len(running) - most} more", style="dim"))
        parts.append(self._whole(width))
        return Group(*parts)

    def _whole(self, width: int) -> Table:
        """The bar of the grid."""
        total, summary = self.eta.total, self.summary()
        done = self.eta.ended + sum(timer.status.share for timer in self.eta.running.values())
        table = Table.grid(padding=(0, 1))
        cells: list[Any] = [Text("grid", style="bold")]
        if cell_len(summary) + _BAR + 6 <= width:
            cells.append(ProgressBar(total=max(1, total), completed=done, width=_BAR))
        table.add_row(*cells, Text(summary, no_wrap=True, overflow="ellipsis"))
        return table


class _Line(NamedTuple):
    """What is shown of one trial; cells are texts by column, empty where there is nothing to show."""

    name: str
    share: float
    cells: Mapping[str, str]


def _line(name: str, timer: TrialTimer, now: float) -> _Line:
    status = timer.status
    left = timer.seconds_left(now)
    training = status.phase == "training"
    last = f"{clock(left)} left" if training and left is not None and status.share < 1 else ""
    cells = {
        "percent": f"{int(100 * status.share)}%",
        "images": f"{status.images:,} images" if status.images else "",
        **measures(status),
        "last": last if training else phase(status, now - timer.phase_began),
    }
    return _Line(name, status.share, cells)


def _table(lines: Sequence[_Line], width: int) -> Table:
    """Trials as rows, with as many columns as fit; names are cut to what room is left."""
    widths = dict.fromkeys(_COLUMNS, 0)
    for line in lines:
        for name, text in line.cells.items():
            widths[name] = max(widths[name], cell_len(text))
    widths["bar"] = _BAR
    kept = [name for name, needed in widths.items() if needed]
    longest = max(cell_len(line.name) for line in lines)
    for name in _FIRST_TO_GO:
        if _room(width, widths, kept) >= min(_LEAST_NAME, longest):
            break
        kept = [column for column in kept if column != name]
    table = Table.grid(padding=(0, _GAP, 0, 0))
    room = max(1, min(longest, _room(width, widths, kept)))
    table.add_column(no_wrap=True, overflow="ellipsis", width=room)
    for name in kept:
        table.add_column(no_wrap=True, justify="right", width=widths[name])
    for line in lines:
        table.add_row(Text(_shortened(line.name, room)), *(_cell(line, name) for name in kept))
    return table


def _room(width: int, widths: Mapping[str, int], kept: Sequence[str]) -> int:
    """What columns leave for the names."""
    return width - sum(widths[name] + _GAP for name in kept)


def _shortened(name: str, room: int) -> str:
    """Cut the longest specs of a name: short ones, and the seed, tell it from its neighbors."""
    specs, word, seed = name.rpartition(" seed ")
    parts = specs.split(" × ")
    sizes = list(map(cell_len, parts))
    surplus = cell_len(name) - room
    while surplus > 0 and max(sizes) > _LEAST_SPEC:
        sizes[sizes.index(max(sizes))] -= 1
        surplus -= 1
    kept = " × ".join(map(_cut, parts, sizes))
    return _cut(kept, max(1, room - cell_len(word + seed))) + word + seed


def _cut(text: str, size: int) -> str:
    return text if cell_len(text) <= size else f"{set_cell_size(text, size - 1).rstrip()}…"


def _cell(line: _Line, name: str) -> Any:
    if name == "bar":
        return ProgressBar(total=1.0, completed=line.share, width=_BAR)
    return Text(line.cells[name])


def make_progress(quiet: bool) -> Progress:
    """The display that fits standard error."""
    if quiet:
        return Progress()
    return LiveDisplay(sys.stderr) if on_terminal() else PlainLines(sys.stderr)


def on_terminal() -> bool:
    """Whether standard error is a terminal that can redraw lines."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
