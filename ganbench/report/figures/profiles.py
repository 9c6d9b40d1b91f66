"""Profiles: which share of a component's trials is at least this good, or gets there this soon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ganbench.report.charts.profiles import (
    ProfileChart,
    ProfileLine,
    score_profiles,
    time_profiles,
)
from ganbench.report.embed import label, labels
from ganbench.report.figures.base import (
    Data,
    Entry,
    Figure,
    Layout,
    Trace,
    View,
    axis,
    color,
    extent,
    for_primaries,
    given,
    sentences,
    stroke,
    value_axis,
)
from ganbench.results.formatting import plain
from ganbench.results.schema import AXES

if TYPE_CHECKING:
    import pandas as pd

_MOST_BANDS = 5  # more would hide each other
_COMPARED = tuple(axis for axis in AXES if axis != "dataset")


def score_figures(results: pd.DataFrame) -> list[Figure]:
    """P(primary metric ≤ τ), with a view for each axis that has a choice."""
    charts = for_primaries(
        results,
        lambda metric: [c for by in _choices(results) for c in score_profiles(results, by, metric)],
    )
    return _figures("profile", charts)


def time_figures(results: pd.DataFrame, history: pd.DataFrame) -> list[Figure]:
    """The share of trials that have got as good as the target, likewise."""
    charts = for_primaries(
        results,
        lambda metric: [
            c for by in _choices(results) for c in time_profiles(results, history, by, metric)
        ],
    )
    return _figures("time", charts)


def _choices(results: pd.DataFrame) -> list[str]:
    """The axes with several components, that with the fewest first: it compares best."""
    counts = {name: results[name].nunique() for name in _COMPARED}
    return [name for name in _COMPARED if counts[name] > 1] or ["loss"]


def _figures(anchor: str, charts: list[ProfileChart]) -> list[Figure]:
    by_title: dict[tuple[str, str], list[ProfileChart]] = {}
    for chart in charts:
        if chart.lines:
            by_title.setdefault((chart.title, chart.metric), []).append(chart)
    return [
        _figure(f"{anchor}-{number}", title, group)
        for number, ((title, _), group) in enumerate(by_title.items(), start=1)
    ]


def _figure(anchor: str, title: str, charts: list[ProfileChart]) -> Figure:
    first = charts[0]
    return Figure(
        anchor=anchor,
        title=plain(title),
        description=f"{first.y_label} over {first.x_label} on {plain(title)}, "
        f"by {', '.join(chart.by for chart in charts)}.",
        views=[_view(chart) for chart in charts],
        data=_data(charts),
        legend=[
            Entry(
                group=_group(chart, number),
                label=plain(line.label),
                color=line.color,
                dash=line.dash,
                note=_count(line, chart),
                view=view if len(charts) > 1 else -1,
            )
            for view, chart in enumerate(charts)
            for number, line in enumerate(chart.lines)
        ],
        notes=sentences(*(_note(chart, len(charts) > 1) for chart in charts)),
        height=380,
        bands=all(len(chart.lines) <= _MOST_BANDS for chart in charts)
        and any(line.banded for chart in charts for line in chart.lines),
    )


def _view(chart: ProfileChart) -> View:
    traces: list[Trace] = []
    ranges = extent((x for line in chart.lines for x in line.x), 0.03)
    if chart.target is not None and "linear" in ranges:
        ranges["linear"][0] = 0.0  # time begins there
    ends = _ends(ranges, chart.log)
    for part in (_band, _steps):
        for number, line in enumerate(chart.lines):
            traces += part(_whole(line, ends), line, _group(chart, number))
    return View(f"By {chart.by}", traces, _layout(chart, ranges))


def _layout(chart: ProfileChart, ranges: dict[str, list[float]]) -> Layout:
    return {
        "xaxis": value_axis(chart.x_label, chart.log, ranges),
        "yaxis": axis(chart.y_label, range=[-0.02, 1.02], tickformat=".0%"),
        "hovermode": "closest",
    }


def _ends(ranges: dict[str, list[float]], log: bool) -> tuple[float, float]:
    """Where the axis begins and ends."""
    low, high = ranges.get("log" if log and "log" in ranges else "linear", [0.0, 1.0])
    return (10.0**low, 10.0**high) if log and "log" in ranges else (low, high)


def _whole(line: ProfileLine, ends: tuple[float, float]) -> np.ndarray:
    """(4, points) x, share, low and high, from one end of the axis to the other."""
    points = np.stack([line.x, line.share, line.low, line.high]).astype(float)
    points = points[:, np.isfinite(points[:2]).all(axis=0)]
    first = np.array([[ends[0]], [0.0], [0.0], [0.0]])
    last = points[:, -1:].copy() if points.shape[1] else first.copy()
    last[0] = ends[1]
    return np.concatenate([first, points, last], axis=1)


def _band(points: np.ndarray, line: ProfileLine, group: str) -> Iterator[Trace]:
    x, _, low, high = points[:, 1:]  # before its first trial a component has no interval
    if x.size < 2 or not np.isfinite(low + high).all():
        return
    upper, lower = _corners(x, high), _corners(x, low)
    yield {
        "type": "scatter",
        "mode": "lines",
        "x": [*upper[0], *lower[0][::-1]],
        "y": [*upper[1], *lower[1][::-1]],
        "fill": "toself",
        "fillcolor": color(line.color, 0.12),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": group,
        "showlegend": False,
        "meta": "band",
    }


def _steps(points: np.ndarray, line: ProfileLine, group: str) -> Iterator[Trace]:
    yield {
        "type": "scatter",
        "mode": "lines",
        "x": points[0].tolist(),
        "y": points[1].tolist(),
        "line": {**stroke(line.color, line.dash, 2.2), "shape": "hv"},
        "name": label(line.label, 60),
        "hovertext": [
            labels(line.label, f"{share:.0%} of {line.n} trials at {x:,.4g}")
            for x, share in points[:2].T
        ],
        "hoverinfo": "text",
        "legendgroup": group,
    }


def _corners(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
    """The corners of a step function that keeps its value until the next x."""
    return np.repeat(x, 2)[1:].tolist(), np.repeat(y, 2)[:-1].tolist()


def _group(chart: ProfileChart, number: int) -> str:
    return f"{chart.by}-{number}"


def _count(line: ProfileLine, chart: ProfileChart) -> str:
    missed = "failed" if chart.target is None else "never get there"
    return f"{line.n} trials" + (f", {line.failed} {missed}" if line.failed else "")


def _note(chart: ProfileChart, several: bool) -> str:
    text = "; ".join(part for part in (chart.caption, chart.band, chart.note) if part)
    return f"By {chart.by}: {text}" if several and text else text


def _data(charts: list[ProfileChart]) -> Data:
    rows = [
        [chart.by, plain(line.label), *map(given, map(float, point))]
        for chart in charts
        for line in chart.lines
        for point in zip(line.x, line.share, line.low, line.high, strict=True)
    ]
    return Data(["by", "component", "x", "share", "low", "high"], rows)
