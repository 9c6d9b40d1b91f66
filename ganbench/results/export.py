"""Results in the formats of other programs: CSV, JSON and Parquet exact, Markdown and LaTeX rounded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ganbench.results.selection import check_columns, in_order, with_outcome
from ganbench.results.summary import by_cell as summarize
from ganbench.results.tables import json_records
from ganbench.results.view import Note, make_view

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "csv", "json", "markdown", "latex", "parquet")

_MARKDOWN = re.compile(r"[\\`*<>|~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|\](?=[(\[:])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # after a line break it would open an option
    "]": "{]}",
    "–": "--",
    "−": "$-$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}


def exact(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
) -> pd.DataFrame:
    """The frame that CSV, JSON and Parquet hold: nothing rounded, all columns unless some are asked.

    :raises UnknownNameError: for a column that does not exist.
    """
    table = in_order(summarize(results) if by_cell else results, sort)
    return (
        table if not columns else with_outcome(table)[check_columns(with_outcome(table), columns)]
    )


def to_csv(frame: pd.DataFrame) -> str:
    """CSV with empty fields for what is missing."""
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
) -> str:
    """A GitHub-flavoured table of the view, the best values bold, notes as a list."""
    view = make_view(results, by_cell=by_cell, columns=columns, sort=sort)
    cells = [
        [f"**{markdown(cell)}**" if best else markdown(cell) for cell, best in pairs]
        for pairs in (zip(c.cells, c.best, strict=True) for c in view.columns)
    ]
    rows = [
        [markdown(column.header) for column in view.columns],
        ["---:" if column.numeric else "---" for column in view.columns],
        *(list(line) for line in zip(*cells, strict=True)),
    ]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    beneath = [markdown(caption) for caption in view.captions]
    beneath += [_markdown_note(note) for note in view.notes]
    return text + ("\n" + "\n".join(f"- {line}" for line in beneath) + "\n" if beneath else "")


def to_latex(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
) -> str:
    """A booktabs ``tabular`` of the view, the best values bold, notes as comments."""
    view = make_view(results, by_cell=by_cell, columns=columns, sort=sort)
    cells = [
        [rf"\textbf{{{latex(cell)}}}" if best else latex(cell) for cell, best in pairs]
        for pairs in (zip(c.cells, c.best, strict=True) for c in view.columns)
    ]
    layout = "".join("r" if column.numeric else "l" for column in view.columns)
    heads = " & ".join(latex(column.header) for column in view.columns)
    body = [rf"{' & '.join(line)} \\" for line in zip(*cells, strict=True)]
    notes = [f"{n.label}: {', '.join(n.concerns)}: {n.reason}" for n in view.notes]
    lines = [
        r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
        *(f"% {text}" for text in (*view.captions, *notes)),
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        rf"{heads} \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(lambda match: "\\" + match[0], text.replace("&", "&amp;"))


def latex(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_LATEX.get(char, char) for char in text)


def _markdown_note(note: Note) -> str:
    return f"{markdown(note.label)}: {markdown(', '.join(note.concerns))}: {markdown(note.reason)}"


#: Formats that are rounded for people, and those that keep every digit.
READABLE: dict[str, Callable[..., str]] = {"markdown": to_markdown, "latex": to_latex}
EXACT: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": to_csv,
    "json": to_json,
    "parquet": to_parquet,
}
