"""Results for the terminal: a table that fits its width, with reasons beneath."""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ganbench.results.layout import GAP, fitting, headed, least_width, widths, wrapped
from ganbench.results.view import Note, View, ViewColumn, make_view

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

Paint = Callable[[str, str], str]

_WIDTH_OF_FILES = 160
_NOTES = 20
_STYLES = {
    "stable": "green",
    "collapsed": "yellow",
    "degraded": "yellow",
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
    {"–": "-", "−": "-", "─": "-", "∞": "inf", "×": "x", "↓": "v", "↑": "^", "…": "...", "±": "+-"}
)


def render_table(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    width: int | None = None,
    color: bool | None = None,
    shared_spread: bool = False,
) -> str:
    """A results frame as text for a terminal.

    :param by_cell: one line per cell in place of one per trial.
    :param columns: names of columns; by default those that say something and fit.
    :param sort: the column to sort by, best first; data set and primary metric by default.
    :param width: in characters; the terminal's, or 160 where standard output is none.
    :param color: whether to use escape sequences; by default if standard output is a terminal.
    :param shared_spread: whether cells are taken to vary alike over seeds, see `summary.by_cell`.
    :raises UnknownNameError: for a column that does not exist.
    """
    view = make_view(
        results, by_cell=by_cell, columns=columns, sort=sort, shared_spread=shared_spread
    )
    empty = "No trial could run." if len(results) else "No trial has ended yet."
    return draw(view, whole=bool(columns), empty=empty, width=width, color=color)


def draw(
    view: View,
    *,
    whole: bool = False,
    empty: str = "Nothing to show.",
    width: int | None = None,
    color: bool | None = None,
) -> str:
    """A view as text for a terminal, its captions and notes beneath.

    :param whole: show every column; those that matter least are left out otherwise if they do not
        fit.
    :param empty: said in place of a table without lines.
    """
    console = _console(width, color)
    if not view.columns or not len(view.frame):
        console.print(empty)
    else:
        kept = view.columns if whole else fitting(view.columns, console.width, view.expendable)
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
    if type(value) in (str, int, bool):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
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
    """Print within the console's width, or beyond it if numbers would have to be broken.

    The lines are put together here: rich would take a second for every thousand.
    """
    found = widths(columns, max(console.width, least_width(columns)))
    paint = _painter(console)
    heads = [_lines(headed(c.header, room), room) for c, room in zip(columns, found, strict=True)]
    tallest = max(map(len, heads))
    stacks = [
        _painted(_padded([""] * (tallest - len(head)) + head, room, column.numeric), "bold", paint)
        for column, room, head in zip(columns, found, heads, strict=True)
    ]
    rule = "─" * (sum(found) + GAP * (len(found) - 1))
    lines = [*_joined(stacks), rule, *_body(columns, found, paint)]
    console.file.write("\n".join(lines) + "\n")


def _body(columns: Sequence[ViewColumn], found: Sequence[int], paint: Paint | None) -> list[str]:
    """The lines beneath the head; a row is as tall as its tallest cell."""
    tall: set[int] = set()
    stacks = []
    for column, room in zip(columns, found, strict=True):
        sizes = _sizes(column.cells)
        if max(sizes) > room:
            tall.update(number for number, size in enumerate(sizes) if size > room)
        stacks.append(_padded(column.cells, room, column.numeric))
        if paint is not None:
            cells = enumerate(stacks[-1])
            stacks[-1] = [paint(text, _style(column, number)) for number, text in cells]
    lines = _joined(stacks)
    for number in sorted(tall, reverse=True):
        lines[number : number + 1] = _tall_row(columns, found, number, paint)
    return lines


def _tall_row(
    columns: Sequence[ViewColumn], found: Sequence[int], number: int, paint: Paint | None
) -> list[str]:
    cells = [
        _lines(wrapped(column.cells[number], room), room)
        for column, room in zip(columns, found, strict=True)
    ]
    tallest = max(map(len, cells))
    stacks = []
    for column, room, lines in zip(columns, found, cells, strict=True):
        shown = _painted(_padded(lines, room, column.numeric), _style(column, number), paint)
        stacks.append(shown + [" " * room] * (tallest - len(shown)))
    return _joined(stacks)


def _lines(text: str, room: int) -> list[str]:
    """The lines of a text, broken anywhere if they would be too wide."""
    from rich.cells import chop_cells

    return [line for part in text.split("\n") for line in chop_cells(part, room) or [""]]


def _joined(stacks: Sequence[Sequence[str]]) -> list[str]:
    """Cells of equal height, side by side."""
    return [(" " * GAP).join(line) for line in zip(*stacks, strict=True)]


def _padded(texts: Sequence[str], room: int, right: bool) -> list[str]:
    """Texts that fill their room."""
    gaps = [" " * (room - size) for size in _sizes(texts)]
    pairs = zip(gaps, texts, strict=True) if right else zip(texts, gaps, strict=True)
    return [first + second for first, second in pairs]


def _sizes(texts: Sequence[str]) -> list[int]:
    """How wide the texts are in a terminal."""
    from rich.cells import cell_len

    return [len(text) if text.isascii() else cell_len(text) for text in texts]


def _painted(texts: Sequence[str], style: str, paint: Paint | None) -> list[str]:
    return [*texts] if paint is None else [paint(text, style) for text in texts]


def _painter(console: Console) -> Paint | None:
    """What puts text into a style as the console would; None where there are no styles."""
    from rich.color import ColorSystem
    from rich.style import Style

    if console.color_system is None:
        return None

    def paint(text: str, style: str) -> str:
        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text

    return paint


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
    marks = [view.marks] if view.marks and console.color_system else []  # they are bold and green
    for caption in (*view.captions, *marks):
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
