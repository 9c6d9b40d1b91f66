"""Quality against speed: points with whiskers, the front as a step line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganbench.report.charts import bands
from ganbench.report.charts.palette import MARKERS
from ganbench.report.charts.pareto import ParetoChart, ParetoPoint
from ganbench.report.files.axes import is_log, label, scale
from ganbench.report.files.legends import keys
from ganbench.report.files.sheet import Grid, Sheet
from ganbench.report.files.style import NORMAL, SOFT, Look, color
from ganbench.report.files.text import Names, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN = 0.07
_MOST_WHISKERS = 12  # points of a panel; of more, those on the front
_WIDE = 10  # speeds that differ by such a factor are drawn on a logarithmic axis


def sheet(charts: Sequence[ParetoChart], look: Look) -> Sheet:
    """A panel for each chart."""
    names, first = Names(), charts[0]
    grid = Grid.of(len(charts), look, single=(4.6, 2.9), several=(6.75, 2.4))
    points = [point for chart in charts for point in chart.points]

    def draw(axes: Sequence[Axes]) -> None:
        for chart, ax in zip(charts, axes, strict=False):
            _draw(ax, chart, look, grid)
        for ax in axes[len(charts) :]:
            ax.set_axis_off()

    legends = keys(points, first.color_by, first.dash_by, names, lines=False)
    return Sheet(grid, draw, legends, [*_notes(charts), *names.notes()])


def _draw(axes: Axes, chart: ParetoChart, look: Look, grid: Grid) -> None:
    quality = np.array([point.quality for point in chart.points])
    speed = np.array([point.speed for point in chart.points])
    front = sorted((p for p in chart.points if p.on_front), key=lambda point: point.speed)
    step = "steps-pre" if chart.x_better == "higher" else "steps-post"
    axes.plot(
        [p.speed for p in front], [p.quality for p in front],
        color=SOFT, linewidth=0.9, linestyle=(0, (3, 2)), drawstyle=step, zorder=1,
    )  # fmt: skip
    axes.set_title(wrapped(chart.title, grid.panel, NORMAL, bold=True))
    axes.set_xlabel(label(chart.x_label, chart.x_better, grid.panel))
    axes.set_ylabel(label(chart.y_label, chart.y_better, grid.height - 0.6))
    axes.grid(axis="both")
    axes.set_axisbelow(True)
    log = is_log(look, chart.log, quality, chart.quality)
    ends = [end for p in chart.points for end in (p.quality_low, p.quality_high)]
    scale(axes, "y", _extended(quality, np.array(ends), log), log, _MARGIN)
    log = bool(look.log is not False and speed.min() > 0 and speed.max() > _WIDE * speed.min())
    ends = [end for p in chart.points for end in (p.speed_low, p.speed_high)]
    scale(axes, "x", _extended(speed, np.array(ends), log), log, _MARGIN)
    few = len(chart.points) <= _MOST_WHISKERS
    for point in chart.points:
        _point(axes, point, whiskers=few or point.on_front)


def _extended(values: np.ndarray, ends: np.ndarray, log: bool) -> np.ndarray:
    """The values, with the whiskers' ends that lie no further out than half the values' range."""
    if log:
        ends = ends[ends > 0]
        extended: np.ndarray = np.exp(_extended(np.log(values), np.log(ends), log=False))
        return extended
    room = (values.max() - values.min()) / 2
    near = (ends >= values.min() - room) & (ends <= values.max() + room)
    return np.concatenate([values, ends[near]])


def _point(axes: Axes, point: ParetoPoint, whiskers: bool) -> None:
    shade = color(point.color)
    for low, high, along in (
        (point.speed_low, point.speed_high, "x"),
        (point.quality_low, point.quality_high, "y"),
    ):
        if not whiskers or math.isnan(low) or math.isnan(high):
            continue
        least, most = axes.get_xlim() if along == "x" else axes.get_ylim()
        ends = (max(low, least), min(high, most))  # an infinite one ends at the panel's edge
        other = (point.quality,) * 2 if along == "x" else (point.speed,) * 2
        xy = (ends, other) if along == "x" else (other, ends)
        axes.plot(*xy, color=shade, linewidth=0.8, alpha=0.6, zorder=2)
    axes.plot(
        point.speed, point.quality,
        marker=MARKERS[point.dash % len(MARKERS)], color=shade, markersize=5.5,
        markerfacecolor=shade if point.on_front else "white", markeredgewidth=1.2, zorder=3,
        linestyle="none",
    )  # fmt: skip


def _notes(charts: Sequence[ParetoChart]) -> list[str]:
    counts = [point.n for chart in charts for point in chart.points]
    few = all(len(chart.points) <= _MOST_WHISKERS for chart in charts)
    what = "whiskers" if few else "whiskers, of the front only"
    notes = [bands.describe(counts, "interval", what)]
    notes.append("filled and joined: on the Pareto front")
    common = dict.fromkeys(chart.common for chart in charts if chart.common)
    if common:
        notes.append(f"all with {', '.join(common)}")
    notes += dict.fromkeys(chart.note for chart in charts if chart.note)
    several = len(charts) > 1
    left_out = [
        f"{chart.title}: {text}" if several else text for chart in charts for text in chart.left_out
    ]
    if left_out:
        notes.append(f"not drawn: {'; '.join(left_out)}")
    return notes
