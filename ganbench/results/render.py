"""Any small frame in every format: what compares and ranks prints its tables here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ganbench.components.column import Column
from ganbench.results.columns import Columns, columns_of
from ganbench.results.estimates import estimates, floats
from ganbench.results.export import latex_view, markdown_view, to_csv, to_json
from ganbench.results.formatting import arrow, header, is_number, plain, texts, titled
from ganbench.results.tables import draw
from ganbench.results.view import View, ViewColumn

if TYPE_CHECKING:
    import pandas as pd

#: What `render_frame` writes; Parquet is binary, see `export.to_parquet`.
TEXT_FORMATS = ("table", "markdown", "latex", "csv", "json")


def render_frame(
    frame: pd.DataFrame,
    format_: str,
    *,
    captions: Sequence[str] = (),
    bold: Mapping[str, Sequence[bool]] | None = None,
    headers: Mapping[str, str] | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    columns: Sequence[Column] = (),
    marks: str = "",
) -> str:
    """A frame as text that ends with a line break, its lines and columns in their order.

    CSV and JSON hold the frame as it is, every digit and column. The other formats are for people:
    rounded, names free of control characters, and escaped.

    :param format_: ``table``, ``markdown``, ``latex``, ``csv`` or ``json``.
    :param captions: sentences beneath the table; comments above it in LaTeX.
    :param bold: by column, for each line, whether its value is marked.
    :param headers: texts in place of a column's name and arrow.
    :param intervals: by column, the two columns that hold the ends of its interval; they are shown
        with it and not by themselves.
    :param columns: what is known of columns besides what the frame says.
    :param marks: a caption that says what ``bold`` means, left out where nothing can be bold.
    :raises ValueError: for another format.
    """
    if format_ == "csv":
        return to_csv(frame)
    if format_ == "json":
        return to_json(frame)
    if format_ not in TEXT_FORMATS:
        raise ValueError(f"expected one of {', '.join(TEXT_FORMATS)}, got {format_!r}")
    ends = intervals or {}
    hidden = {name for pair in ends.values() for name in pair}
    known = Columns(columns).and_others(columns_of(frame))
    shown = [
        _column(frame, name, (bold or {}).get(name), (headers or {}).get(name), known, ends)
        for name in map(str, frame.columns)
        if name not in hidden
    ]
    view = View(frame, shown, [], [plain(caption) for caption in captions], plain(marks))
    if format_ == "table":
        return draw(view, whole=True) + "\n"
    return markdown_view(view) if format_ == "markdown" else latex_view(view)


def _column(
    frame: pd.DataFrame,
    name: str,
    best: Sequence[bool] | None,
    head: str | None,
    known: Columns,
    ends: Mapping[str, tuple[str, str]],
) -> ViewColumn:
    series, column = frame[name], known.named(name)
    cells, found = texts(series, column), None
    if name in ends:
        low, high = (floats(frame[end]) for end in ends[name])
        found = estimates(column, floats(series), low, high)
        cells = [estimate.bracketed() for estimate in found]
    marked = [bool(mark) for mark in best] if best is not None else [False] * len(frame)
    short, long = header(column), f"{titled(column)} {arrow(column)}".rstrip()
    if head is not None:
        short = long = plain(head)
    return ViewColumn(name, short, is_number(series), cells, marked, long, found)
