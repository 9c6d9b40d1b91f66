"""Results in the formats of other programs: CSV, JSON and Parquet exact, Markdown and LaTeX rounded."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ganbench.results.markup import latex, latex_estimate, latex_number, markdown
from ganbench.results.selection import check_columns, in_order, with_outcome
from ganbench.results.summary import by_cell as summarize
from ganbench.results.tables import json_records
from ganbench.results.view import Note, View, ViewColumn, make_view

if TYPE_CHECKING:
    import pandas as pd


def exact(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """The frame that CSV, JSON and Parquet hold: nothing rounded, all columns unless some are asked.

    :raises UnknownNameError: for a column that does not exist.
    """
    table = summarize(results, shared_spread=shared_spread) if by_cell else results
    table = in_order(table, sort)
    return (
        table if not columns else with_outcome(table)[check_columns(with_outcome(table), columns)]
    )


def to_csv(frame: pd.DataFrame) -> str:
    """CSV with empty fields for what is missing, every other value as it is.

    A text that a spreadsheet would take for a formula (``=…``, ``+…``, ``@…``) is not changed, so
    that what is read back is what was written; a spreadsheet must be told to import text.
    """
    strings = (frame[name] for name in frame.columns if frame[name].dtype == "string")
    returns = any(values.str.contains("\r", regex=False).any() for values in strings)
    if returns:  # usual quoting would leave them bare, and readers would break the line
        return frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return str(frame.to_csv(index=False, lineterminator="\n"))


def to_json(frame: pd.DataFrame) -> str:
    """A JSON list of records; ``null`` for what is missing or not finite."""
    return json.dumps(json_records(frame), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A Parquet file."""
    content = frame.to_parquet(None, index=False)
    assert isinstance(content, bytes)
    return content


def to_markdown(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    shared_spread: bool = False,
) -> str:
    """A GitHub-flavoured table of the view, the best values bold, notes as a list."""
    return markdown_view(
        make_view(
            results,
            by_cell=by_cell,
            columns=columns,
            sort=sort,
            paper=True,
            shared_spread=shared_spread,
        )
    )


def markdown_view(view: View) -> str:
    """A view as `to_markdown` writes it."""
    rows = [
        [markdown(_head(column)) for column in view.columns],
        ["---:" if column.numeric else "---" for column in view.columns],
        *(list(line) for line in zip(*map(_markdown_cells, view.columns), strict=True)),
    ]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    beneath = [markdown(caption) for caption in _said(view)]
    beneath += [_markdown_note(note) for note in view.notes]
    return text + ("\n" + "\n".join(f"- {line}" for line in beneath) + "\n" if beneath else "")


def to_latex(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    shared_spread: bool = False,
) -> str:
    """A booktabs ``tabular`` of the view, the best values bold, captions beneath, notes as comments."""
    return latex_view(
        make_view(
            results,
            by_cell=by_cell,
            columns=columns,
            sort=sort,
            paper=True,
            shared_spread=shared_spread,
        )
    )


def latex_view(view: View) -> str:
    """A view as `to_latex` writes it."""
    layout = "".join("r" if column.numeric else "l" for column in view.columns)
    heads = " & ".join(latex(_head(column)) for column in view.columns)
    cells = map(_latex_cells, view.columns)
    body = [rf"{' & '.join(line)} \\" for line in zip(*cells, strict=True)]
    notes = [f"{n.label}: {', '.join(n.concerns)}: {n.reason}" for n in view.notes]
    lines = [
        r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
        *(f"% {note}" for note in notes),
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        rf"{heads} \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *_footnote(_said(view)),
    ]
    return "\n".join(lines) + "\n"


def _footnote(sentences: Sequence[str]) -> list[str]:
    """Small print beneath a table, within a ``table`` environment or without."""
    if not sentences:
        return []
    return [
        r"\par\smallskip",
        r"{\noindent\footnotesize "
        + " ".join(f"{latex(text.rstrip('.'))}." for text in sentences)
        + r"\par}",
    ]


def _said(view: View) -> list[str]:
    return [*view.captions, *filter(None, [view.marks])]


def _head(column: ViewColumn) -> str:
    """In words with the unit; that numbers of cells are medians is said in the caption."""
    return column.title or column.header


def _markdown_cells(column: ViewColumn) -> list[str]:
    shown = [e.signed() for e in column.estimates] if column.estimates else column.cells
    pairs = zip(map(markdown, shown), column.best, strict=True)
    return [f"**{cell}**" if best else cell for cell, best in pairs]


def _latex_cells(column: ViewColumn) -> list[str]:
    if column.estimates:
        shown = [latex_estimate(estimate) for estimate in column.estimates]
    else:
        shown = [latex_number(c) if column.numeric else latex(c) for c in column.cells]
    pairs = zip(shown, column.best, strict=True)
    return [_bold(cell) if best else cell for cell, best in pairs]


def _bold(cell: str) -> str:
    return rf"\textbf{{\boldmath {cell}}}" if "$" in cell else rf"\textbf{{{cell}}}"


def _markdown_note(note: Note) -> str:
    return f"{markdown(note.label)}: {markdown(', '.join(note.concerns))}: {markdown(note.reason)}"


#: Formats that are rounded for people, and those that keep every digit.
READABLE: dict[str, Callable[..., str]] = {"markdown": to_markdown, "latex": to_latex}
EXACT: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": to_csv,
    "json": to_json,
    "parquet": to_parquet,
}
