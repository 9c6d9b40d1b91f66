"""Heat maps: a metric over architectures and losses, one number for each cell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ganbench.components.column import Better, Column
from ganbench.errors import UsageError
from ganbench.report.charts import bands
from ganbench.report.charts.cells import Cell
from ganbench.report.charts.facets import PARTS, Facet, Member, facets, varying
from ganbench.report.charts.measures import check_measure, measured
from ganbench.report.charts.names import direction
from ganbench.results.formatting import MISSING, decimals, number, plain
from ganbench.results.groups import worst
from ganbench.results.primary import the_primary
from ganbench.results.schema import STATUSES

if TYPE_CHECKING:
    import pandas as pd

State = Literal["ok", "partly failed", "failed", "skipped", "missing"]

_DIGITS = 3
_NUMBER = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class HeatCell:
    """One field.

    :ivar value: the median over seeds; infinite where most failed, NaN where there is none.
    :ivar text: the value as text, and how many seeds failed.
    :ivar state: ``missing`` if no trial of it has ended, or none was measured.
    :ivar reason: why it failed or was skipped.
    :ivar low: interval of the median, NaN where there is none; an end may be infinite.
    """

    value: float
    n: int
    failed: int
    text: str
    state: State
    reason: str | None
    low: float
    high: float


@dataclass(frozen=True)
class HeatMap:
    """A table of fields, ``cells[row][column]``; None where the grid has no such cell.

    :ivar title: the data set, and the extractor or protocol where the data set has several.
    :ivar rows: the axis that rows stand for; ``columns`` likewise. A regularizer or another setting
        is part of a column's name where there are several.
    :ivar log: whether colours suit the logarithm of the values.
    :ivar lost: what a seed that failed does, in words.
    """

    dataset: str
    extractor: str
    title: str
    metric: str
    label: str
    better: Better | None
    rows: str
    columns: str
    row_names: list[str]
    column_names: list[str]
    cells: list[list[HeatCell | None]]
    log: bool
    lost: str
    caption: str


def heatmaps(
    results: pd.DataFrame,
    rows: str = "architecture",
    columns: str = "loss",
    metric: str | None = None,
) -> list[HeatMap]:
    """A heat map for each data set, extractor and protocol.

    :param metric: a column of the results that holds numbers, by default the primary one; throughput
        counts only of trials that had their device to themselves.
    :raises UsageError: if there is no such metric, or no such axis.
    """
    for axis in (rows, columns):
        if axis not in PARTS[:-1]:
            raise UsageError(f"{axis!r} is no axis of a heat map; known: {', '.join(PARTS[:-1])}")
    if rows == columns:
        raise UsageError(f"rows and columns of a heat map are both {rows!r}")
    column = check_measure(results, the_primary([results], metric))
    return [_map(facet, rows, columns, column) for facet in facets(results)]


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sorting key that puts ``width=32`` before ``width=128``, and ``none`` before all."""
    pieces = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in _NUMBER.split(text) if p]
    return pieces if text not in ("", "none") else []


def _map(facet: Facet, rows: str, columns: str, metric: Column) -> HeatMap:
    members = facet.members
    others = [n for n in varying([m.parts for m in members]) if n not in (rows, columns)]
    row_names = sorted({member.parts[rows] for member in members}, key=natural)
    keys = {_column_key(member, columns, others) for member in members}
    ordered = sorted(keys, key=lambda key: [natural(part) for part in key])
    table: list[list[HeatCell | None]] = [[None] * len(ordered) for _ in row_names]
    fields = _fields(members, metric)
    for member, field in zip(members, fields, strict=True):
        column = ordered.index(_column_key(member, columns, others))
        table[row_names.index(member.parts[rows])][column] = field
    counted = [field.n for field in fields if field.state in ("ok", "partly failed")]
    return HeatMap(
        dataset=facet.dataset,
        extractor=facet.extractor,
        title=facet.title,
        metric=metric.name,
        label=facet.titled(metric),
        better=direction(metric),
        rows=rows,
        columns=columns,
        row_names=row_names,
        column_names=[" × ".join(_said(key)) for key in ordered],
        cells=table,
        log=bands.suits_log(metric, np.array([field.value for field in fields])),
        lost="is left out of its median"
        if math.isnan(worst(metric))
        else "counts as the worst in its median",
        caption=bands.describe(counted, "none"),
    )


def _column_key(member: Member, columns: str, others: Sequence[str]) -> tuple[str, ...]:
    return tuple(member.parts[name] for name in (columns, *others))


def _said(key: tuple[str, ...]) -> list[str]:
    """The column's own name, and what else tells it from others."""
    return [key[0], *(text for text in key[1:] if text not in ("", "none"))]


def _fields(members: Sequence[Member], metric: Column) -> list[HeatCell]:
    scores = [measured(member.cell, metric) for member in members]
    middles = bands.medians(scores)
    low, high = bands.ends(scores, metric, "interval")
    places = decimals(metric, middles[np.isfinite(middles)].tolist(), _DIGITS)
    return [
        _field(member.cell, values, middle, (a, b), places)
        for member, values, middle, a, b in zip(members, scores, middles, low, high, strict=True)
    ]


def _field(
    cell: Cell, scores: np.ndarray, middle: float, ends: tuple[float, float], places: int
) -> HeatCell:
    n, failed = cell.n, cell.failed
    state: State = "ok"
    if cell.reason is not None:
        state, text, reason = "skipped", "skipped", plain(cell.reason)
    elif n and failed == n:
        state, text, reason = "failed", f"{failed}/{n} failed", _why(cell)
    elif not len(scores):
        state, text = "missing", MISSING
        reason = "not finished" if cell.interrupted and not n else "not measured"
    elif failed:
        state, reason = "partly failed", _why(cell)
        text = f"{number(middle, places)}\n{failed}/{n} failed"
    else:
        text, reason = number(middle, places), None
    return HeatCell(float(middle), n, failed, text, state, reason, float(ends[0]), float(ends[1]))


def _why(cell: Cell) -> str:
    """Why trials failed, each reason once: ``diverged: d_loss became non-finite``."""
    reasons = {
        f"{status}: {plain(error) if error else STATUSES[status]}"
        for status, error in zip(cell.texts("status"), cell.texts("error"), strict=True)
        if status != "ok"
    }
    return "; ".join(sorted(reasons))
