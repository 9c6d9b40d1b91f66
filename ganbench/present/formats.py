"""Results and small frames in every format of the command line, GitHub's Markdown among them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Unpack

import pandas as pd

from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.present.html import html_view
from ganbench.present.latex import latex_view
from ganbench.present.result_frame import as_json, json_records
from ganbench.present.results_view import TableOptions, exact, make_view
from ganbench.present.terminal import draw
from ganbench.present.view import View, ViewColumn, text_column
from ganbench.store.columns import Columns, columns_of


def to_csv(frame: pd.DataFrame) -> str:
    """CSV with empty fields for what is missing, every other value as it is.

    A text that a spreadsheet would take for a formula (``=…``, ``+…``, ``@…``) stays unchanged, so
    that readers get back what was written; tell a spreadsheet to import text.
    """
    strings = (frame[name] for name in frame.columns if frame[name].dtype == "string")
    returns = any(values.str.contains("\r", regex=False).any() for values in strings)
    if returns:  # usual quoting would leave them bare, and readers would break the line
        return frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def to_json(frame: pd.DataFrame) -> str:
    """A JSON list of records; ``null`` for what is missing or not finite."""
    return as_json(json_records(frame))


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A Parquet file."""
    content = frame.to_parquet(None, index=False)
    assert isinstance(content, bytes)
    return content


_SPECIAL = re.compile(
    r"[\\`*<>|~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|\](?=[(\[:])|(?<=:)/(?=/)|(?<=www)\."
)
_ENTITIES = str.maketrans({"&": "&amp;", "$": "&#36;"})  # GitHub takes two $ for mathematics


def markdown_view(view: View) -> str:
    """A table with the best values bold, and a list of footnotes and notes."""
    rows = [
        [markdown(column.title) for column in view.columns],
        ["---:" if column.numeric else "---" for column in view.columns],
        *(list(line) for line in zip(*map(_cells, view.columns), strict=True)),
    ]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    beneath = list(map(markdown, view.beneath))
    beneath += [
        ": ".join(map(markdown, (n.label, ", ".join(n.concerns), n.reason))) for n in view.notes
    ]
    return text + ("\n" + "\n".join(f"- {line}" for line in beneath) + "\n" if beneath else "")


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(lambda match: "\\" + match[0], text.translate(_ENTITIES))


def _cells(column: ViewColumn) -> list[str]:
    shown = [e.signed() for e in column.estimates] if column.estimates else column.cells
    pairs = zip(map(markdown, shown), column.best, strict=True)
    return [f"**{cell}**" if best else cell for cell, best in pairs]


_PAPER: dict[str, Callable[[View], str]] = {
    "markdown": markdown_view,
    "latex": latex_view,
    "html": html_view,
}
_EXACT: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": to_csv,
    "json": to_json,
    "parquet": to_parquet,
}
#: What `render_results` writes; all but Parquet are text.
FORMATS = ("table", "csv", "json", "markdown", "latex", "html", "parquet")


def render_results(
    results: pd.DataFrame,
    format_: str,
    *,
    width: int | None = None,
    color: bool | None = None,
    **options: Unpack[TableOptions],
) -> str | bytes:
    """A results frame in one of `FORMATS`, text with a line break at its end.

    :param width: of a ``table``, see `render_table`; likewise ``color``.
    :raises UnknownNameError: for an unknown column.
    """
    if format_ == "table":
        return render_table(results, width=width, color=color, **options) + "\n"
    if format_ in _PAPER:
        return _PAPER[format_](make_view(results, paper=True, **options))
    return _EXACT[format_](exact(results, **options))


def render_table(
    results: pd.DataFrame,
    *,
    width: int | None = None,
    color: bool | None = None,
    **options: Unpack[TableOptions],
) -> str:
    """A results frame as text for a terminal; columns that do not fit are left out.

    :param width: in characters; by default the terminal's, or 160 for a file.
    :param color: whether to use escape sequences; by default if standard output is a terminal.
    :raises UnknownNameError: for an unknown column.
    """
    view = make_view(results, **options)
    empty = "No trial could run." if len(results) else "No trial has ended yet."
    return draw(view, whole=bool(options.get("columns")), empty=empty, width=width, color=color)


def render_frame(
    frame: pd.DataFrame,
    format_: str,
    *,
    footnotes: Sequence[str] = (),
    bold: Mapping[str, Sequence[bool]] | None = None,
    headers: Mapping[str, str] | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    columns: Sequence[Column] = (),
    marks: str = "",
) -> str:
    """A small frame as text that ends with a line break, its lines and columns in their order.

    CSV and JSON hold the frame as it is, every digit and column. The other formats are for people:
    rounded, names free of control characters, and escaped.

    :param format_: ``table``, ``markdown``, ``latex``, ``html``, ``csv`` or ``json``.
    :param footnotes: sentences beneath the table.
    :param bold: by column, for each line, whether its value is marked.
    :param headers: texts in place of a column's name and arrow.
    :param intervals: by column, the two columns that hold the ends of its interval; they are shown
        with it and not by themselves.
    :param columns: descriptions of columns besides those of the frame.
    :param marks: a footnote on the meaning of ``bold``, empty where nothing can be bold.
    :raises ValueError: for another format.
    """
    if format_ not in FORMATS or format_ == "parquet":
        raise ValueError(f"expected one of {', '.join(FORMATS[:-1])}, got {format_!r}")
    if format_ in _EXACT:
        return str(_EXACT[format_](frame))
    ends = intervals or {}
    hidden = {name for pair in ends.values() for name in pair}
    known = Columns(columns).and_others(columns_of(frame))
    shown = [
        text_column(frame, known.named(name), ends=ends.get(name), best=(bold or {}).get(name))
        for name in map(str, frame.columns)
        if name not in hidden
    ]
    heads = {name: plain(head) for name, head in (headers or {}).items()}
    shown = [
        replace(c, header=heads[c.name], title=heads[c.name]) if c.name in heads else c
        for c in shown
    ]
    view = View(frame, shown, [], list(map(plain, footnotes)), plain(marks))
    return draw(view, whole=True) + "\n" if format_ == "table" else _PAPER[format_](view)
