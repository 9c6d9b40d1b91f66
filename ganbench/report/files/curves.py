"""Learning curves: a thick median for each cell, its band, and single seeds where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.report.charts.curves import CurveChart, CurveLine, describe
from ganbench.report.charts.palette import MARKERS
from ganbench.report.files.axes import amounts, is_log, label, limits, scale
from ganbench.report.files.legends import keys
from ganbench.report.files.sheet import Grid, Sheet
from ganbench.report.files.style import NORMAL, Look, color, dash
from ganbench.report.files.text import Names, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAND, _SEED = 0.16, 0.45  # opacity
_MOST_LINES = 12  # in one panel


@dataclass(frozen=True)
class _Panel:
    chart: CurveChart
    title: str
    lines: Sequence[CurveLine]


def sheet(charts: Sequence[CurveChart], look: Look) -> Sheet:
    """A panel for each chart; one with very many lines is split by what its dashes stand for."""
    names, first = Names(), charts[0]
    split = any(_is_split(chart) for chart in charts)
    panels = [panel for chart in charts for panel in _panels(chart, split, names)]
    grid = Grid.of(len(panels), look, single=(5.5, 2.7), several=(6.75, 2.2))
    lines = [line for panel in panels for line in panel.lines]

    def draw(axes: Sequence[Axes]) -> None:
        for place, (panel, ax) in enumerate(zip(panels, axes, strict=False)):
            _draw(ax, panel, look, grid)
            if place % grid.columns == 0 or panel.chart.y_label != panels[place - 1].chart.y_label:
                chart = panel.chart
                ax.set_ylabel(label(chart.y_label, chart.better, grid.height - 0.6))
        for ax in axes[len(panels) :]:
            ax.set_axis_off()

    caption = describe(
        [line for chart in charts for line in chart.lines], bool(first.better), first.band
    )
    said = dict.fromkeys(chart.note for chart in charts)
    legends = keys(lines, first.color_by, None if split else first.dash_by, names)
    notes = [caption, *said, *_shared(charts), *_left_out(charts), *names.notes()]
    return Sheet(grid, draw, legends, notes)


def _is_split(chart: CurveChart) -> bool:
    dashes = {line.dash_label for line in chart.lines}
    return len(chart.lines) > _MOST_LINES and len(dashes) > 1 and chart.dash_by is not None


def _panels(chart: CurveChart, split: bool, names: Names) -> list[_Panel]:
    if not split:
        return [_Panel(chart, names.short(chart.title), chart.lines)]
    return [
        _Panel(
            chart,
            names.short(f"{chart.title}: {name}"),
            [replace(line, dash=0) for line in chart.lines if line.dash_label == name],
        )
        for name in dict.fromkeys(line.dash_label for line in chart.lines)
    ]


def _draw(axes: Axes, panel: _Panel, look: Look, grid: Grid) -> None:
    chart = panel.chart
    everything = _values(chart.lines)
    log = is_log(look, chart.log, everything, chart.metric)
    opacity = _BAND / max(_overlap(panel.lines, everything, log), 1.0)
    for line in panel.lines:
        _line(axes, line, opacity)
    axes.set_title(wrapped(panel.title, grid.panel, NORMAL, bold=True))
    axes.set_xlabel(wrapped(chart.x_label, grid.panel, NORMAL))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    scale(axes, "y", everything, log)
    x = [line.x[np.isfinite(line.middle)] for line in chart.lines]
    x += [seed.x for line in chart.lines if _shows_seeds(line) for seed in line.seeds]
    amounts(axes, np.concatenate(x), thousands=chart.over == "images")


def _line(axes: Axes, line: CurveLine, opacity: float) -> None:
    style: dict[str, Any] = {"color": color(line.color), "linestyle": dash(line.dash)}
    banded = _banded(line)
    if banded.any():
        axes.fill_between(
            line.x, line.low, line.high, where=banded.tolist(),
            color=style["color"], alpha=opacity, linewidth=0,
        )  # fmt: skip
    if _shows_seeds(line):
        for seed in line.seeds:
            axes.plot(seed.x, seed.y, linewidth=0.6, alpha=_SEED, **style)
            if not seed.ok and len(seed.x):
                axes.plot(seed.x[-1:], seed.y[-1:], "x", color=style["color"], markersize=4.5,
                          markeredgewidth=1.1)  # fmt: skip
    shown = np.isfinite(line.middle)
    axes.plot(
        np.where(shown, line.x, math.nan),
        np.where(shown, line.middle, math.nan),
        marker=MARKERS[line.dash % len(MARKERS)],
        markersize=2.6,
        **style,
    )


def _banded(line: CurveLine) -> np.ndarray:
    found: np.ndarray = np.isfinite(line.low) & np.isfinite(line.high)
    return found


def _shows_seeds(line: CurveLine) -> bool:
    """Single seeds stand in for a band, and show where trials failed."""
    return bool(line.failed) or (not _banded(line).any() and len(line.seeds) > 1)


def _overlap(lines: Sequence[CurveLine], values: np.ndarray, log: bool) -> float:
    """How many bands lie upon one another, on average over the panel."""
    low, high = limits(values, log)
    place = np.log if log else np.asarray
    covered = 0.0
    for line in lines:
        banded = _banded(line)
        if banded.any():
            ends = np.clip([line.low[banded], line.high[banded]], low, high)
            covered += float(np.mean(np.diff(place(ends), axis=0)))
    return covered / float(place(high) - place(low))


def _values(lines: Iterable[CurveLine]) -> np.ndarray:
    """What the axis has to hold: medians and seeds; a wide band may leave it."""
    found = [line.middle for line in lines]
    found += [seed.y for line in lines for seed in line.seeds]
    values = np.concatenate(found)
    finite: np.ndarray = values[np.isfinite(values)]
    return finite


def _shared(charts: Sequence[CurveChart]) -> list[str]:
    """What all lines have in common, so that no label says it."""
    found = dict.fromkeys(chart.common for chart in charts if chart.common)
    return [f"all with {', '.join(found)}"] if found else []


def _left_out(charts: Sequence[CurveChart]) -> list[str]:
    several = len(charts) > 1
    texts = [
        f"{chart.title}: {text}" if several else text for chart in charts for text in chart.left_out
    ]
    return [f"without a curve: {'; '.join(texts)}"] if texts else []
