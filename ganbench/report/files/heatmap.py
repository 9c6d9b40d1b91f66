"""Heat maps: the numbers in their fields, what failed or was skipped hatched and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.report.charts import bands
from ganbench.report.charts.heatmap import HeatCell, HeatMap
from ganbench.report.charts.palette import HEAT
from ganbench.report.files.axes import is_log, label, log_ticks, plain_numbers
from ganbench.report.files.sheet import Grid, Sheet
from ganbench.report.files.style import INK, NORMAL, SMALL, SOFT, Look
from ganbench.report.files.text import Names, breadth, tallness, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

_GROUND = {"failed": "#ececef", "skipped": "#f7f7f8", "missing": "#ffffff"}
_HATCH = {"failed": "xxxx", "skipped": "////", "missing": "", "partly failed": "...."}
_ROW = 0.42  # inches of a row of fields
_ROW_NAME, _UPRIGHT = 1.5, 1.9  # of a name, before it is broken
_SIDES, _BAR = 2.0, 1.05  # beside the fields: in all; all but the names of rows
_SPARE = 0.4  # of a panel's label and gaps
_MOST_LINES = 6  # of a column's name that lies flat
_TICKS = 3  # of the bar, about
_LIGHT = 0.4  # luminance below which numbers are white


@dataclass(frozen=True)
class _Frame:
    """A heat map with its names broken into lines; lengths are inches.

    :ivar field: the width of a field.
    :ivar upright: whether names of columns stand on their side.
    """

    chart: HeatMap
    title: str
    rows: list[str]
    columns: list[str]
    field: float
    upright: bool

    @property
    def height(self) -> float:
        """Of the panel, with names and label."""
        measure = breadth if self.upright else tallness
        names = max(measure(name, SMALL) for name in self.columns)
        row = max(_ROW, *(tallness(name, SMALL) + 0.05 for name in self.rows))
        title = tallness(self.title, NORMAL)
        return row * len(self.rows) + names + title + _SPARE


def sheet(charts: Sequence[HeatMap], look: Look) -> Sheet:
    """A panel with colours of its own for each heat map: two data sets' numbers do not compare."""
    names = Names()
    most = max(len(chart.column_names) for chart in charts)
    width = look.width or min(max(_SIDES + 0.6 + 0.85 * most, 4.0), 10.0)
    frames = [_frame(chart, width, names) for chart in charts]

    def draw(axes: Sequence[Axes]) -> None:
        for frame, ax in zip(frames, axes, strict=True):
            _draw(ax, frame, look)

    return Sheet(
        Grid(len(charts), 1, width, max(frame.height for frame in frames)),
        draw,
        notes=[bands.describe(_counts(charts), "none"), *_marks(charts), *names.notes()],
    )


def _frame(chart: HeatMap, width: float, names: Names) -> _Frame:
    rows = [wrapped(names.short(name), _ROW_NAME, SMALL) for name in chart.row_names]
    aside = max(breadth(name, SMALL) for name in rows) + _BAR
    field = max((width - aside) / len(chart.column_names), 0.2)
    columns = [wrapped(names.short(name), field - 0.06, SMALL) for name in chart.column_names]
    upright = max(name.count("\n") + 1 for name in columns) > _MOST_LINES
    if upright:
        columns = [wrapped(names.short(name), _UPRIGHT, SMALL) for name in chart.column_names]
    title = wrapped(names.short(chart.title), width - aside, NORMAL, bold=True)
    return _Frame(chart, title, rows, columns, field, upright)


def _draw(axes: Axes, frame: _Frame, look: Look) -> None:
    from matplotlib.cm import ScalarMappable

    chart, rows, columns = frame.chart, len(frame.rows), len(frame.columns)
    values = np.array([cell.value for line in chart.cells for cell in line if cell is not None])
    finite = values[np.isfinite(values)]
    colors = _colors(chart.better)
    norm = _norm(finite, is_log(look, chart.log, finite, chart.metric))
    for row, line in enumerate(chart.cells):
        for column, cell in enumerate(line):
            if cell is not None:
                _field(axes, column, row, cell, colors(norm(cell.value)), frame.field)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    _name(axes, frame)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if len(np.unique(finite)) > 1:
        bar = axes.figure.colorbar(ScalarMappable(norm, colors), ax=axes, fraction=0.05, aspect=16,
                                   pad=0.02)  # fmt: skip
        _bar(bar, chart, norm)


