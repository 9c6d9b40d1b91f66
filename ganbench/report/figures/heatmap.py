"""Heat maps: a number for each cell, with a sign and a word where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.report.charts.heatmap import HeatCell, HeatMap, heatmaps
from ganbench.report.charts.palette import HEAT
from ganbench.report.embed import label, labels
from ganbench.report.figures.base import (
    Data,
    Figure,
    Layout,
    View,
    arrow,
    axis,
    for_primaries,
    given,
    sentences,
)
from ganbench.report.figures.hatching import hatched
from ganbench.results.formatting import plain

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 34
_SIGNS = {"failed": "✕", "skipped": "∅", "missing": "…"}
_LINES = 5  # of a hatching, on either side of the diagonal
_HATCHES = {"failed": "$bad/0.45", "partly failed": "$bad/0.45"}
_LIGHT_INK, _DARK_INK = "#ffffff", "#0b1f3f"
_TURN = 0.45  # of the scale: from here on dark text is the clearer one


def heat_figures(results: pd.DataFrame) -> list[Figure]:
    """Architectures over losses, a figure for what may be compared."""
    charts = for_primaries(results, lambda metric: heatmaps(results, metric=metric))
    return [_figure(f"heat-map-{number}", chart) for number, chart in enumerate(charts, start=1)]


def _figure(anchor: str, chart: HeatMap) -> Figure:
    rows, columns = len(chart.row_names), len(chart.column_names)
    longest = max((len(name) for name in chart.column_names), default=0)
    slanted = min(longest, _LONGEST) > 14 or columns > 8
    beside = min(max(map(len, chart.row_names), default=0), _LONGEST)
    below = 7 * min(longest, _LONGEST) * 0.6 if slanted else 10
    return Figure(
        anchor=anchor,
        title=plain(chart.title),
        description=f"{chart.label} by {chart.rows} (rows) and {chart.columns} (columns) on "
        f"{plain(chart.title)}; {_counted(chart)}.",
        views=[View("", [_heat(chart), _numbers(chart)], _layout(chart, slanted))],
        data=_data(chart),
        notes=sentences(chart.caption, _key(chart)),
        height=round(130 + 52 * rows + below),
        least_width=round(
            160 + 7 * beside + columns * (74 if slanted else max(74, 8 * longest + 8))
        ),
    )


def _heat(chart: HeatMap) -> dict[str, Any]:
    z = _field(chart, lambda cell: _shade(cell, chart.log))
    low, high = _limits(z)
    scale = HEAT if chart.better != "higher" else HEAT[::-1]
    return {
        "type": "heatmap",
        "z": z,
        "x": [*range(len(chart.column_names))],
        "y": [*range(len(chart.row_names))],
        "zmin": low,
        "zmax": high,
        "hovertext": [
            [labels(*_hover(chart, row, column)) for column in range(len(chart.column_names))]
            for row in range(len(chart.row_names))
        ],
        "hoverinfo": "text",
        "xgap": 3,
        "ygap": 3,
        "colorscale": [[round(n / (len(scale) - 1), 4), stop] for n, stop in enumerate(scale)],
        "colorbar": {
            "thickness": 12,
            "outlinewidth": 0,
            "title": {"text": label(_title(chart)), "side": "right", "font": {"size": 13}},
            **_ticks(low, high, chart.log),
        },
        "showscale": any(value is not None for row in z for value in row),
    }


def _numbers(chart: HeatMap) -> dict[str, Any]:
    """What stands in fields with a number, light on dark colours and the other way round."""
    z = _field(chart, lambda cell: _shade(cell, chart.log))
    low, high = _limits(z)
    places = [
        (column, row, (shade - low) / (high - low), chart.cells[row][column])
        for row, shades in enumerate(z)
        for column, shade in enumerate(shades)
        if shade is not None
    ]
    best_is_dark = chart.better != "higher"
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, *_ in places],
        "y": [y for _, y, *_ in places],
        "text": [_inside(cell) for *_, cell in places if cell is not None],
        "textfont": {
            "color": [
                _LIGHT_INK if (t < _TURN) == best_is_dark else _DARK_INK for _, _, t, _ in places
            ],
            "size": 13,
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _signs(chart: HeatMap) -> list[dict[str, Any]]:
    """What stands in fields without a number, on a ground of its own within the hatching."""
    return [
        {
            "x": column,
            "y": row,
            "text": _inside(cell),
            "showarrow": False,
            "bgcolor": "$card",
            "borderpad": 2,
            "font": {"size": 12},
        }
        for row, cells in enumerate(chart.cells)
        for column, cell in enumerate(cells)
        if cell is not None and _shade(cell, chart.log) is None
    ]


def _layout(chart: HeatMap, slanted: bool) -> Layout:
    rows, columns = len(chart.row_names), len(chart.column_names)
    plain_axis = {"showgrid": False, "ticks": "", "showline": False, "fixedrange": True}
    return {
        "xaxis": axis(
            chart.columns,
            range=[-0.5, columns - 0.5],
            tickvals=[*range(columns)],
            ticktext=[label(name, _LONGEST) for name in chart.column_names],
            tickangle=-35 if slanted else 0,
            **plain_axis,
        ),
        "yaxis": axis(
            chart.rows,
            range=[rows - 0.5, -0.5],
            tickvals=[*range(rows)],
            ticktext=[label(name, _LONGEST) for name in chart.row_names],
            **plain_axis,
        ),
        "shapes": _hatches(chart),
        "annotations": _signs(chart),
        "hovermode": "closest",
    }


def _hatches(chart: HeatMap) -> list[dict[str, Any]]:
    """A shape for each state that leaves fields without a number."""
    places: dict[str, list[tuple[int, int]]] = {}
    for row, cells in enumerate(chart.cells):
        for column, cell in enumerate(cells):
            if cell is not None and _shade(cell, chart.log) is None:
                places.setdefault(cell.state, []).append((column, row))
    return [
        hatched(found, _HATCHES.get(state, "$faint/0.5"), lines=0 if state == "missing" else _LINES)
        for state, found in places.items()
    ]


def _shade(cell: HeatCell | None, log: bool) -> float | None:
    """What a field's colour stands for."""
    if cell is None or not math.isfinite(cell.value) or (log and cell.value <= 0):
        return None
    return math.log10(cell.value) if log else float(cell.value)


