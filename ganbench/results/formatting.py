"""Values as text for people: numbers rounded per column, names free of control characters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"
ARROWS = {"lower": "↓", "higher": "↑"}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # and what reorders text
_DIGITS = 4
_COARSE = ("images/s", "MiB", "s", "ms")


def plain(value: Any) -> str:
    """Text on one line without control characters, so that it cannot steer a terminal."""
    return " ".join(plain_line(str(value)).split())


def plain_line(text: str) -> str:
    """The text with a space for each control character, its own spaces as they are."""
    return _CONTROL.sub(" ", text)


def header(column: Column) -> str:
    """A column's name with an arrow that says which direction is better."""
    return f"{plain(column.name).replace('_', ' ')} {arrow(column)}".rstrip()


def worded(column: Column) -> str:
    """A column in words; behind them what its name has after an ``@``: features, or weights."""
    name, _, origin = plain(column.name).partition("@")
    words = plain(column.label) or name.replace("_", " ")
    told = (origin.rpartition("_")[0] or origin) in words  # a name may end in that of a statistic
    return words if told else f"{words} on {origin}"


def titled(column: Column) -> str:
    """A column in words, with its unit where the words do not name it."""
    words, unit = worded(column), plain(column.unit)
    return words if not unit or unit.split("/")[0] in words.split() else f"{words} ({unit})"


def arrow(column: Column) -> str:
    """The sign of the better direction; empty where neither is."""
    return ARROWS.get(column.better or "", "")


def is_number(series: pd.Series[Any]) -> bool:
    """Whether the column holds numbers; truth values are none."""
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
    """Decimals for a column: so many digits of its median, fewer where precision is of no use."""
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
    """One number; ``–`` for NaN, ``∞`` for what counts as infinitely bad."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and abs(value) < _least(places):
        return f"{value:.1e}"
    return f"{value:,.{places}f}" if grouped else f"{value:.{places}f}"


def span(low: Sequence[str], high: Sequence[str]) -> list[str]:
    """Ranges such as ``12.3 – 14.1``; one number where both ends are equal."""
    return [a if a == b else f"{a} – {b}" for a, b in zip(low, high, strict=True)]


def _least(places: int) -> float:
    """Below this a number would be shown as zero."""
    return float(0.5 * 10**-places)


def _texts(series: pd.Series[Any]) -> list[str]:
    """The values of a column that holds no numbers."""
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
    import pandas as pd

    if pd.api.types.is_scalar(value) and bool(pd.isna(value)):
        return MISSING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return plain(value)
