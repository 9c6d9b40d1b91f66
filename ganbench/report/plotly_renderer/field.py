"""A field as a Plotly heat map: cells without a number have a sign, words and a hatching."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ganbench.report.embed import label, labels
from ganbench.report.marks import Field, FieldCell, Panel, State, heading
from ganbench.report.palette import HEAT
from ganbench.report.plotly_renderer.axes import Layout

Trace = dict[str, Any]

LONGEST_NAME = 34
_SIGNS: dict[State, str] = {"failed": "✕", "skipped": "∅", "missing": "…"}
_LINES = 5  # of a hatching, on either side of the diagonal
_HALF = 0.47  # of a cell's side: a little less than half, for a gap
_LIGHT_INK, _DARK_INK = "#ffffff", "#0b1f3f"
_TURN = 0.45  # of the scale: dark text is clearer from here on


def field_traces(field: Field) -> list[Trace]:
    """The colors, and the numbers on them: light on dark colors and the other way round."""
    z = [[_shade(cell, field.log) for cell in line] for line in field.cells]
    shades = [value for line in z for value in line if value is not None]
    low, high = (min(shades), max(shades)) if shades else (0.0, 1.0)
    high = high if high > low else low + 1
    low_is_dark = field.better == "lower"
    scale = HEAT if low_is_dark else HEAT[::-1]
    width = len(field.cells[0]) if field.cells else 0
    boxes = [labels(*lines) for lines in field.hover]
    valued = [(x, y, cell) for x, y, cell in _places(field) if z[y][x] is not None]
    heat = {
        "type": "heatmap",
        "z": z,
        "x": [*range(width)],
        "y": [*range(len(z))],
        "zmin": low,
        "zmax": high,
        "hovertext": [boxes[at : at + width] for at in range(0, len(boxes), width or 1)],
        "hoverinfo": "text",
        "xgap": 3,
        "ygap": 3,
        "colorscale": [[round(n / (len(scale) - 1), 4), stop] for n, stop in enumerate(scale)],
        "colorbar": {
            "thickness": 12,
            "outlinewidth": 0,
            "title": {"text": label(heading(field)), "side": "right", "font": {"size": 13}},
            **_ticks(low, high, field.log),
        },
        "showscale": bool(shades),
    }
    numbers = {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, *_ in valued],
        "y": [y for _, y, _ in valued],
        "text": [_inside(cell) for *_, cell in valued],
        "textfont": {
            "color": [
                _LIGHT_INK if ((shade - low) / (high - low) < _TURN) == low_is_dark else _DARK_INK
                for shade in shades
            ],
            "size": 13,
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return [heat, numbers]


def field_layout(field: Field, panel: Panel) -> Layout:
    """The content of cells without a number: a hatching for each state, and a sign with words."""
    empty = [(x, y, cell) for x, y, cell in _places(field) if _shade(cell, field.log) is None]
    states = dict.fromkeys(cell.state for *_, cell in empty)
    bare = {"showgrid": False, "showline": False}
    ends = {"xaxis": [-0.5, len(panel.x.names) - 0.5], "yaxis": [len(panel.y.names) - 0.5, -0.5]}
    axes: Layout = {
        name: bare | {"range": ends[name], "ticktext": [label(n, LONGEST_NAME) for n in axis.names]}
        for name, axis in (("xaxis", panel.x), ("yaxis", panel.y))
    }
    axes["xaxis"]["tickangle"] = -35 if _slanted(panel.x.names) else 0
    return axes | {
        "shapes": [
            _hatching([(x, y) for x, y, cell in empty if cell.state == state], state)
            for state in states
        ],
        "annotations": [
            {
                "x": x,
                "y": y,
                "text": _inside(cell),
                "showarrow": False,
                "bgcolor": "$card",
                "borderpad": 2,
                "font": {"size": 12},
            }
            for x, y, cell in empty
        ],
    }


def field_size(panel: Panel) -> tuple[int, int]:
    """The height and the least width in pixels."""
    columns, rows = panel.x.names, panel.y.names
    below = 4.2 * min(_longest(columns), LONGEST_NAME) if _slanted(columns) else 10
    column = 74 if _slanted(columns) else max(74, 8 * _longest(columns) + 8)
    beside = 7 * min(_longest(rows), LONGEST_NAME)
    return round(130 + 52 * len(rows) + below), 160 + beside + len(columns) * column


def _slanted(names: Sequence[str]) -> bool:
    return _longest(names) > 14 or len(names) > 8


def _longest(names: Sequence[str]) -> int:
    return max(map(len, names), default=0)


def key(field: Field) -> str:
    """The meaning of the signs in a field."""
    states = {cell.state for cell in field.known}
    parts = [f"{sign} {state}" for state, sign in _SIGNS.items() if state in states]
    parts += ["! some of the seeds failed"] * ("partly failed" in states)
    return f"Signs: {', '.join(parts)}; a hatched cell has no number." if parts else ""


def _places(field: Field) -> Iterator[tuple[int, int, FieldCell]]:
    for y, line in enumerate(field.cells):
        yield from ((x, y, cell) for x, cell in enumerate(line) if cell is not None)


def _shade(cell: FieldCell | None, log: bool) -> float | None:
    """The number behind a cell's color."""
    if cell is None or not math.isfinite(cell.value) or (log and cell.value <= 0):
        return None
    return math.log10(cell.value) if log else float(cell.value)


def _inside(cell: FieldCell) -> str:
    text = label(cell.text, 16)
    if cell.state in _SIGNS:
        return f"{_SIGNS[cell.state]} {text or cell.state}"
    return f"{text} !" if cell.state == "partly failed" else text


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


def _hatching(places: list[tuple[int, int]], state: State) -> dict[str, Any]:
    """One shape that frames and hatches cells; it tells states apart without a color."""
    failed = state in ("failed", "partly failed")
    lines = 0 if state == "missing" else _LINES
    return {
        "type": "path",
        "path": "".join(_hatched(x, y, lines) for x, y in places),
        "xref": "x",
        "yref": "y",
        "layer": "below",
        "line": {"color": "$bad/0.45" if failed else "$faint/0.5", "width": 1},
    }


def _hatched(x: int, y: int, lines: int) -> str:
    """The path of a frame with slanted lines in it."""
    left, right, top, bottom = x - _HALF, x + _HALF, y - _HALF, y + _HALF
    path, side = f"M{left},{top}L{right},{top}L{right},{bottom}L{left},{bottom}Z", 2 * _HALF
    for number in range(1, 2 * lines):
        length = number / lines * side
        near, far = min(length, side), max(length - side, 0.0)
        path += f"M{left + far:.3f},{bottom - near:.3f}L{left + near:.3f},{bottom - far:.3f}"
    return path
