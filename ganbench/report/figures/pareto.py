"""Quality against throughput, with the cells that no other beats in both joined by a line."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from ganbench.report.charts.pareto import ParetoChart, ParetoPoint, pareto
from ganbench.report.embed import label, labels
from ganbench.report.figures.base import (
    Data,
    Entry,
    Figure,
    Trace,
    View,
    arrow,
    axis,
    color,
    extent,
    for_primaries,
    given,
    sentences,
    symbol,
    value_axis,
)
from ganbench.results.formatting import plain

if TYPE_CHECKING:
    import pandas as pd


def pareto_figures(results: pd.DataFrame) -> list[Figure]:
    """Primary metrics against images a second, a figure for what may be compared."""
    charts = for_primaries(results, partial(pareto, results))
    return [_figure(f"pareto-{number}", chart) for number, chart in enumerate(charts, start=1)]


def _figure(anchor: str, chart: ParetoChart) -> Figure:
    front = [plain(point.label) for point in chart.points if point.on_front]
    ranges = extent(
        value
        for point in chart.points
        for value in (point.quality, point.quality_low, point.quality_high)
    )
    layout = {
        "xaxis": axis(f"{chart.x_label}{arrow(chart.x_better)}", tickformat=",~g"),
        "yaxis": value_axis(f"{chart.y_label}{arrow(chart.y_better)}", chart.log, ranges),
        "hovermode": "closest",
    }
    traces = [_front(chart), *(_point(n, point, chart) for n, point in enumerate(chart.points))]
    left_out = ", ".join(map(plain, chart.left_out))
    missing = f"Not drawn, for want of a finite number: {left_out}" if left_out else ""
    return Figure(
        anchor=anchor,
        title=plain(chart.title),
        description=f"{chart.y_label} against {chart.x_label} on {plain(chart.title)}. "
        f"On the front: {', '.join(front)}.",
        views=[View("", traces, layout, "yaxis" if "log" in ranges else "", ranges)],
        data=_data(chart),
        legend=[
            Entry(
                f"g{number}",
                plain(point.label),
                point.color,
                point.dash,
                "point",
                "on the front" if point.on_front else "",
            )
            for number, point in enumerate(chart.points)
        ],
        notes=sentences(chart.caption, chart.note, missing),
    )


def _front(chart: ParetoChart) -> Trace:
    front = sorted((p for p in chart.points if p.on_front), key=lambda point: point.speed)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [point.speed for point in front],
        "y": [point.quality for point in front],
        "line": {"color": "$faint", "width": 1.5, "dash": "4px,3px"},
        "name": "Pareto front",
        "hoverinfo": "skip",
    }


def _point(number: int, point: ParetoPoint, chart: ParetoChart) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [point.speed],
        "y": [point.quality],
        "error_x": _bars(point.speed, point.speed_low, point.speed_high, point.color),
        "error_y": _bars(point.quality, point.quality_low, point.quality_high, point.color),
        "marker": {
            "color": color(point.color) if point.on_front else "$card",
            "symbol": symbol(point.dash),
            "size": 13 if point.on_front else 10,
            "line": {"color": color(point.color), "width": 2},
        },
        "name": label(point.label, 60),
        "legendgroup": f"g{number}",
        "hovertext": [
            labels(
                point.label,
                f"{chart.quality} {point.quality:.4g}{_span(point.quality_low, point.quality_high)}",
                f"{chart.speed} {point.speed:,.4g}{_span(point.speed_low, point.speed_high)}",
                f"{point.trials - point.failed} of {point.trials} trials ended ok",
                "on the front: nothing is both better and faster" if point.on_front else "",
            )
        ],
        "hoverinfo": "text",
    }


def _bars(middle: float, low: float, high: float, number: int) -> dict[str, Any]:
    if not (math.isfinite(low) and math.isfinite(high)):
        return {"visible": False}
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(high - middle, 0.0)],
        "arrayminus": [max(middle - low, 0.0)],
        "color": color(number, 0.55),
        "thickness": 1.2,
        "width": 3,
    }


def _span(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f" ({low:.4g} to {high:.4g})"


def _data(chart: ParetoChart) -> Data:
    headers = ["cell"]
    for name in (chart.quality, chart.speed):
        headers += [name, f"{name}_low", f"{name}_high"]
    rows = [
        [
            plain(point.label),
            *map(given, (point.quality, point.quality_low, point.quality_high)),
            *map(given, (point.speed, point.speed_low, point.speed_high)),
            point.trials,
            point.failed,
            point.on_front,
        ]
        for point in chart.points
    ]
    return Data([*headers, "n", "failed", "on_front"], rows)
