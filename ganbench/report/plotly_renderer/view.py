"""A panel as a view of the page: Plotly's traces and layout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ganbench.report.embed import label, labels
from ganbench.report.marks import Dots, Field, Line, Mark, Panel, Point
from ganbench.report.palette import DASHES, MARKER_SYMBOLS
from ganbench.report.plotly_renderer.axes import (
    Layout,
    Ranges,
    axis_layout,
    axis_ranges,
    x_limits,
)
from ganbench.report.plotly_renderer.field import Trace, field_layout, field_traces

_LONGEST = 60
_BAND, _SEED, _WHISKER = 0.13, 0.35, 0.55  # opacity
_GRAY: dict[str, dict[str, Any]] = {
    "guide": {"color": "$faint", "width": 1.5, "dash": "4px,3px"},
    "bar": {"color": "$soft", "width": 2.5},
}
_SHAPES = {"after": "hv", "before": "vh"}


class View(NamedTuple):
    """One way to look at a figure.

    :ivar name: the text of its button; empty for the only view.
    :ivar axis: the axis that a reader may switch between logarithmic and linear, or empty.
    :ivar ranges: of that axis, by its type.
    """

    name: str
    data: list[Trace]
    layout: Layout
    axis: str
    ranges: Ranges


def make_view(panel: Panel, groups: Mapping[str, str]) -> View:
    """Draw a panel.

    :param groups: for each label the group of traces that its legend entry hides.
    """
    marks = panel.drawn("page")
    if panel.x.kind != "names":
        marks = [m.between(*x_limits(panel)) if isinstance(m, Line) else m for m in marks]
    layout: Layout = {
        "xaxis": axis_layout(panel.x, panel),
        "yaxis": axis_layout(panel.y, panel),
        "hovermode": "closest",
    }
    for field in panel.fields:
        for name, part in field_layout(field, panel).items():
            layout[name] = layout[name] | part if name in layout else part
    ranges = axis_ranges(panel.y) if panel.y.kind == "metric" else {}
    switch = "yaxis" if "log" in ranges else ""
    return View(panel.view, [*_traces(marks, groups)], layout, switch, ranges)


def _traces(marks: Sequence[Mark], groups: Mapping[str, str]) -> Iterator[Trace]:
    """Bands lie under thin lines, these under medians, and points lie on top."""
    lines = [mark for mark in marks if isinstance(mark, Line)]
    layers: list[tuple[Mark, Trace]] = [(line, _band(line)) for line in lines if line.banded.any()]
    layers += [(line, _line(line)) for line in lines if line.weight != "main"]
    layers += [(line, _line(line)) for line in lines if line.weight == "main"]
    layers += [(mark, _point(mark)) for mark in marks if isinstance(mark, Point)]
    for owner, trace in layers:
        yield trace | ({"legendgroup": groups[owner.label]} if owner.label in groups else {})
    for mark in marks:
        if isinstance(mark, Dots):
            yield _scatter(mark.hover, "markers", mark.x.tolist(), mark.y.tolist()) | {
                "marker": {
                    "color": [f"${color}" for color, _ in mark.looks],
                    "symbol": [symbol for _, symbol in mark.looks],
                    "size": 9,
                    "opacity": 0.8,
                },
            }
        elif isinstance(mark, Field):
            yield from field_traces(mark)


def _band(line: Line) -> Trace:
    """A polygon for each stretch in which both ends are finite."""
    x: list[float | None] = []
    y: list[float | None] = []
    for span in _stretches(line.banded):
        along, low, high = (getattr(line, name)[span] for name in ("x", "low", "high"))
        if line.step:
            along = np.repeat(along, 2)[1:]
            low, high = (np.repeat(ends, 2)[:-1] for ends in (low, high))
        x += [*along.tolist(), *along[::-1].tolist(), None]
        y += [*high.tolist(), *low[::-1].tolist(), None]
    return _scatter((), "lines", x, y) | {
        "fill": "toself",
        "fillcolor": _color(line, _BAND),
        "line": {"width": 0},
        "showlegend": False,
        "meta": "band",
    }


def _line(line: Line) -> Trace:
    main = line.weight == "main"
    hover = [(), *line.hover, ()] if line.start else line.hover
    mode = "lines+markers" if main and np.isfinite(line.y).sum() == 1 else "lines"
    trace = _scatter(hover, mode, _finite(line.x), _finite(line.y))
    trace["line"] = _stroke(line) | ({"shape": _SHAPES[line.step]} if line.step else {})
    if main:
        trace["marker"] = {"color": _color(line), "size": 7}
    if line.label and line.weight != "thin":
        return trace | {"name": label(line.label, _LONGEST)}
    return trace | {"showlegend": False}


def _stroke(line: Line) -> dict[str, Any]:
    """A line's color, width and dash."""
    if line.weight in _GRAY:
        return _GRAY[line.weight]
    thin = line.weight == "thin"
    width = 1.0 if thin else 2.2 if line.step else 2.5
    lengths = ",".join(f"{length * width:g}px" for length in DASHES[line.style.dash])
    color = _color(line, _SEED if thin else 1.0)
    return {"color": color, "width": width, "dash": lengths or "solid"}


def _point(point: Point) -> Trace:
    return _scatter(point.hover, "markers", [point.x], [point.y]) | {
        "error_x": _whisker(point, point.x, *point.x_ends),
        "error_y": _whisker(point, point.y, *point.y_ends),
        "marker": {
            "color": _color(point) if point.filled else "$card",
            "symbol": MARKER_SYMBOLS[point.style.dash],
            "size": 13 if point.filled else 10,
            "line": {"color": _color(point), "width": 2},
        },
        "name": label(point.label, _LONGEST),
    }


def _whisker(point: Point, middle: float, low: float, high: float) -> dict[str, Any]:
    if not (math.isfinite(low) and math.isfinite(high)):
        return {"visible": False}
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(high - middle, 0.0)],
        "arrayminus": [max(middle - low, 0.0)],
        "color": _color(point, _WHISKER),
        "thickness": 1.2,
        "width": 3,
    }


def _scatter(
    hover: Sequence[Sequence[str]], mode: str, x: list[float | None], y: list[float | None]
) -> Trace:
    """A trace with boxes of text above its points, if it has any."""
    trace: Trace = {"type": "scatter", "mode": mode, "x": x, "y": y, "hoverinfo": "skip"}
    texts = [labels(*lines) for lines in hover]
    return trace | ({"hovertext": texts, "hoverinfo": "text"} if texts else {})


def _color(mark: Mark, opacity: float = 1.0) -> str:
    """The name of a series' color."""
    name = f"$series-{mark.style.color}"
    return name if opacity == 1 else f"{name}/{opacity:g}"


def _finite(values: np.ndarray) -> list[float | None]:
    """The values with a gap in place of each one that is not finite."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _stretches(there: np.ndarray) -> list[slice]:
    """The stretches that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]])))
    return [slice(start, end) for start, end in edges.reshape(-1, 2).tolist()]
