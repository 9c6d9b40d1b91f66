"""Results for the terminal: a table that fits its width, with reasons beneath."""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ganbench.results.layout import GAP, fitting, headed, least_width, widths, wrapped
from ganbench.results.view import Note, View, ViewColumn, make_view

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, JustifyMethod, RenderableType

_WIDTH_OF_FILES = 160
_NOTES = 20
_STYLES = {
    "stable": "green",
    "collapsed": "yellow",
    "never-learned": "yellow",
    "diverged": "red",
    "error": "red",
    "crashed": "red",
    "oom": "red",
    "timeout": "red",
    "interrupted": "cyan",
    "skipped": "dim",
}
_ASCII = str.maketrans(
    {"–": "-", "−": "-", "─": "-", "∞": "inf", "×": "x", "↓": "v", "↑": "^", "…": "..."}
)


def render_table(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    width: int | None = None,
    color: bool | None = None,
) -> str:
    """A results frame as text for a terminal.

    :param by_cell: one line per cell in place of one per trial.
    :param columns: names of columns; by default those that say something and fit.
    :param sort: the column to sort by, best first; data set and Fréchet distance by default.
    :param width: in characters; the terminal's, or 160 where standard output is none.
    :param color: whether to use escape sequences; by default if standard output is a terminal.
    :raises UnknownNameError: for a column that does not exist.
    """
    view = make_view(results, by_cell=by_cell, columns=columns, sort=sort)
    console = _console(width, color)
    if not view.columns or not len(view.frame):
        console.print("No trial has ended yet." if not len(results) else "No trial could run.")
    else:
        kept = view.columns if columns else fitting(view.columns, console.width)
        _print_table(console, kept)
        _print_beneath(console, view, [c.header for c in view.columns if c not in kept])
    _print_notes(console, view.notes)
    assert isinstance(console.file, io.StringIO)
    text = "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())
    return _writable(text)


def json_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values for strict JSON: what is missing or not finite is None."""
    records = frame.astype(object).to_dict("records")
    return [{str(name): _json_value(value) for name, value in r.items()} for r in records]


def _json_value(value: Any) -> Any:
    import pandas as pd

    if pd.api.types.is_scalar(value) and bool(pd.isna(value)):
        return None
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _console(width: int | None, color: bool | None) -> Console:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    colored = terminal and "NO_COLOR" not in os.environ if color is None else color
    if width is None and not terminal:
        asked = os.environ.get("COLUMNS", "")
        width = int(asked) if asked.isdigit() and int(asked) else _WIDTH_OF_FILES
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colored,
        no_color=not colored,
        color_system="standard" if colored else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _print_table(console: Console, columns: Sequence[ViewColumn]) -> None:
    """Print within the console's width, or beyond it if numbers would have to be broken."""
    asked = console.width
    console.width = max(asked, least_width(columns))
    console.print(_table(columns, console.width))
    console.width = asked


def _table(columns: Sequence[ViewColumn], width: int) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold"
    )
    found = widths(columns, width)
    heads = [headed(column.header, room) for column, room in zip(columns, found, strict=True)]
    tallest = max(head.count("\n") for head in heads)
    for column, room, head in zip(columns, found, heads, strict=True):
        above = "\n" * (tallest - head.count("\n"))
        justify: JustifyMethod = "right" if column.numeric else "left"
        table.add_column(Text(above + head, overflow="fold"), justify=justify, width=room)
    for number in range(len(columns[0].cells)):
        cells = [(c, wrapped(c.cells[number], w)) for c, w in zip(columns, found, strict=True)]
        table.add_row(*(Text(text, style=_style(c, number), overflow="fold") for c, text in cells))
    return table


def _style(column: ViewColumn, number: int) -> str:
    if column.best[number]:
        return "bold green"
    if column.name in ("outcome", "verdict", "verdicts", "status"):
        return _STYLES.get(column.cells[number].split(" ")[0], "")
    return ""


def _print_beneath(console: Console, view: View, hidden: Sequence[str]) -> None:
    from rich.text import Text

    if view.captions or hidden:
        console.print()
    for caption in view.captions:
        console.print(Text(caption, style="dim"))
    if hidden:
        names = ", ".join(name.rstrip(" ↓↑") for name in hidden)
        console.print(Text(f"Too narrow for: {names}", style="dim"))


def _print_notes(console: Console, notes: Sequence[Note]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if notes:
        console.print()
    for note in notes[:_NOTES]:
        line = Text(f"{note.label}  ", style=_STYLES.get(note.label, ""))
        line.append(_concerned(note), style="bold")
        console.print(line, overflow="fold")
        console.print(Padding(Text(note.reason, overflow="fold"), (0, 0, 0, 4)))
    if len(notes) > _NOTES:
        console.print(f"… and {len(notes) - _NOTES} more; --format json lists all.")


def _concerned(note: Note) -> str:
    shown = ", ".join(note.concerns[:6])
    return shown + (f" and {len(note.concerns) - 6} more" if len(note.concerns) > 6 else "")


def _writable(text: str) -> str:
    """The text in what standard output can write."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text