def _inside(cell: HeatCell) -> str:
    text = label(cell.text, 16)
    if cell.state in _SIGNS:
        return f"{_SIGNS[cell.state]} {text or cell.state}"
    return f"{text} !" if cell.state == "partly failed" else text


def _hover(chart: HeatMap, row: int, column: int) -> list[str]:
    cell = chart.cells[row][column]
    names = [chart.row_names[row], chart.column_names[column]]
    if cell is None:
        return [*names, "nothing here: not in the grid, or not begun"]
    found = [*names, f"{chart.metric}: {cell.text}"]
    if math.isfinite(cell.value) and not math.isnan(cell.low + cell.high):
        found.append(f"interval {cell.low:.4g} to {cell.high:.4g}".replace("inf", "∞"))
    if cell.n:
        found.append(f"{cell.n - cell.failed} of {cell.n} trials ended ok")
    if cell.state != "ok":
        found.append(f"{cell.state}: {cell.reason}" if cell.reason else cell.state)
    return found


def _data(chart: HeatMap) -> Data:
    headers = [chart.rows, chart.columns, f"{chart.metric}_median", f"{chart.metric}_low"]
    headers += [f"{chart.metric}_high", "n", "failed", "state", "reason"]
    rows = []
    for name, cells in zip(chart.row_names, chart.cells, strict=True):
        for column, cell in zip(chart.column_names, cells, strict=True):
            if cell is not None:
                numbers = [given(cell.value), given(cell.low), given(cell.high)]
                reason = plain(cell.reason) if cell.reason else None
                rows.append([plain(name), plain(column), *numbers, cell.n, cell.failed])
                rows[-1] += [cell.state, reason]
    return Data(headers, rows)


def _limits(z: list[list[float | None]]) -> tuple[float, float]:
    """The least and the greatest shade, never the same."""
    shades = [value for row in z for value in row if value is not None]
    low, high = (min(shades), max(shades)) if shades else (0.0, 1.0)
    return low, high if high > low else low + 1


def _field(chart: HeatMap, of: Callable[[HeatCell], Any]) -> list[list[Any]]:
    return [[None if cell is None else of(cell) for cell in cells] for cells in chart.cells]


def _ticks(low: float, high: float, log: bool) -> dict[str, Any]:
    """Round numbers beside a scale of logarithms."""
    if not log:
        return {"nticks": 6}
    steps = [
        factor * 10.0**power
        for power in range(math.floor(low), math.ceil(high) + 1)
        for factor in (1, 2, 5)
    ]
    shown = [step for step in steps if low - 1e-9 <= math.log10(step) <= high + 1e-9]
    if len(shown) < 2:
        shown = [float(f"{10**end:.3g}") for end in np.linspace(low, high, 3)]
    return {
        "tickvals": [math.log10(step) for step in shown],
        "ticktext": [f"{step:,g}" for step in shown],
    }


def _title(chart: HeatMap) -> str:
    return f"{chart.label}{arrow(chart.better)}"


def _key(chart: HeatMap) -> str:
    """What the signs mean that are there."""
    states = {cell.state for cells in chart.cells for cell in cells if cell is not None}
    parts = [f"{sign} {state}" for state, sign in _SIGNS.items() if state in states]
    parts += ["! some of the seeds failed"] * ("partly failed" in states)
    return f"Signs: {', '.join(parts)}; a hatched field has no number" if parts else ""


def _counted(chart: HeatMap) -> str:
    states = [cell.state for cells in chart.cells for cell in cells if cell is not None]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
