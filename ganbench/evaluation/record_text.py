"""The result of a comparison for people: as text, and as HTML for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ganbench.base import html
from ganbench.base.text import columns, counted, plain

if TYPE_CHECKING:
    from ganbench.evaluation.record import Evaluation

_ARROWS = {"lower": "↓", "higher": "↑", None: " "}


def as_text(found: Evaluation) -> str:
    """What was measured on which images, and a line for each number."""
    return "\n".join([*_head(found), *columns(list(_rows(found)))])


def as_html(found: Evaluation) -> str:
    """The same as a table, with the warnings beneath."""
    rows = [[html.escaped(cell) for cell in row] for row in _rows(found)]
    notes = [*_head(found), *(f"Warning: {warning}" for warning in found.warnings)]
    return html.table(["metric", "value", "", ""], rows, notes, [False, True])


def _head(found: Evaluation) -> list[str]:
    head = [f"extractor {plain(found.identity)}"]
    for side in ("real", "fake"):
        known = found.sides[side]
        if known is not None:
            count = (
                "published statistics"
                if known["count"] is None
                else counted(known["count"], "image")
            )
            split = f", {known['split']} split" if known.get("split") else ""
            head.append(f"{side:9} {plain(known['source'])}: {count}{split}")
    return head


def _rows(found: Evaluation) -> Iterator[tuple[str, str, str, str]]:
    """Name, value, what it is, and what decides it; a spread stands behind its value."""
    known = {column.name: column for column in found.columns}
    spreads = {c.spread_of: c.name for c in found.columns if c.spread_of and c.spread_of in known}
    for measured in found.measured.values():
        note = measured.note or measured.reason
        names = [name for name in measured.values if not known[name].spread_of]
        there = [name for name in names if found.metrics[name] is not None]
        for name in there or names[:1]:
            column, value = known[name], found.metrics[name]
            shown = "–" if value is None else f"{value:.6g}"
            spread = found.metrics.get(spreads.get(name, ""))
            if spread is not None:
                shown += f" ± {spread:.2g}"
            label = "" if column.label == column.name else column.label
            yield f"{name} {_ARROWS[column.better]}", shown, plain(label), plain(note)
            note = ""
