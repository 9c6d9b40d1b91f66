"""Values of a column and effects as text, rounded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.statistics.intervals import Interval
from ganbench.analysis.statistics.paired import Effect
from ganbench.analysis.statistics.scales import Scale, back
from ganbench.base.text import plain
from ganbench.components.column import Column

MISSING = "–"

_DIGITS = 4
_COARSE = ("images/s", "MiB", "s", "ms")


def is_number(series: pd.Series[Any]) -> bool:
    """Whether the column holds numbers; truth values do not count."""
    return series.dtype.kind in "iuf"


def texts(series: pd.Series[Any], column: Column) -> list[str]:
    """The values of a column; its numbers share their decimals, so that they line up."""
    if not is_number(series):
        return _texts(series)
    values = series.to_numpy(dtype="float64", na_value=math.nan)
    whole = series.dtype.kind in "iu"
    places = 0 if whole else decimals(column, values)
    grouped = not whole or column.unit != ""  # a seed is a name, not an amount
    usual = np.isfinite(values) & ((values == 0) | (np.abs(values) >= _least(places)))
    form = f",.{places}f" if grouped else f".{places}f"
    found = [format(value, form) for value in values.tolist()]
    for position in np.flatnonzero(~usual):
        found[position] = number(float(values[position]), places, grouped)
    return found


def decimals(column: Column, values: Iterable[float], digits: int = _DIGITS) -> int:
    """Decimals for a column: so many digits of its median, fewer where precision is useless."""
    amounts = np.abs(np.asarray(list(values), dtype="float64"))
    sizes = amounts[np.isfinite(amounts) & (amounts != 0)]
    if not len(sizes):
        return 0
    if column.unit in _COARSE:
        return 0 if sizes.min() >= 10 else 1
    middle = float(np.median(sizes))
    if column.scale == "share" or (sizes.max() <= 1 and middle >= 0.1):
        return _DIGITS - 1
    return min(max(digits - 1 - math.floor(math.log10(middle)), 0), digits + 1)


def number(value: float, places: int, grouped: bool = True) -> str:
    """One number; ``–`` for NaN, ``∞`` for an infinitely bad value."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return infinity(value)
    if value != 0 and abs(value) < _least(places):
        return f"{value:.1e}"
    return f"{value:,.{places}f}" if grouped else f"{value:.{places}f}"


def infinity(value: float) -> str:
    """``∞`` or ``−∞``."""
    return "∞" if value > 0 else "−∞"


def _least(places: int) -> float:
    """The size below which a number would look like zero."""
    return float(0.5 * 10**-places)


def _texts(series: pd.Series[Any]) -> list[str]:
    """The values of a column without numbers."""
    if series.dtype != "string":
        return [_text(value) for value in series]
    shown: dict[Any, str] = {}  # of thousands of rows, few differ
    found = []
    for value in series.to_numpy(dtype=object):
        if value not in shown:
            shown[value] = _text(value)
        found.append(shown[value])
    return found


def _text(value: Any) -> str:
    if pd.api.types.is_scalar(value) and bool(pd.isna(value)):
        return MISSING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return plain(value)


def shown(value: float, scale: Scale) -> float:
    """An effect as people read it: a ratio in place of its logarithm."""
    return back(scale, value) if scale == "log" else value


def effect_text(effect: Effect, scale: Scale) -> str:
    """The effect with the digits that its interval supports, a difference without its sign."""
    value, width = shown(effect.estimate, scale), math.inf
    if effect.interval.exists:
        width = shown(effect.interval.high, scale) - shown(effect.interval.low, scale)
    return _ratio(value, width) if scale == "log" else _amount(abs(value), width)


def interval_text(interval: Interval, scale: Scale) -> str:
    """``0.61 to 1.10``."""
    low, high = shown(interval.low, scale), shown(interval.high, scale)
    form = _ratio if scale == "log" else _amount
    return f"{form(low, high - low)} to {form(high, high - low)}"


def _ratio(value: float, width: float) -> str:
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return infinity(value)
    fine = math.isfinite(width) and width > 0
    places = min(max(1 - math.floor(math.log10(width)), 2), 5) if fine else 2
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{places}f}" if value >= 0.1 or value == 0 else f"{value:.2g}"


def _amount(value: float, width: float) -> str:
    """A difference with two digits of its interval."""
    if math.isinf(value):
        return infinity(value)
    if not math.isfinite(width) or width <= 0:
        return f"{value:.3g}"
    places = min(max(1 - math.floor(math.log10(width)), 0), 8)
    text = f"{value:.{places}f}"
    return text if float(text) or not value else f"{value:.1g}"
