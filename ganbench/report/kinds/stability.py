"""How steadily cells trained: the stability columns as a dot for each trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ganbench.analysis.statistics.aggregates import median
from ganbench.analysis.summary import outcomes
from ganbench.base.text import counted, plain
from ganbench.components.column import Column
from ganbench.report.data.cells import Cell, cells
from ganbench.report.data.parts import cell_names
from ganbench.report.marks import Axis, Dots, Line, Note, Panel, limits
from ganbench.store.columns import columns_of
from ganbench.store.primary import primaries, suffixed

_OF_TRAINING = ("d_auc", "d_sat", "g_grad_cv", "d_grad_cv")
_LOOKS = {
    "stable": ("good", "circle"),
    "collapsed": ("warn", "diamond"),
    "degraded": ("warn", "square"),
    "never-learned": ("warn", "triangle-down"),
}
_OTHER = ("bad", "x")
_SIGNS = "● stable, ■ degraded, ◆ collapsed, ▼ never learned, ✕ diverged or failed before the end"


class _Trials(NamedTuple):
    """The trials of a cell."""

    label: str
    cell: Cell
    outcomes: list[str]

    def values(self, name: str) -> Iterator[tuple[int, str, float]]:
        """The seed, the outcome and the value of each trial."""
        seeds = np.nan_to_num(self.cell.floats("seed"), nan=-1).astype(int).tolist()
        return zip(seeds, self.outcomes, self.cell.floats(name).tolist(), strict=True)

    def middle(self, name: str) -> float:
        """The median of a column over the trials that have it; infinite if none has."""
        values = self.cell.floats(name)
        found = median(values[~np.isnan(values)])
        return math.inf if math.isnan(found) else found


def stability(results: pd.DataFrame) -> list[Panel]:
    """A panel for each data set and each stability column that holds a number."""
    ends = outcomes(results).to_numpy(dtype=object)
    known, first = columns_of(results), primaries(results)
    names = [
        *(suffixed(primary, end) for end in ("drift", "rough") for primary in first),
        *_OF_TRAINING,
    ]
    ended = [cell for cell in cells(results) if cell.n]
    by_dataset: dict[str, list[_Trials]] = {}
    for cell, label in zip(ended, cell_names(ended), strict=True):
        trials = _Trials(label, cell, [plain(end) for end in ends[cell.rows]])
        by_dataset.setdefault(cell.key["dataset"], []).append(trials)
    found: list[Panel] = []
    for dataset, group in by_dataset.items():
        shown = [
            known.named(name)
            for name in names
            if any(np.isfinite(one.cell.floats(name)).any() for one in group)
        ]
        if shown:
            ordered = sorted(group, key=lambda one, name=shown[0].name: one.middle(name))  # type: ignore[misc]
            found += [_panel(plain(dataset), ordered, column, shown) for column in shown]
    return found


def _panel(title: str, trials: Sequence[_Trials], column: Column, shown: Sequence[Column]) -> Panel:
    name = column.name
    points = [
        (value, row, one.label, seed, outcome)
        for row, one in enumerate(trials)
        for seed, outcome, value in one.values(name)
        if math.isfinite(value)
    ]
    values = np.array([value for value, *_ in points])
    low, high = limits(values, log=True) if values.min() > 0 else (1.0, 1.0)
    meanings = "; ".join(f"{c.name}: {c.meaning}" for c in shown if c.meaning)
    return Panel(
        title=title,
        view=name,
        description=f"Stability of {counted(len(trials), 'cell')} on {title}: a dot for each trial, its "
        "shape by verdict, a bar for the median.",
        x=Axis(
            title=_words(column),
            better=column.better,
            values=values,
            log=column.scale == "log" and high > 10 * low,
        ),
        y=Axis(kind="names", names=[one.label for one in trials]),
        marks=[
            _bars([one.middle(name) for one in trials]),
            Dots(
                x=values,
                y=np.array([row for _, row, *_ in points]),
                looks=[_LOOKS.get(outcome, _OTHER) for *_, outcome in points],
                hover=[
                    (label, f"seed {seed}: {outcome}", f"{name} {value:.4g}")
                    for value, _, label, seed, outcome in points
                ],
            ),
        ],
        notes=[
            Note(
                f"{_SIGNS}; a bar marks the median of a cell. "
                f"Cells are in the order of {_words(shown[0])}"
            ),
            Note(f"columns: {meanings}".replace("`", "")),
        ],
        records={
            (row, at): {"cell": one.label, "seed": seed, "outcome": outcome, name: value}
            for row, one in enumerate(trials)
            for at, (seed, outcome, value) in enumerate(one.values(name))
        },
    )


def _bars(middles: Sequence[float]) -> Line:
    """A short upright bar at each cell's median."""
    bars = [
        [(x, y - 0.33), (x, y + 0.33), (math.nan, math.nan)]
        for y, x in enumerate(middles)
        if math.isfinite(x)
    ]
    x, y = np.array(bars).reshape(-1, 2).T
    return Line(weight="bar", x=x, y=y)


def _words(column: Column) -> str:
    return plain(column.name).replace("_", " ")