def _field(axes: Axes, x: int, y: int, cell: HeatCell, shade: Any, width: float) -> None:
    from matplotlib.patches import Rectangle

    valued = math.isfinite(cell.value)
    ground = shade if valued else _GROUND.get(cell.state, _GROUND["failed"])
    box: dict[str, Any] = {"linewidth": 1.2, "edgecolor": "white", "facecolor": ground}
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **box))
    if not valued and _HATCH[cell.state]:
        axes.add_patch(
            Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, fill=False, linewidth=0,
                      hatch=_HATCH[cell.state if cell.state != "partly failed" else "failed"])
        )  # fmt: skip
    dark = valued and _luminance(shade) < _LIGHT
    ink = "white" if dark else INK
    first, _, rest = cell.text.partition("\n")
    backed = None if valued else {"facecolor": ground, "edgecolor": "none", "pad": 1.2}
    text: dict[str, Any] = {"ha": "center", "color": ink, "bbox": backed, "linespacing": 1.1}
    size = min(NORMAL, NORMAL * width * 72 / (0.62 * NORMAL * max(len(first), 1)))
    if rest:
        axes.text(x, y - 0.02, first, va="bottom", fontsize=size, **text)
        small = min(SMALL - 0.5, SMALL * width * 72 / (0.62 * SMALL * len(rest)))
        axes.text(x, y + 0.08, rest, va="top", fontsize=small, **text)
    else:
        axes.text(x, y, first, va="center", fontsize=size if valued else min(size, SMALL), **text)


def _name(axes: Axes, frame: _Frame) -> None:
    axes.set_xticks(range(len(frame.columns)), frame.columns)
    if frame.upright:
        axes.tick_params(axis="x", rotation=90)
    axes.set_yticks(range(len(frame.rows)), frame.rows)
    axes.set_title(frame.title)
    axes.set_xlabel(frame.chart.columns)
    axes.set_ylabel(frame.chart.rows)


def _bar(bar: Any, chart: HeatMap, norm: Normalize) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

    low, high = float(norm.vmin or 0), float(norm.vmax or 1)
    if isinstance(norm, LogNorm):
        ticks = log_ticks(low, high, _TICKS)
    else:
        ticks = np.asarray(MaxNLocator(_TICKS, steps=[1, 2, 5, 10]).tick_values(low, high))
    ticks = ticks[(ticks >= low) & (ticks <= high)]
    bar.ax.yaxis.set_major_locator(FixedLocator(ticks.tolist()))
    bar.ax.yaxis.set_major_formatter(FixedFormatter(plain_numbers(ticks)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(length=2, labelsize=SMALL)
    bar.outline.set_visible(False)
    bar.set_label(label(chart.label, chart.better, 1.6), fontsize=SMALL, color=SOFT)


def _colors(better: str | None) -> Colormap:
    """The best darkest; where no direction is better, the highest."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = HEAT if better == "lower" else HEAT[::-1]
    return LinearSegmentedColormap.from_list("ganbench", list(stops))


def _norm(finite: np.ndarray, log: bool) -> Normalize:
    from matplotlib.colors import LogNorm, Normalize

    if not len(finite):
        return Normalize(0, 1)
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        low, high = (low / 1.1, high * 1.1) if log else (low - 1, high + 1)
    return LogNorm(low, high) if log else Normalize(low, high)


def _luminance(shade: Any) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shade[:3]]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def _counts(charts: Sequence[HeatMap]) -> list[int]:
    """Trials behind each number."""
    cells = [cell for chart in charts for line in chart.cells for cell in line if cell is not None]
    return [cell.n for cell in cells if cell.state in ("ok", "partly failed")]


def _marks(charts: Sequence[HeatMap]) -> list[str]:
    """What the hatches stand for, and why cells were skipped."""
    cells = [cell for chart in charts for line in chart.cells for cell in line if cell is not None]
    states = {cell.state for cell in cells}
    notes = []
    if "partly failed" in states:
        notes.append(f"a failed or diverged seed {charts[0].lost}")
    if "missing" in states:
        notes.append("–: not finished or not measured")
    reasons = dict.fromkeys(
        cell.reason for cell in cells if cell.state == "skipped" and cell.reason
    )
    if reasons:
        notes.append(f"skipped: {'; '.join(reasons)}")
    return notes
