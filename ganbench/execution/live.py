"""The live display: a bar for each running trial, one for the grid, a line for each that ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganbench.execution.orders import Status
from ganbench.execution.pace import Pace
from ganbench.execution.progress import Board, Steady, clock, harmless, measures, phase
from ganbench.grid.cell import Trial
from ganbench.results.schema import ENDED_WELL, FAILURES

_MOST = 8  # trials with a bar of their own
_BAR, _GAP = 20, 2
_LEAST_NAME, _LEAST_SPEC = 34, 4
_COLUMNS = ("percent", "bar", "images", "rate", "d_loss", "g_loss", "quality", "last")
#: What a narrow terminal does without, the first to go first.
_FIRST_TO_GO = ("g_loss", "d_loss", "images", "rate", "bar", "quality", "percent")


class LiveDisplay:
    """Draws itself anew four times a second, in a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=cast(TextIO, Steady(stream)))
        self._board = Board()
        self._began = time.monotonic()
        self._total: int | None = None
        self._lock = threading.RLock()
        self._live = Live(
            console=self._console, get_renderable=self._draw, transient=True, refresh_per_second=4
        )
        self._live.start()

    def say(self, sentence: str) -> None:
        self._print(harmless(sentence))

    def begin(self, total: int, jobs: int) -> None:
        with self._lock:
            self._board.begin(total, jobs)
            self._total = total

    def trial_started(self, trial: Trial, number: int, total: int) -> None:
        with self._lock:
            self._board.trial_started(trial, number, total)
            self._total = total

    def update(self, trial_id: str, status: Status) -> None:
        with self._lock:
            self._board.outlook.update(trial_id, status)

    def trial_ended(self, row: Mapping[str, Any]) -> None:
        with self._lock:
            line = self._board.trial_ended(row)
        style = "red" if row["status"] in FAILURES else ""
        self._print(line, style or ("" if row["status"] in ENDED_WELL else "yellow"))

    def close(self) -> None:
        self._live.stop()

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _draw(self) -> Group:
        with self._lock:
            return self._group(time.monotonic())

    def _group(self, now: float) -> Group:
        if self._total is None:
            return Group(Text(f"preparing {clock(now - self._began)}", style="dim"))
        if self._total == 0:
            return Group()
        running = list(self._board.outlook.running.items())
        width, height = self._console.size
        most = max(1, min(_MOST, height - 4))
        lines = [_line(self._board.names[trial], pace, now) for trial, pace in running[:most]]
        parts: list[Any] = [_table(lines, width)] if lines else []
        if len(running) > most:
            parts.append(Text(f"and {len(running) - most} more", style="dim"))
        parts.append(self._whole(width))
        return Group(*parts)

    def _whole(self, width: int) -> Table:
        """The bar of the grid."""
        outlook = self._board.outlook
        done = outlook.ended + sum(pace.status.share for pace in outlook.running.values())
        summary = self._board.summary()
        table = Table.grid(padding=(0, 1))
        cells: list[Any] = [Text("grid", style="bold")]
        if cell_len(summary) + _BAR + 6 <= width:
            cells.append(ProgressBar(total=max(1, outlook.total), completed=done, width=_BAR))
        table.add_row(*cells, Text(summary, no_wrap=True, overflow="ellipsis"))
        return table


@dataclass(frozen=True)
class _Line:
    """What is shown of one trial.

    :ivar cells: texts by column, empty where there is nothing to show.
    """

    name: str
    share: float
    cells: Mapping[str, str] = field(default_factory=dict)


def _line(name: str, pace: Pace, now: float) -> _Line:
    status = pace.status
    left = pace.seconds_left(now)
    training = status.phase == "training"
    last = f"{clock(left)} left" if training and left is not None and status.share < 1 else ""
    cells = {
        "percent": f"{int(100 * status.share)}%",
        "images": f"{status.images:,} images" if status.images else "",
        **measures(status),
        "last": last if training else phase(status, now - pace.phase_began),
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
    """The name with its longest specs cut: what is short, and the seed, tells neighbours apart."""
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
