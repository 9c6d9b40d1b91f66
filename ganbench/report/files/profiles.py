"""Performance profiles: the share of trials as a step function, with a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.report.charts.profiles import ProfileChart, ProfileLine, describe
from ganbench.report.files.axes import amounts, is_log, label, limits, scale
from ganbench.report.files.sheet import Grid, Legend, Sheet
from ganbench.report.files.style import NORMAL, Look, color, dash
from ganbench.report.files.text import Names, wrapped
from ganbench.results.statistics.intervals import LEVEL, wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAND = 0.1  # opacity
_MOST_BANDS = 3  # that can be told apart in one panel
_WIDEST, _NARROWEST = 3.0, 1.2  # lines, in points: where they coincide, all are seen


def sheet(charts: Sequence[ProfileChart], look: Look) -> Sheet:
    """A panel for each chart."""
    names = Names()
    grid = Grid.of(len(charts), look, single=(4.6, 2.5), several=(6.75, 2.2))
    banded = max(len(chart.lines) for chart in charts) <= _MOST_BANDS

    def draw(axes: Sequence[Axes]) -> None:
        for place, (chart, ax) in enumerate(zip(charts, axes, strict=False)):
            _draw(ax, chart, look, banded, grid)
            if place % grid.columns == 0 or chart.y_label != charts[place - 1].y_label:
                ax.set_ylabel(label(chart.y_label, "", grid.height - 0.6))
        for ax in axes[len(charts) :]:
            ax.set_axis_off()

    notes = [describe([line for chart in charts for line in chart.lines], charts[0].target)]
    whole = all(line.banded for chart in charts for line in chart.lines)
    notes += (
        dict.fromkeys(chart.band for chart in charts) if banded or not whole else [_half(charts)]
    )
    several = len(charts) > 1
    notes += [f"{c.title}: {c.note}" if several else c.note for c in charts if c.note]
    return Sheet(grid, draw, [_key(charts, names)], [*notes, *names.notes()])


def _draw(axes: Axes, chart: ProfileChart, look: Look, banded: bool, grid: Grid) -> None:
    x = np.concatenate([line.x for line in chart.lines])
    log = is_log(look, chart.log, x, chart.metric) if chart.target is None else False
    if chart.target is None:
        low, high = limits(x, log) if len(x) else (0.0, 1.0)
        scale(axes, "x", x, log)
    else:
        amounts(axes, x, thousands=chart.over == "images")
        low, high = 0.0, float(x.max())
    ends = (high, low) if chart.higher_right else (low, high)
    widths = np.linspace(_WIDEST, _NARROWEST, max(len(chart.lines), 2)).tolist()
    for line, width in zip(chart.lines, widths, strict=False):
        _line(axes, line, ends, banded, width)
    axes.set_title(wrapped(chart.title, grid.panel, NORMAL, bold=True))
    axes.set_xlabel(wrapped(chart.x_label, grid.panel, NORMAL))
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def _line(
    axes: Axes, line: ProfileLine, ends: tuple[float, float], banded: bool, width: float
) -> None:
    """The step function from one end of the axis to the other."""
    style: dict[str, Any] = {"color": color(line.color), "linestyle": dash(line.dash)}
    first, last = ends
    x = np.array([first, *line.x, last])
    share, low, high = (
        np.array([0.0, *values, values[-1] if len(values) else 0.0])
        for values in (line.share, line.low, line.high)
    )
    axes.plot(x, share, drawstyle="steps-post", linewidth=width, **style)
    if banded and line.banded and len(line.x):
        axes.fill_between(
            x[1:], low[1:], high[1:], step="post", color=style["color"], alpha=_BAND, linewidth=0
        )


def _half(charts: Sequence[ProfileChart]) -> str:
    """How uncertain a share is, for a figure with too many lines for bands."""
    least = min(line.n for chart in charts for line in chart.lines)
    ends = wilson(least // 2, least, LEVEL)
    return (
        f"a share of {least // 2} in {least} has a {LEVEL:.0%} interval "
        f"from {ends.low:.0%} to {ends.high:.0%} (Wilson)"
    )


def _key(charts: Sequence[ProfileChart], names: Names) -> Legend:
    from matplotlib.lines import Line2D

    found = {line.label: (line.color, line.dash) for chart in charts for line in chart.lines}
    handles = [
        Line2D([], [], color=color(c), linestyle=dash(d), linewidth=1.8) for c, d in found.values()
    ]
    return Legend(charts[0].by, handles, [names.short(name) for name in found])
