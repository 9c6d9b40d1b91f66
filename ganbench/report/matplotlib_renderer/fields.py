"""Heat maps: the numbers in their cells, hatches and words in cells that failed or were skipped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.patches import Rectangle

from ganbench.report.marks import Field, FieldCell, Panel, heading
from ganbench.report.matplotlib_renderer.axes import (
    is_log,
    linear_ticks,
    log_ticks,
    plain_numbers,
    set_ticks,
)
from ganbench.report.matplotlib_renderer.layout import FigureLayout, Grid
from ganbench.report.matplotlib_renderer.style import INK, NORMAL, SMALL, SOFT, FigureStyle
from ganbench.report.matplotlib_renderer.text import Names, breadth, tallness, wrapped
from ganbench.report.palette import HEAT

_GROUND = {"failed": "#ececef", "skipped": "#f7f7f8", "missing": "#ffffff"}
_HATCH = {"failed": "xxxx", "skipped": "////", "missing": "", "partly failed": "xxxx"}
_ROW = 0.42  # inches of a row of cells
_ROW_NAME, _UPRIGHT = 1.5, 1.9  # of a name, before it is broken
_SIDES, _BAR = 2.0, 1.05  # beside the cells: in all; all but the names of rows
_SPARE = 0.4  # of a panel's label and gaps
_MOST_LINES = 6  # of a column's name that lies flat
_TICKS = 3  # of the bar, about
_LIGHT = 0.4  # luminance below which numbers are white


@dataclass(frozen=True)
class _Frame:
    """A panel with its names broken into lines; lengths are inches.

    :ivar cell: the width of a cell.
    :ivar upright: whether the names of columns stand on their side.
    """

    panel: Panel
    field: Field
    title: str
    rows: list[str]
    columns: list[str]
    cell: float
    upright: bool

    @property
    def height(self) -> float:
        """The height of the panel, with names and label."""
        measure = breadth if self.upright else tallness
        names = max(measure(name, SMALL) for name in self.columns)
        row = max(_ROW, *(tallness(name, SMALL) + 0.05 for name in self.rows))
        return row * len(self.rows) + names + tallness(self.title, NORMAL) + _SPARE


def field_layout(panels: Sequence[Panel], style: FigureStyle) -> FigureLayout:
    """A panel with colors of its own for each: the numbers of two data sets do not compare."""
    names, most = Names(), max(len(panel.x.names) for panel in panels)
    width = style.width or min(max(_SIDES + 0.6 + 0.85 * most, 4.0), 10.0)
    frames = [_frame(panel, width, names) for panel in panels]

    def draw(axes: Sequence[Axes]) -> None:
        for frame, ax in zip(frames, axes, strict=True):
            _draw(ax, frame, style)

    grid = Grid(len(panels), 1, width, max(frame.height for frame in frames))
    return FigureLayout(panels, names, grid, draw)


def _frame(panel: Panel, width: float, names: Names) -> _Frame:
    rows = [wrapped(names.short(name), _ROW_NAME, SMALL) for name in panel.y.names]
    aside = max(breadth(name, SMALL) for name in rows) + _BAR
    cell = max((width - aside) / len(panel.x.names), 0.2)
    columns = [wrapped(names.short(name), cell - 0.06, SMALL) for name in panel.x.names]
    upright = max(name.count("\n") + 1 for name in columns) > _MOST_LINES
    if upright:
        columns = [wrapped(names.short(name), _UPRIGHT, SMALL) for name in panel.x.names]
    title = wrapped(names.short(panel.title), width - aside, NORMAL, bold=True)
    return _Frame(panel, panel.fields[0], title, rows, columns, cell, upright)


def _draw(axes: Axes, frame: _Frame, style: FigureStyle) -> None:
    field = frame.field
    values = np.array([cell.value for cell in field.known])
    finite = values[np.isfinite(values)]
    stops = HEAT if field.better == "lower" else HEAT[::-1]
    colors = LinearSegmentedColormap.from_list("ganbench", list(stops))
    norm = _norm(finite, is_log(style, field.log, finite, field.metric))
    for row, line in enumerate(field.cells):
        for column, cell in enumerate(line):
            if cell is not None:
                _cell(axes, column, row, cell, colors(norm(cell.value)), frame.cell)
    axes.set_xlim(-0.5, len(frame.columns) - 0.5)
    axes.set_ylim(len(frame.rows) - 0.5, -0.5)
    axes.set_xticks(range(len(frame.columns)), frame.columns)
    axes.set_yticks(range(len(frame.rows)), frame.rows)
    axes.tick_params(length=0)
    if frame.upright:
        axes.tick_params(axis="x", rotation=90)
    axes.set_title(frame.title)
    axes.set_xlabel(frame.panel.x.title)
    axes.set_ylabel(frame.panel.y.title)
    axes.spines[:].set_visible(False)
    if len(np.unique(finite)) > 1:
        bar = axes.figure.colorbar(ScalarMappable(norm, colors), ax=axes, fraction=0.05, aspect=16,
                                   pad=0.02)  # fmt: skip
        _bar(bar, field, norm)


def _cell(axes: Axes, x: int, y: int, cell: FieldCell, shade: Any, width: float) -> None:
    valued = math.isfinite(cell.value)
    ground = shade if valued else _GROUND.get(cell.state, _GROUND["failed"])
    box: dict[str, Any] = {"linewidth": 1.2, "edgecolor": "white", "facecolor": ground}
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **box))
    if not valued and _HATCH[cell.state]:
        hatch: dict[str, Any] = {"fill": False, "linewidth": 0, "hatch": _HATCH[cell.state]}
        axes.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, **hatch))
    ink = "white" if valued and _luminance(shade) < _LIGHT else INK
    backed = None if valued else {"facecolor": ground, "edgecolor": "none", "pad": 1.2}
    text: dict[str, Any] = {"ha": "center", "color": ink, "bbox": backed, "linespacing": 1.1}
    first, _, rest = cell.text.partition("\n")
    size = _fitting(NORMAL, first, width)
    if rest:
        axes.text(x, y - 0.02, first, va="bottom", fontsize=size, **text)
        small = min(SMALL - 0.5, _fitting(SMALL, rest, width))
        axes.text(x, y + 0.08, rest, va="top", fontsize=small, **text)
    else:
        axes.text(x, y, first, va="center", fontsize=size if valued else min(size, SMALL), **text)


def _fitting(size: float, text: str, width: float) -> float:
    """The size in points, or a smaller one at which the text fits into a width in inches."""
    return min(size, width * 72 / (0.62 * max(len(text), 1)))


def _bar(bar: Any, field: Field, norm: Normalize) -> None:
    low, high = float(norm.vmin or 0), float(norm.vmax or 1)
    log = isinstance(norm, LogNorm)
    ticks = log_ticks(low, high, _TICKS) if log else linear_ticks(low, high, _TICKS, (1, 2, 5, 10))
    set_ticks(bar.ax.yaxis, ticks, plain_numbers(ticks))
    bar.ax.tick_params(length=2, labelsize=SMALL)
    bar.outline.set_visible(False)
    bar.set_label(wrapped(heading(field), 1.6, NORMAL), fontsize=SMALL, color=SOFT)


def _norm(finite: np.ndarray, log: bool) -> Normalize:
    if not len(finite):
        return Normalize(0, 1)
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        low, high = (low / 1.1, high * 1.1) if log else (low - 1, high + 1)
    return LogNorm(low, high) if log else Normalize(low, high)


def _luminance(shade: Any) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shade[:3]]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
