"""How steadily cells trained: the stability columns as a dot for each trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.components.column import Column
from ganbench.report.charts.cells import Cell, cells
from ganbench.report.charts.facets import cell_names
from ganbench.report.embed import label, labels
from ganbench.report.figures.base import (
    Data,
    Figure,
    Trace,
    View,
    arrow,
    axis,
    extent,
    given,
    value_axis,
)
from ganbench.results.columns import columns_of
from ganbench.results.curve_columns import drift_of, rough_of
from ganbench.results.formatting import plain
from ganbench.results.primary import primaries
from ganbench.results.summary import median, outcomes

if TYPE_CHECKING:
    import pandas as pd

_OF_TRAINING = ("d_auc", "d_sat", "g_grad_cv", "d_grad_cv")
_LONGEST = 40
_LOOKS = {
    "stable": ("$good", "circle"),
    "collapsed": ("$warn", "diamond"),
    "degraded": ("$warn", "square"),
    "never-learned": ("$warn", "triangle-down"),
}
_OTHER = ("$bad", "x")


@dataclass(frozen=True)
class _Member:
    """A cell's trials: label, seeds and outcomes, and the numbers by column, NaN for none."""

    label: str
    seeds: list[int]
    outcomes: list[str]
    numbers: dict[str, list[float]]

    def points(self, name: str) -> list[tuple[float, str, int]]:
        """The number, the outcome and the seed of each trial that has the number."""
        lines = zip(self.numbers[name], self.outcomes, self.seeds, strict=True)
        return [line for line in lines if math.isfinite(line[0])]

    def middle(self, name: str) -> float:
        """The median of those that have the number; infinite if there is none."""
        values = np.array(self.numbers[name])
        found = median(values[~np.isnan(values)])
        return math.inf if math.isnan(found) else found


def stability_figures(results: pd.DataFrame) -> list[Figure]:
    """A figure for each data set, with a view for each column that holds a number."""
    by_dataset: dict[str, list[Cell]] = {}
    ends = outcomes(results).to_numpy(dtype=object)
    known, first = columns_of(results), primaries(results)
    names = [*(of(primary) for of in (drift_of, rough_of) for primary in first), *_OF_TRAINING]
    columns = [known.named(name) for name in names if name in results]
    for cell in cells(results):
        if cell.n:
            by_dataset.setdefault(cell.key["dataset"], []).append(cell)
    found: list[Figure] = []
    for dataset, group in by_dataset.items():
        members = [
            _member(cell, name, [plain(end) for end in ends[cell.rows]], columns)
            for cell, name in zip(group, cell_names(group), strict=True)
        ]
        shown = [c for c in columns if any(member.points(c.name) for member in members)]
        members.sort(key=lambda member: member.middle(shown[0].name) if shown else 0.0)
        if shown:
            found.append(_figure(f"stability-{len(found) + 1}", dataset, members, shown))
    return found


def _member(cell: Cell, name: str, ends: list[str], columns: Sequence[Column]) -> _Member:
    return _Member(
        label=name,
        seeds=[int(seed) for seed in np.nan_to_num(cell.floats("seed"), nan=-1)],
        outcomes=ends,
        numbers={column.name: cell.floats(column.name).tolist() for column in columns},
    )


def _figure(anchor: str, dataset: str, members: list[_Member], shown: Sequence[Column]) -> Figure:
    return Figure(
        anchor=anchor,
        title=plain(dataset),
        description=f"Stability of {len(members)} cells on {plain(dataset)}: a dot for each trial, "
        "its shape by verdict, a bar for the median.",
        views=[_view(members, column) for column in shown],
        data=_data(members),
        notes=[
            "● stable, ■ degraded, ◆ collapsed, ▼ never learned, ✕ diverged or failed before the end; "
            f"a bar marks the median of a cell. Cells are ordered by {_words(shown[0])}.",
            _meanings(shown),
        ],
        height=110 + 26 * len(members),
    )


def _view(members: list[_Member], column: Column) -> View:
    name = column.name
    ranges = extent(value for member in members for value, *_ in member.points(name))
    spread = ranges.get("log", [0, 0])
    log = column.scale == "log" and spread[1] - spread[0] > 1
    layout = {
        "xaxis": value_axis(f"{_words(column)}{arrow(column.better)}", log, ranges, side="top"),
        "yaxis": axis(
            "",
            range=[len(members) - 0.4, -0.6],
            tickvals=[*range(len(members))],
            ticktext=[label(member.label, _LONGEST) for member in members],
            fixedrange=True,
            ticks="",
        ),
        "hovermode": "closest",
        "showlegend": False,
    }
    return View(name, [_bars(members, name), *_dots(members, name)], layout)


def _dots(members: list[_Member], name: str) -> Iterator[Trace]:
    points = [
        (value, row, outcome, seed, member)
        for row, member in enumerate(members)
        for value, outcome, seed in member.points(name)
    ]
    looks = [_LOOKS.get(outcome, _OTHER) for _, _, outcome, *_ in points]
    yield {
        "type": "scatter",
        "mode": "markers",
        "x": [value for value, *_ in points],
        "y": [row for _, row, *_ in points],
        "marker": {
            "color": [shade for shade, _ in looks],
            "symbol": [sign for _, sign in looks],
            "size": 9,
            "opacity": 0.8,
        },
        "hovertext": [
            labels(member.label, f"seed {seed}: {outcome}", f"{name} {value:.4g}")
            for value, _, outcome, seed, member in points
        ],
        "hoverinfo": "text",
    }


def _bars(members: list[_Member], name: str) -> Trace:
    x: list[float | None] = []
    y: list[float | None] = []
    for row, member in enumerate(members):
        middle = member.middle(name)
        if math.isfinite(middle):
            x += [middle, middle, None]
            y += [row - 0.33, row + 0.33, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": "$soft", "width": 2.5},
        "hoverinfo": "skip",
    }


def _words(column: Column) -> str:
    return plain(column.name).replace("_", " ")


def _meanings(columns: Sequence[Column]) -> str:
    parts = [f"{column.name}: {column.meaning}" for column in columns if column.meaning]
    return plain(f"{'; '.join(parts)}.").replace("`", "")


def _data(members: list[_Member]) -> Data:
    rows, names = [], list(members[0].numbers)
    for member in members:
        columns = (map(given, member.numbers[name]) for name in names)
        lines = zip(member.seeds, member.outcomes, *columns, strict=True)
        rows += [[member.label, *line] for line in lines]
    return Data(["cell", "seed", "outcome", *names], rows)
