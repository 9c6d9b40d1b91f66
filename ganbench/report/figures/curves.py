"""Learning curves: median and band of each cell, its trials as thin lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.report.charts.curves import CurveChart, CurveLine, Over, curves
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
    finite,
    for_primaries,
    given,
    sentences,
    stroke,
    value_axis,
)
from ganbench.results.formatting import plain

if TYPE_CHECKING:
    import pandas as pd

_OVER: dict[Over, str] = {"images": "Images", "train_seconds": "Seconds"}
_MOST_BANDS = 8  # more would hide each other
_FAINT_SEEDS, _FAINT_BAND = 0.35, 0.13


def curve_figures(results: pd.DataFrame, history: pd.DataFrame) -> list[Figure]:
    """Primary metrics over images and over seconds, a figure for what may be compared."""
    by_title: dict[tuple[str, str], dict[Over, CurveChart]] = {}
    for over in _OVER:
        charts = for_primaries(results, partial(curves, results, history, over))
        for chart in charts:
            by_title.setdefault((chart.title, chart.metric), {})[over] = chart
    return [
        _figure(f"curves-{number}", title, charts)
        for number, ((title, _), charts) in enumerate(by_title.items(), start=1)
    ]


def _figure(anchor: str, title: str, charts: dict[Over, CurveChart]) -> Figure:
    first = next(iter(charts.values()))
    groups = {line.label: f"g{number}" for number, line in enumerate(first.lines)}
    for chart in charts.values():
        for line in chart.lines:
            groups.setdefault(line.label, f"g{len(groups)}")
    return Figure(
        anchor=anchor,
        title=plain(title),
        description=f"{first.y_label} during training on {plain(title)}: {len(first.lines)} cells, "
        "the median over seeds of each as a thick line with a band, trials as thin lines.",
        views=[_view(_OVER[over], chart, groups) for over, chart in charts.items()],
        data=_data(charts),
        legend=[
            Entry(groups[line.label], plain(line.label), line.color, line.dash, note=_failed(line))
            for line in first.lines
        ],
        notes=sentences(first.caption),
        height=460,
        bands=len(first.lines) <= _MOST_BANDS,
    )


def _view(name: str, chart: CurveChart, groups: dict[str, str]) -> View:
    values = [value for line in chart.lines for seed in line.seeds for value in seed.y]
    values += [value for line in chart.lines for value in line.middle]
    ranges = extent(values)
    traces: list[Trace] = []
    for part in (_band, _seeds, _middle):
        for line in chart.lines:
            traces += part(line, groups[line.label], chart)
    return View(
        name,
        traces,
        {
            "xaxis": axis(chart.x_label, range=_span(chart)),
            "yaxis": value_axis(f"{chart.y_label}{arrow(chart.better)}", chart.log, ranges),
            "hovermode": "closest",
        },
        log_axis="yaxis" if "log" in ranges else "",
        ranges=ranges,
    )


def _span(chart: CurveChart) -> list[float]:
    """From the start of training to a little beyond its end."""
    ends = [float(seed.x[-1]) for line in chart.lines for seed in line.seeds if len(seed.x)]
    return [0.0, 1.015 * max(ends, default=1.0)]


def _band(line: CurveLine, group: str, chart: CurveChart) -> Iterator[Trace]:
    """A polygon for each stretch in which both ends are finite."""
    there = np.isfinite(line.low) & np.isfinite(line.high)
    x: list[float | None] = []
    y: list[float | None] = []
    for start, end in _stretches(there):
        span = slice(start, end)
        x += [*map(float, line.x[span]), *map(float, line.x[span][::-1]), None]
        y += [*map(float, line.high[span]), *map(float, line.low[span][::-1]), None]
    if x:
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "fill": "toself",
            "fillcolor": color(line.color, _FAINT_BAND),
            "line": {"width": 0},
            "hoverinfo": "skip",
            "legendgroup": group,
            "showlegend": False,
            "meta": "band",
        }


def _seeds(line: CurveLine, group: str, chart: CurveChart) -> Iterator[Trace]:
    if len(line.seeds) < 2:
        return
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for seed in line.seeds:
        x += [*map(float, seed.x), None]
        y += [*finite(seed.y), None]
        text += [
            labels(line.label, f"seed {seed.seed}", _at(a, b, chart))
            for a, b in zip(seed.x, seed.y, strict=True)
        ]
        text.append("")
    yield {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": stroke(line.color, line.dash, 1, _FAINT_SEEDS),
        "hovertext": text,
        "hoverinfo": "text",
        "legendgroup": group,
        "showlegend": False,
    }


def _middle(line: CurveLine, group: str, chart: CurveChart) -> Iterator[Trace]:
    yield {
        "type": "scatter",
        "mode": "lines+markers" if np.isfinite(line.middle).sum() == 1 else "lines",
        "x": finite(line.x),
        "y": finite(line.middle),
        "line": stroke(line.color, line.dash, 2.5),
        "marker": {"color": color(line.color), "size": 7},
        "name": label(line.label, 60),
        "hovertext": [
            labels(line.label, f"median of {line.n}", _at(a, b, chart))
            for a, b in zip(line.x, line.middle, strict=True)
        ],
        "hoverinfo": "text",
        "legendgroup": group,
    }


def _at(x: float, y: float, chart: CurveChart) -> str:
    place = f"{x:,.0f} images" if chart.over == "images" else f"{x:,.1f} s"
    return f"{place}: {chart.metric} {y:.4g}"


def _data(charts: dict[Over, CurveChart]) -> Data:
    """The trials' points, whatever the view; the medians follow from them."""
    metric = next(iter(charts.values())).metric
    places: dict[tuple[str, int], dict[str, Any]] = {}
    for over, chart in charts.items():
        for line in chart.lines:
            for seed in line.seeds:
                for number, (x, y) in enumerate(zip(seed.x, seed.y, strict=True)):
                    point = places.setdefault(
                        (seed.trial, number),
                        {"cell": line.label, "seed": int(seed.seed), metric: given(float(y))},
                    )
                    point[over] = float(x)
    headers = ["cell", "seed", "trial", *charts, metric]
    rows = [
        [trial if name == "trial" else point.get(name) for name in headers]
        for (trial, _), point in places.items()
    ]
    return Data(headers, [[plain(v) if isinstance(v, str) else v for v in row] for row in rows])


def _failed(line: CurveLine) -> str:
    return f"{line.failed} of {line.n} failed" if line.failed else ""


def _stretches(there: Sequence[bool] | np.ndarray) -> Iterator[tuple[int, int]]:
    """Where runs of truth begin and end."""
    start = None
    for number, value in enumerate([*there, False]):
        if value and start is None:
            start = number
        elif not value and start is not None:
            yield start, number
            start = None
