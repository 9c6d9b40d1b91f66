"""Axes with plain numbers: logarithmic ones too, and thousands of images as ``20k``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ganbench.base.errors import UsageError
from ganbench.report.marks import Axis, Line, Panel, limits, within_reach
from ganbench.report.matplotlib_renderer.style import FigureStyle

_SUBS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))
_WANTED = 4
_WIDE = 10  # costs that differ by such a factor have a logarithmic axis


def is_log(style: FigureStyle, suits: bool, values: np.ndarray, metric: str) -> bool:
    """Whether the axis of a metric is logarithmic, as chosen or as it suits the values.

    :raises UsageError: if a person chose it and there are values without a logarithm.
    """
    if style.log is None:
        return suits
    finite = values[np.isfinite(values)]
    if style.log and len(finite) and finite.min() <= 0:
        raise UsageError(
            f"--log: {metric} has values of zero or less, which a logarithmic axis cannot show"
        )
    return style.log


def set_axis(axes: Axes, which: str, panel: Panel, style: FigureStyle) -> None:
    """Limits and a few ticks with plain numbers, for ``x`` or ``y``."""
    axis = panel.x if which == "x" else panel.y
    if axis.kind in ("images", "seconds"):
        _set_amounts(axes, panel)
    elif axis.kind == "share":
        axes.set_ylim(-0.02, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    elif np.isfinite(axis.values).any():
        log = _is_log(axis, style)
        held = [*axis.values, *within_reach(axis.values, axis.ends, log)]
        low, high = limits(held, log, axis.margin)
        ticks = log_ticks(low, high) if log else linear_ticks(low, high, 5)
        axes.set(**{f"{which}scale": "log" if log else "linear", f"{which}lim": (low, high)})
        set_ticks(axes.xaxis if which == "x" else axes.yaxis, ticks, plain_numbers(ticks))


def log_ticks(low: float, high: float, wanted: int = _WANTED) -> np.ndarray:
    """Round numbers between the ends: the coarsest of some series that has enough of them."""
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for subs in _SUBS:
        ticks = np.unique(np.multiply.outer(decades, subs))
        ticks = ticks[(ticks >= low) & (ticks <= high)]
        if len(ticks) >= wanted:
            break
    else:  # in a narrow range a logarithmic scale looks linear
        ticks = linear_ticks(low, high, wanted + 1)
    return ticks[:: max(1, len(ticks) // (2 * wanted))]


def linear_ticks(
    low: float, high: float, most: int, steps: Sequence[float] = (1, 2, 2.5, 5, 10)
) -> np.ndarray:
    """Round numbers between the ends."""
    ticks = np.asarray(MaxNLocator(most, steps=steps).tick_values(low, high))
    return ticks[(ticks >= low) & (ticks <= high)]


def plain_numbers(ticks: np.ndarray) -> list[str]:
    """Ticks without exponents where that is shorter than with them."""
    if not len(ticks):
        return []
    largest = float(np.abs(ticks).max())
    smallest = float(np.abs(ticks[ticks != 0]).min()) if (ticks != 0).any() else 0.0
    if largest >= 1e7 or 0 < smallest < 1e-4:
        return [f"{tick:.3g}" for tick in ticks]
    return [np.format_float_positional(round(tick, 10), precision=6, trim="-", fractional=True)
            if abs(tick) < 1000 else f"{tick:,.10g}" for tick in ticks]  # fmt: skip


def kilo(images: float) -> str:
    """``0``, ``500``, ``20k``, ``1.5M``: three digits."""
    size = float(f"{images:.3g}")
    if abs(size) >= 1e6:
        return f"{size / 1e6:g}M"
    return f"{size / 1e3:g}k" if abs(size) >= 1e3 else f"{size:g}"


def set_ticks(axis: Any, ticks: np.ndarray, texts: list[str]) -> None:
    """Major ticks with these texts, and no minor ones; ``axis`` is one of matplotlib's."""
    axis.set_ticks(ticks, texts)
    axis.minorticks_off()


def _is_log(axis: Axis, style: FigureStyle) -> bool:
    if axis.kind == "metric":
        return is_log(style, axis.log, axis.values, axis.metric)
    low, high = axis.values.min(), axis.values.max()
    return bool(style.log is not False and low > 0 and high > _WIDE * low)


def _set_amounts(axes: Axes, panel: Panel) -> None:
    """The x axis of images or seconds, from zero; images as ``20k`` or ``1.5M``."""
    lines = [mark for mark in panel.drawn("file") if isinstance(mark, Line)]
    shown = [line.x[np.isfinite(line.x) & np.isfinite(line.y)] for line in lines]
    values = np.concatenate([[0.0], *shown, panel.x.values])
    start, end = float(values.min()), float(values.max()) or 1.0
    ticks = linear_ticks(start, end * 1.001, 5)
    axes.set_xlim(start - (end - start) * 0.02, end + (end - start) * 0.02)
    images = panel.x.kind == "images"
    set_ticks(axes.xaxis, ticks, [kilo(t) for t in ticks] if images else plain_numbers(ticks))
