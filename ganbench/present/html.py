"""A view as HTML, for notebooks."""

from __future__ import annotations

from ganbench.base.html import escaped, table
from ganbench.present.view import View, ViewColumn


def html_view(view: View) -> str:
    """A table with the best values bold, and footnotes and notes beneath."""
    rows = [list(line) for line in zip(*map(_cells, view.columns), strict=True)]
    notes = [": ".join((n.label, ", ".join(n.concerns), n.reason)) for n in view.notes]
    return table(
        [escaped(column.title) for column in view.columns],
        rows,
        [*view.beneath, *notes],
        [column.numeric for column in view.columns],
    )


def _cells(column: ViewColumn) -> list[str]:
    shown = [e.signed() for e in column.estimates] if column.estimates else column.cells
    pairs = zip(map(escaped, shown), column.best, strict=True)
    return [f"<b>{cell}</b>" if best else cell for cell, best in pairs]
