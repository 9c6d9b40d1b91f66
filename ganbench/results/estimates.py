"""An estimate and its interval as text: ``3.72 [3.10, 4.46]``, ``3.72 ± 0.68``.

A single half-width would mislead where an interval reaches further to one side, so it is used only
where both sides are about equal; it is then the larger of the two. Two seeds carry no interval and
give both values: ``3.72 / 4.06``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ganbench.components.column import Column
from ganbench.results.formatting import decimals, number

#: An interval counts as even if its shorter side is at least this share of the longer one.
EVEN = 0.9
#: Stands between the values of two seeds.
BETWEEN = " / "
_DIGITS = 3  # an interval leaves no meaning for more


@dataclass(frozen=True)
class Estimate:
    """A number as text, and the ends of its interval.

    These are empty where there is none, and where the number is infinite: it says all by itself.

    :ivar half: the half-width, empty where one number cannot stand for both sides.
    :ivar down: how far the interval reaches below the estimate; likewise ``up``.
    :ivar both: the values of two seeds, which stand in for estimate and interval; empty otherwise.
    """

    value: str
    low: str = ""
    high: str = ""
    half: str = ""
    down: str = ""
    up: str = ""
    both: tuple[str, ...] = ()

    def bracketed(self) -> str:
        """``3.72 [3.10, 4.46]``; the number alone without an interval, or with one of no width."""
        if self.both:
            return BETWEEN.join(self.both)
        if not self.low or self.low == self.value == self.high:
            return self.value
        return f"{self.value} [{self.low}, {self.high}]"

    def signed(self) -> str:
        """``3.72 ± 0.68``, or with brackets where the two sides differ."""
        return f"{self.value} ± {self.half}" if self.half else self.bracketed()


def estimates(
    column: Column,
    values: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    both: Sequence[Sequence[float]] | None = None,
) -> list[Estimate]:
    """The texts of a column that have their decimals in common.

    :param column: what they are of.
    :param low: lower ends of the intervals, NaN where there is none; likewise ``high``.
    :param both: for each line the values of its two seeds; empty for a line that has more or fewer.
    """
    pairs = both or [()] * len(values)
    places = decimals(column, [*values, *(value for pair in pairs for value in pair)], _DIGITS)
    found = [
        _estimate(*line, places)
        for line in zip(values.tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    return [
        replace(estimate, both=tuple(number(value, places) for value in pair)) if pair else estimate
        for estimate, pair in zip(found, pairs, strict=True)
    ]


def _estimate(value: float, low: float, high: float, places: int) -> Estimate:
    shown = number(value, places)
    if not math.isfinite(value) or math.isnan(low) or math.isnan(high):
        return Estimate(shown)
    ends = number(low, places), number(high, places)
    down, up = value - low, high - value
    wider = max(down, up)
    even = math.isfinite(wider) and wider > 0 and min(down, up) >= EVEN * wider
    return Estimate(
        shown,
        *ends,
        half=number(max(wider, 10.0**-places), places) if even else "",
        down=number(down, places),
        up=number(up, places),
    )


def floats(values: Iterable[object]) -> np.ndarray:
    """A pandas column as floats, NaN for what is missing."""
    import pandas as pd

    series = pd.Series(values) if not isinstance(values, pd.Series) else values
    found: np.ndarray = series.to_numpy(dtype="float64", na_value=math.nan)
    return found
