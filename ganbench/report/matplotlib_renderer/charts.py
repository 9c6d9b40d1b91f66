"""Panels of lines and points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ganbench.report.marks import MOST_WHISKERS, Dots, Line, Panel, Point, heading
from ganbench.report.matplotlib_renderer.axes import set_axis
from ganbench.report.matplotlib_renderer.layout import FigureLayout, Grid, Legend
from ganbench.report.matplotlib_renderer.style import NORMAL, SOFT, FigureStyle
from ganbench.report.matplotlib_renderer.text import Names, wrapped
from ganbench.report.palette import DASHES, LIGHT, MARKERS

_BAND, _STEP_BAND, _SEED = 0.16, 0.1, 0.45  # opacity
_MOST_LINES = 12  # in one panel
_MOST_WHOLE = 4  # entries of a legend that are not split into colors and dashes
_WIDEST, _NARROWEST = 3.0, 1.2  # points: of step lines, which are all seen where they coincide
_STYLES: list[Any] = [(0, pattern) if pattern else "solid" for pattern in DASHES]
_DRAWSTYLES = {"": "default", "after": "steps-post", "before": "steps-pre"}


def chart_layout(panels: Sequence[Panel], style: FigureStyle) -> FigureLayout:
    """A panel for each; if one has very many lines, all are split by the meaning of their dashes."""
    names, whole = Names(), panels
    if any(_is_crowded(panel) for panel in panels):
        panels = [part for panel in panels for part in _split(panel)]
    first = panels[0]
    titles = [names.short(panel.title) for panel in panels]
    grid = Grid.of(len(panels), style, first.size)

    def draw(axes: Sequence[Axes]) -> None:
        for place, (panel, title, ax) in enumerate(zip(panels, titles, axes, strict=False)):
            _draw(ax, panel, style)
            ax.set_title(wrapped(title, grid.panel, NORMAL, bold=True))
            ax.set_xlabel(wrapped(heading(panel.x), grid.panel, NORMAL))
            same = place % grid.columns and panel.y.title == panels[place - 1].y.title
            if panel.points or not same:
                ax.set_ylabel(wrapped(heading(panel.y), grid.height - 0.6, NORMAL))
        for ax in axes[len(panels) :]:
            ax.set_axis_off()

    series = [mark for panel in panels for mark in panel.series]
    keys = _legends(series, first.color_by, first.dash_by, names)
    return FigureLayout(whole, names, grid, draw, keys)


def _is_crowded(panel: Panel) -> bool:
    dashes = {line.style.dash_label for line in panel.lines}
    return len(panel.lines) > _MOST_LINES and len(dashes) > 1 and panel.dash_by is not None


def _split(panel: Panel) -> list[Panel]:
    """A panel for each meaning of a dash; the axes stay those of the whole."""
    return [
        replace(
            panel,
            title=f"{panel.title}: {name}",
            dash_by=None,
            marks=[
                replace(mark, style=mark.style._replace(dash=0))
                for mark in panel.marks
                if mark.style.dash_label == name
            ],
        )
        for name in dict.fromkeys(line.style.dash_label for line in panel.lines)
    ]


def _draw(axes: Axes, panel: Panel, style: FigureStyle) -> None:
    for which in ("x", "y"):
        set_axis(axes, which, panel, style)
    axes.grid(axis="both" if panel.points else "y")
    axes.set_axisbelow(True)
    marks = [
        mark.between(*axes.get_xlim()) if isinstance(mark, Line) else mark
        for mark in panel.drawn("file")
    ]
    lines = [mark for mark in marks if isinstance(mark, Line) and mark.weight == "main"]
    most = panel.most_bands_in_file
    banded = most is None or len(lines) <= most
    overlap = max(_overlap(axes, lines), 1.0) if banded else 1.0
    widths = iter(np.linspace(_WIDEST, _NARROWEST, max(len(lines), 2)).tolist())
    few = len(panel.points) <= MOST_WHISKERS
    for mark in marks:
        if isinstance(mark, Line):
            if banded:
                _band(axes, mark, overlap)
            _line(axes, mark, next(widths) if mark.step and mark.weight == "main" else None)
        elif isinstance(mark, Point):
            _point(axes, mark, whiskers=few or mark.filled)
        elif isinstance(mark, Dots):
            axes.plot(mark.x, mark.y, "x", color=LIGHT[mark.style.color], markersize=4.5,
                      markeredgewidth=1.1)  # fmt: skip


def _line(axes: Axes, line: Line, width: float | None) -> None:
    look: dict[str, Any] = {
        "color": LIGHT[line.style.color],
        "linestyle": _STYLES[line.style.dash],
        "drawstyle": _DRAWSTYLES[line.step],
    }
    if line.weight == "thin":
        look |= {"linewidth": 0.6, "alpha": _SEED}
    elif line.weight == "guide":
        look |= {"color": SOFT, "linewidth": 0.9, "linestyle": (0, (3, 2)), "zorder": 1}
    elif line.step:
        look |= {"linewidth": width}
    else:
        look |= {"marker": MARKERS[line.style.dash], "markersize": 2.6}
    shown = np.isfinite(line.y)
    axes.plot(np.where(shown, line.x, math.nan), np.where(shown, line.y, math.nan), **look)


def _band(axes: Axes, line: Line, overlap: float) -> None:
    if line.banded.any():
        axes.fill_between(
            line.x, line.low, line.high, where=line.banded.tolist(),
            step="post" if line.step else None, color=LIGHT[line.style.color],
            alpha=_STEP_BAND if line.step else _BAND / overlap, linewidth=0,
        )  # fmt: skip


def _overlap(axes: Axes, lines: Sequence[Line]) -> float:
    """The average number of bands that lie upon one another in a panel."""
    low, high = axes.get_ylim()
    place: Callable[[Any], Any] = np.log if axes.get_yscale() == "log" else np.asarray
    covered = 0.0
    for line in lines:
        if line.banded.any():
            ends = np.clip([line.low[line.banded], line.high[line.banded]], low, high)
            covered += float(np.mean(np.diff(place(ends), axis=0)))
    return covered / float(place(high) - place(low))


def _point(axes: Axes, point: Point, whiskers: bool) -> None:
    shade = LIGHT[point.style.color]
    draw = partial(axes.plot, color=shade, linewidth=0.8, alpha=0.6, zorder=2)
    if whiskers and not np.isnan(point.x_ends).any():
        draw(np.clip(point.x_ends, *axes.get_xlim()), [point.y] * 2)
    if whiskers and not np.isnan(point.y_ends).any():  # an infinite end is the panel's edge
        draw([point.x] * 2, np.clip(point.y_ends, *axes.get_ylim()))
    axes.plot(
        point.x, point.y,
        marker=MARKERS[point.style.dash], color=shade, markersize=5.5,
        markerfacecolor=shade if point.filled else "white", markeredgewidth=1.2, zorder=3,
        linestyle="none",
    )  # fmt: skip


def _legends(
    series: Sequence[Line | Point], color_by: str | None, dash_by: str | None, names: Names
) -> list[Legend]:
    """A legend of all series, or one for colors and one for dashes where each stands for one thing."""
    colors = {one.style.color_label: one for one in series}
    dashed = {one.style.dash_label: one for one in series}
    if color_by is not None and dash_by is None:
        return [_legend(color_by, {name: _handle(one) for name, one in colors.items()}, names)]
    few = len(series) <= max(len(colors), len(dashed), _MOST_WHOLE)
    if color_by is None or dash_by is None or few:
        return [_legend("", {one.label: _handle(one) for one in series}, names)]
    patches = {
        name: Patch(color=LIGHT[one.style.color], linewidth=0) for name, one in colors.items()
    }
    grays = {name: _handle(one, SOFT) for name, one in dashed.items()}
    return [_legend(color_by, patches, names), _legend(dash_by, grays, names)]


def _legend(title: str, handles: dict[str, Any], names: Names) -> Legend:
    return Legend(title, list(handles.values()), [names.short(name) for name in handles])


def _handle(mark: Line | Point, shade: str = "") -> Line2D:
    number, is_line = mark.style.dash, isinstance(mark, Line)
    steps = isinstance(mark, Line) and mark.step != ""
    return Line2D(
        [],
        [],
        color=shade or LIGHT[mark.style.color],
        linestyle=_STYLES[number] if is_line else "none",
        linewidth=1.8 if steps else None,
        marker="none" if steps else MARKERS[number],
        markersize=2.6 if is_line else 4.5,
    )
