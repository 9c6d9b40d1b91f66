"""Heat maps: a metric over architectures and losses, one number for each cell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ganbench.analysis.metrics import worst
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.present.numbers import MISSING, decimals, number
from ganbench.report.data import bands
from ganbench.report.data.cells import Cell
from ganbench.report.data.facets import Facet, Member, facets
from ganbench.report.data.metrics import check_measure, direction, measured
from ganbench.report.data.parts import varying
from ganbench.report.marks import Axis, Field, FieldCell, Note, Panel, State
from ganbench.store.primary import the_primary
from ganbench.store.schema import STATUSES

_ROWS, _COLUMNS = "architecture", "loss"
_DIGITS = 3
_NUMBER = re.compile(r"([0-9]+)")


def heatmaps(results: pd.DataFrame, metric: str | None = None) -> list[Panel]:
    """A heat map for each data set, extractor and protocol: architectures over losses.

    A regularizer or another setting is part of a column's name where it has several values.

    :param metric: a column of the results that holds numbers, by default the primary one; throughput
        counts only of trials that had their device to themselves.
    :raises UsageError: if there is no such metric.
    """
    column = check_measure(results, the_primary([results], metric))
    return [_map(facet, column) for facet in facets(results)]


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sorting key that puts ``width=32`` before ``width=128``, and ``none`` before all."""
    pieces = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in _NUMBER.split(text) if p]
    return pieces if text not in ("", "none") else []


def _map(facet: Facet, column: Column) -> Panel:
    members = facet.members
    others = [name for name in varying([m.parts for m in members]) if name not in (_ROWS, _COLUMNS)]
    keys = [tuple(member.parts[name] for name in (_COLUMNS, *others)) for member in members]
    rows = sorted({member.parts[_ROWS] for member in members}, key=natural)
    ordered = sorted(set(keys), key=lambda key: [natural(part) for part in key])
    names = [
        " × ".join([key[0], *(text for text in key[1:] if text not in ("", "none"))])
        for key in ordered
    ]
    cells = _cells(members, column)
    known = {
        (member.parts[_ROWS], key): cell
        for member, key, cell in zip(members, keys, cells, strict=True)
    }
    places = [
        (row, name, known.get((row, key)))
        for row in rows
        for name, key in zip(names, ordered, strict=True)
    ]
    states = [cell.state for cell in cells]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    title = facet.titled(column)
    return facet.panel(
        column,
        description=f"{title} by {_ROWS} (rows) and {_COLUMNS} (columns) on {facet.title}; "
        f"{counted}.",
        x=Axis(kind="names", title=_COLUMNS, names=names),
        y=Axis(kind="names", title=_ROWS, names=rows),
        marks=[
            Field(
                cells=[[known.get((row, key)) for key in ordered] for row in rows],
                title=title,
                metric=column.name,
                better=direction(column),
                log=bands.suits_log(column, np.array([cell.value for cell in cells])),
                hover=[_hover(*place, column.name) for place in places],
            )
        ],
        notes=_notes(cells, column),
        records={
            (row, name): _record(row, name, cell, column.name)
            for row, name, cell in places
            if cell is not None
        },
    )


def _cells(members: Sequence[Member], metric: Column) -> list[FieldCell]:
    scores = [measured(member.cell, metric) for member in members]
    middles = bands.medians(scores)
    low, high = bands.ends(scores, metric, "interval")
    places = decimals(metric, middles[np.isfinite(middles)].tolist(), _DIGITS)
    numbers = zip(middles.tolist(), low.tolist(), high.tolist(), strict=True)
    found = []
    for member, values, (middle, *ends) in zip(members, scores, numbers, strict=True):
        cell, n, failed = member.cell, member.cell.n, member.cell.failed
        state: State = "ok"
        text, reason = number(middle, places), None
        if cell.reason is not None:
            state, text, reason = "skipped", "skipped", plain(cell.reason)
        elif n and failed == n:
            state, text, reason = "failed", f"{failed}/{n} failed", _why(cell)
        elif not len(values):
            state, text = "missing", MISSING
            reason = "not finished" if cell.interrupted and not n else "not measured"
        elif failed:
            state, text, reason = "partly failed", f"{text}\n{failed}/{n} failed", _why(cell)
        found.append(FieldCell(middle, n, failed, text, state, reason, *ends))
    return found


def _why(cell: Cell) -> str:
    """Why trials failed, each reason once: ``diverged: d_loss became non-finite``."""
    reasons = {
        f"{status}: {plain(error) if error else STATUSES[status]}"
        for status, error in zip(cell.texts("status"), cell.texts("error"), strict=True)
        if status != "ok"
    }
    return "; ".join(sorted(reasons))


def _hover(row: str, column: str, cell: FieldCell | None, metric: str) -> list[str]:
    if cell is None:
        return [row, column, "nothing here: not in the grid, or not begun"]
    found = [row, column, f"{metric}: {cell.text}"]
    if math.isfinite(cell.value) and not math.isnan(cell.low + cell.high):
        found.append(f"interval {cell.low:.4g} to {cell.high:.4g}".replace("inf", "∞"))
    if cell.n:
        found.append(f"{cell.n - cell.failed} of {cell.n} trials ended ok")
    if cell.state != "ok":
        found.append(f"{cell.state}: {cell.reason}" if cell.reason else cell.state)
    return found


def _notes(cells: Sequence[FieldCell], metric: Column) -> list[Note]:
    """How many seeds there are, the meaning of the hatches in a file, and why cells were skipped."""
    states = {cell.state for cell in cells}
    counts = [cell.n for cell in cells if cell.state in ("ok", "partly failed")]
    notes = [Note(bands.describe(counts, "none"))]
    if "partly failed" in states:
        lost = "is left out of" if math.isnan(worst(metric)) else "counts as the worst in"
        notes.append(Note(f"a failed or diverged seed {lost} its median"))
    if "missing" in states:
        notes.append(Note(f"{MISSING}: not finished or not measured", "file"))
    reasons = dict.fromkeys(c.reason for c in cells if c.state == "skipped" and c.reason)
    return [*notes, Note(f"skipped: {'; '.join(reasons)}" if reasons else "", "file")]


def _record(row: str, column: str, cell: FieldCell, metric: str) -> dict[str, object]:
    return {
        _ROWS: row,
        _COLUMNS: column,
        f"{metric}_median": cell.value,
        f"{metric}_low": cell.low,
        f"{metric}_high": cell.high,
        "n": cell.n,
        "failed": cell.failed,
        "state": cell.state,
        "reason": cell.reason,
    }
