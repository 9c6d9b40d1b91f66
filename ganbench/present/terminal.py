"""Views for the terminal: a table that fits its width, with footnotes and notes beneath."""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from ganbench.base.text import first_of, wrapped_words
from ganbench.present.layout import GAP, fitting, headed, least_width, widths, words_fit, wrapped
from ganbench.present.view import Note, View, ViewColumn

_WIDTH_OF_FILES = 160
_NOTES = 20
_STYLES = {
    "stable": "green",
    **dict.fromkeys(("collapsed", "degraded", "never-learned"), "yellow"),
    **dict.fromkeys(("diverged", "error", "crashed", "oom", "timeout"), "red"),
    "interrupted": "cyan",
    "skipped": "dim",
}
_ASCII = str.maketrans(
    {"–": "-", "−": "-", "─": "-", "∞": "inf", "×": "x", "↓": "v", "↑": "^", "…": "...", "±": "+-"}
)


def draw(
    view: View,
    *,
    whole: bool = False,
    empty: str = "Nothing to show.",
    width: int | None = None,
    color: bool | None = None,
) -> str:
    """A view as text for a terminal.

    :param whole: show every column; otherwise the least important columns are left out if they do
        not fit.
    :param empty: the text in place of a table without lines.
    :param width: in characters; by default the terminal's, or 160 for a file.
    :param color: whether to use escape sequences; by default if standard output is a terminal.
    """
    console = _console(width, color)
    if not view.columns or not len(view.frame):
        console.print(empty)
    else:
        kept = view.columns if whole else fitting(view.columns, console.width, view.expendable)
        if whole or words_fit(kept, console.width):
            _print_table(console, kept)
        else:
            _print_records(console, kept)
        _print_beneath(console, view, [c.header for c in view.columns if c not in kept])
    _print_notes(console, view.notes)
    assert isinstance(console.file, io.StringIO)
    text = "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())
    return _writable(text)


def _console(width: int | None, color: bool | None) -> Console:
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
    """Print within the console's width, or beyond it before a number breaks.

    The lines are assembled here: rich would take a second for every thousand.
    """
    rooms = widths(columns, max(console.width, least_width(columns)))
    colored = console.color_system is not None
    heads = [_lines(headed(c.header, room), room) for c, room in zip(columns, rooms, strict=True)]
    tallest = max(map(len, heads))
    heads = [[""] * (tallest - len(head)) + head for head in heads]
    lines = _row(columns, rooms, heads, ["bold"] * len(columns), colored)
    lines.append("─" * (sum(rooms) + GAP * (len(rooms) - 1)))
    for number in range(len(columns[0].cells)):
        texts = [column.cells[number] for column in columns]
        cells = [
            [text] if _size(text) <= room else _lines(wrapped(text, room), room)
            for text, room in zip(texts, rooms, strict=True)
        ]
        lines += _row(
            columns, rooms, cells, [_style(column, number) for column in columns], colored
        )
    console.file.write("\n".join(lines) + "\n")


def _print_records(console: Console, columns: Sequence[ViewColumn]) -> None:
    """Print each line of the table beneath the other, where its words would break side by side."""
    for number in range(len(columns[0].cells)):
        if number:
            console.print()
        for column in columns:
            if column.cells[number]:
                text = f"{column.header}: {column.cells[number]}"
                lines = wrapped_words(text, console.width, "    ")
                console.print(Text(lines, style=_style(column, number)), soft_wrap=True)


def _row(
    columns: Sequence[ViewColumn],
    rooms: Sequence[int],
    cells: Sequence[list[str]],
    styles: Sequence[str],
    colored: bool,
) -> list[str]:
    """The lines of cells side by side, as many as the tallest cell has."""
    lines = []
    for texts in itertools.zip_longest(*cells, fillvalue=""):
        padded = [
            " " * (room - _size(text)) + text
            if column.numeric
            else text + " " * (room - _size(text))
            for column, room, text in zip(columns, rooms, texts, strict=True)
        ]
        if colored:
            padded = [_painted(text, style) for text, style in zip(padded, styles, strict=True)]
        lines.append((" " * GAP).join(padded))
    return lines


def _lines(text: str, room: int) -> list[str]:
    """The lines of a text, broken anywhere if they are too wide."""
    return [line for part in text.split("\n") for line in chop_cells(part, room) or [""]]


def _size(text: str) -> int:
    """The width of a text in a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def _painted(text: str, style: str) -> str:
    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text


def _style(column: ViewColumn, number: int) -> str:
    if column.best[number]:
        return "bold green"
    if column.name in ("outcome", "verdict", "verdicts", "status"):
        return _STYLES.get(column.cells[number].split(" ")[0], "")
    return ""


def _print_beneath(console: Console, view: View, hidden: Sequence[str]) -> None:
    if view.footnotes or hidden:
        console.print()
    marks = [view.marks] if view.marks and console.color_system else []  # they are bold and green
    for footnote in (*view.footnotes, *marks):
        _print_words(console, footnote, "dim")
    if hidden:
        names = ", ".join(name.rstrip(" ↓↑") for name in hidden)
        _print_words(console, f"Too narrow for: {names}", "dim")


def _print_words(console: Console, text: str, style: str = "", indent: str = "") -> None:
    """Print text whose lines break between words only; rich would break long words."""
    lines = wrapped_words(indent + text, console.width, indent)
    console.print(Text(lines, style=style), soft_wrap=True)


def _print_notes(console: Console, notes: Sequence[Note]) -> None:
    if notes:
        console.print()
    for note in notes[:_NOTES]:
        text = wrapped_words(f"{note.label}  {first_of(note.concerns, 6)}", console.width)
        line = Text(text, style="bold")
        line.stylize(_STYLES.get(note.label, ""), 0, len(note.label))
        console.print(line, soft_wrap=True)
        _print_words(console, note.reason, indent="    ")
    if len(notes) > _NOTES:
        console.print(f"… and {len(notes) - _NOTES} more; --format json lists all.")


def _writable(text: str) -> str:
    """The text in characters that standard output can write."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text
