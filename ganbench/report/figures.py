"""Figures as inline SVG that takes its colours from the page around it.

Matplotlib draws with marker colours, which become ``currentColor`` and CSS variables afterwards, so
that one drawing serves a light page and a dark one. Names that plugins chose never enter a drawing:
the legend is HTML.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.results.formatting import plain
from ganbench.results.summary import Cell, cells, median
from ganbench.results.view import cell_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = 8
DASHES = ((), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2))

_INK, _RULE = "#010203", "#010204"
_SERIES = [f"#0105{number:02x}" for number in range(COLORS)]
_STYLE: dict[Any, Any] = {
    "text.usetex": False,
    "svg.fonttype": "none",
    "font.size": 11,
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _RULE,
    "ytick.color": _RULE,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "grid.color": _RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Line:
    """A cell's curve: one (images, fd) pair of arrays for each seed.

    :ivar color: which of the page's colours; with ``dash`` it is unique among the first 32.
    """

    label: str
    color: int
    dash: Sequence[float]
    seeds: list[tuple[np.ndarray, np.ndarray]]

    def middle(self) -> tuple[np.ndarray, np.ndarray]:
        """The median over seeds at every tick; a seed that ended early counts as infinite."""
        count = max((len(images) for images, _ in self.seeds), default=0)
        images, values = [], []
        for tick in range(count):
            there = [(i[tick], fd[tick]) for i, fd in self.seeds if len(i) > tick]
            found = [fd if math.isfinite(fd) else math.inf for _, fd in there]
            found += [math.inf] * (len(self.seeds) - len(there))
            images.append(median(np.array([i for i, _ in there])))
            values.append(median(np.array(found)))
        return np.array(images), np.array(values)


@dataclass(frozen=True)
class Curves:
    """The figure of one data set with the entries of its legend."""

    dataset: str
    svg: str
    lines: list[Line]


def fd_curves(results: pd.DataFrame, history: pd.DataFrame) -> list[Curves]:
    """Fréchet distance over images, a figure for each data set that has one."""
    measured = history[history["fd"].notna()]
    trials = {str(trial): rows for trial, rows in measured.groupby("trial", sort=False)}
    found = []
    by_dataset: dict[str, list[Cell]] = {}
    for cell in cells(results):
        by_dataset.setdefault(str(cell.key["dataset"]), []).append(cell)
    for dataset, members in by_dataset.items():
        lines = list(_lines(members, trials))
        if lines:
            found.append(Curves(plain(dataset), _draw(lines, salt=f"curves {dataset}"), lines))
    return found


def to_svg(figure: Figure, salt: str) -> str:
    """The figure as an ``svg`` element for a page that has CSS for its colours.

    :param salt: keeps the ids in the drawings of one page apart.
    """
    import matplotlib as mpl

    sink = io.StringIO()
    with mpl.rc_context(_STYLE | {"svg.hashsalt": salt}):
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None})
    svg = sink.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = _without_idle_ids(svg).replace(_INK, "currentColor").replace(_RULE, "var(--faint)")
    for number, color in enumerate(_SERIES):
        svg = svg.replace(color, f"var(--series-{number})")
    return svg


def _without_idle_ids(svg: str) -> str:
    """Without the ids that nothing refers to, which two drawings on a page would share."""
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    return re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)


def _lines(members: Iterable[Cell], trials: dict[str, pd.DataFrame]) -> Iterable[Line]:
    number = 0
    for cell in members:
        seeds = []
        for trial in cell.trials["trial"]:
            rows = trials.get(trial)
            if rows is not None:
                seeds.append((_floats(rows["images"]), _floats(rows["fd"])))
        if seeds:
            label = cell_label(value for key, value in cell.key.items() if key != "dataset")
            dash = DASHES[number // COLORS % len(DASHES)]
            yield Line(label, number % COLORS, dash, seeds)
            number += 1


def _draw(lines: Sequence[Line], salt: str) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for line in lines:
            _plot(axes, line)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("real images shown to the discriminator")
        axes.set_ylabel("Fréchet distance")
        axes.grid(axis="y", linewidth=0.6, alpha=0.6)
        axes.margins(x=0.02)
        _scale(axes, np.concatenate([fd for line in lines for _, fd in line.seeds]))
        return to_svg(figure, salt)


def _plot(axes: Axes, line: Line) -> None:
    color, dash = _SERIES[line.color], (0, tuple(line.dash)) if line.dash else "solid"
    if len(line.seeds) > 1:
        for images, fd in line.seeds:
            axes.plot(images, fd, color=color, linestyle=dash, linewidth=0.8, alpha=0.35)
    images, fd = line.middle()
    shown = np.isfinite(fd)
    marker = "o" if shown.sum() == 1 else ""
    axes.plot(images[shown], fd[shown], color=color, linestyle=dash, linewidth=2, marker=marker)


def _scale(axes: Axes, fd: np.ndarray) -> None:
    """A logarithmic axis with plain numbers, where all distances allow it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    fd = fd[np.isfinite(fd)]
    if not len(fd) or fd.min() <= 0:
        return
    axes.set_yscale("log")
    narrow = fd.max() / fd.min() < 300
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _floats(series: pd.Series) -> np.ndarray:
    values: np.ndarray = series.to_numpy(dtype="float64", na_value=math.nan)
    return values
