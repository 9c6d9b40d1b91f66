"""Advice for arrays of images that are not uint8 from 0 to 255."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_SLACK = 0.01  # rounding may exceed the ends of a range by this


class ValueRange(NamedTuple):
    """The values of an array.

    :ivar low: the least finite value; infinite without one.
    :ivar high: the greatest.
    :ivar finite: whether all values are finite.
    """

    low: float
    high: float
    finite: bool


def range_of(arrays: Iterable[np.ndarray]) -> ValueRange:
    """The range of all values of arrays of real numbers."""
    low, high, all_finite = np.inf, -np.inf, True
    for array in arrays:
        finite = np.isfinite(array)
        if not finite.all():
            all_finite = False
            array = array[finite]
        if array.size:
            low, high = min(low, float(array.min())), max(high, float(array.max()))
    return ValueRange(low, high, all_finite)


def is_real(dtype: np.dtype[np.generic]) -> bool:
    """Whether values are numbers or booleans, which can become images."""
    return dtype.kind in "biuf"


def advice(dtype: np.dtype[np.generic], values: ValueRange, whole: bool = True) -> str:
    """The values and how to make images from them, as the end of a sentence.

    :param whole: whether the range covers all values, or only the first ones.
    """
    low, high, finite = values
    if not finite:
        return "it holds NaN or infinite values: find out where they come from, and leave them out"
    shown = f"its {'' if whole else 'first '}values go from {low:.6g} to {high:.6g}"
    return f"{shown}; {_conversion(dtype.kind, low, high)}"


def _conversion(kind: str, low: float, high: float) -> str:
    """The conversion of an array x."""
    if kind == "b":
        return "convert them with (255.0 * x).astype('uint8')"
    slack = _SLACK if kind == "f" else 0
    if low >= -slack and high <= 1 + slack:
        return _formula("(255.0 * x)")
    if low >= -1 - slack and high <= 1 + slack:
        return _formula("(127.5 * (x + 1))")
    if low >= -slack and high <= 255 + 255 * slack:
        return "convert them with x.astype('uint8')" if kind != "f" else _formula("x")
    if kind != "f" and low >= 0 and high <= 65535:
        return _formula("(x / 257)")
    return "bring them to the range from 0 (black) to 255 (white) first"


def _formula(scaled: str) -> str:
    return f"convert them with {scaled}.round().clip(0, 255).astype('uint8')"
