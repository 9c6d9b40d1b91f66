"""Axes with plain numbers: logarithmic ones too, and thousands of images as ``20k``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.errors import UsageError
from ganbench.report.files.style import NORMAL, Look
from ganbench.report.files.text import wrapped
from ganbench.results.formatting import ARROWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SUBS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))
_WANTED = 4
_MARGIN = 0.05


def label(name: str, better: str | None, inches: float) -> str:
    """An axis label with the arrow of the better direction, for an axis of a length."""
    return wrapped(f"{name} {ARROWS.get(better or '', '')}", inches, NORMAL)


def is_log(look: Look, suits: bool, values: np.ndarray, metric: str) -> bool:
    """Whether the axis is logarithmic, as chosen or as it suits the metric.

    :raises UsageError: if that was asked for and there are values that have no logarithm.
    """
    if look.log is None:
        return suits
    finite = values[np.isfinite(values)]
    if look.log and len(finite) and finite.min() <= 0:
        raise UsageError(
            f"--log: {metric} has values of zero or less, which a logarithmic axis cannot show"
        )
    return look.log


def scale(axes: Axes, which: str, values: np.ndarray, log: bool, margin: float = _MARGIN) -> None:
    """Limits that hold all finite values, and few ticks with plain numbers, for ``x`` or ``y``."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return
    low, high = limits(finite, log, margin)
    if log:
        _set(axes, which, "scale", "log")
        ticks = log_ticks(low, high)
    else:
        from matplotlib.ticker import MaxNLocator

        ticks = np.asarray(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    _set(axes, which, "lim", (low, high))
    shown = ticks[(ticks >= low) & (ticks <= high)]
    _ticks(axes, which, shown, plain_numbers(shown))


def limits(finite: np.ndarray, log: bool, margin: float = _MARGIN) -> tuple[float, float]:
    """Ends a little beyond the values, by a share of their range."""
    low, high = float(finite.min()), float(finite.max())
    if log:
        pad = max(math.log(high) - math.log(low), math.log(1.05)) * margin
        ends = max(math.log(low) - pad, -700.0), min(math.log(high) + pad, 700.0)
        return math.exp(ends[0]), math.exp(ends[1])
    pad = (high - low) * margin or abs(high) * margin or 1.0
    return low - pad, high + pad


def log_ticks(low: float, high: float, wanted: int = _WANTED) -> np.ndarray:
    """Round numbers between the ends: the coarsest of some series that has enough of them."""
    from matplotlib.ticker import MaxNLocator

    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for subs in _SUBS:
        ticks = np.unique(np.multiply.outer(decades, subs))
        ticks = ticks[(ticks >= low) & (ticks <= high)]
        if len(ticks) >= wanted:
            break
    else:  # a narrow range is as good as linear
        ticks = np.asarray(MaxNLocator(wanted + 1, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
        ticks = ticks[(ticks >= low) & (ticks <= high)]
    step = max(1, len(ticks) // (2 * wanted))
    return ticks[::step]


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


def amounts(axes: Axes, values: np.ndarray, thousands: bool) -> None:
    """The x axis of images or seconds, from zero; images as ``20k`` or ``1.5M``."""
    from matplotlib.ticker import MaxNLocator

    end = float(values.max()) if len(values) else 1.0
    start = min(0.0, float(values.min())) if len(values) else 0.0
    ticks = np.asarray(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(start, end))
    ticks = ticks[(ticks >= start) & (ticks <= end * 1.001)]
    axes.set_xlim(start - (end - start) * 0.02, end + (end - start) * 0.02)
    _ticks(axes, "x", ticks, [kilo(t) for t in ticks] if thousands else plain_numbers(ticks))


def kilo(images: float) -> str:
    """``0``, ``500``, ``20k``, ``1.5M``: three digits."""
    size = float(f"{images:.3g}")
    if abs(size) >= 1e6:
        return f"{size / 1e6:g}M"
    return f"{size / 1e3:g}k" if abs(size) >= 1e3 else f"{size:g}"


def _ticks(axes: Axes, which: str, ticks: np.ndarray, texts: list[str]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks.tolist()))
    axis.set_major_formatter(FixedFormatter(texts))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def _set(axes: Axes, which: str, what: str, value: Any) -> None:
    getattr(axes, f"set_{which}{what}")(value)
