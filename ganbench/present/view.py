"""A table as people read it, for every format: columns of text, estimates, footnotes, notes.

A single half-width would mislead where an interval reaches further to one side. It stands only where
both sides are about equal, and is the larger of the two. Two seeds give no interval; the table shows
both values: ``3.72 / 4.06``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ganbench.analysis.frame_tools import floats
from ganbench.components.column import Column
from ganbench.present.numbers import decimals, is_number, number, texts
from ganbench.store.columns import header, titled, with_arrow


@dataclass(frozen=True)
class ViewColumn:
    """One column of text.

    :ivar header: its name, with an arrow for the better direction.
    :ivar best: for each line, whether it is marked: the best of its data set, or tied with the best.
    :ivar title: its name on paper, in words with the unit and the arrow.
    :ivar estimates: for each line, the number and its interval, for formats that typeset both; None
        for a column without intervals.
    """

    name: str
    header: str
    numeric: bool
    cells: list[str]
    best: list[bool]
    title: str
    estimates: list[Estimate] | None = None


@dataclass(frozen=True)
class Note:
    """Why something has no numbers: a label, the reason, and the trials or cells that it concerns."""

    label: str
    reason: str
    concerns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """A table of text.

    :ivar frame: the frame behind the lines, in their order.
    :ivar notes: failed trials and skipped cells with their reasons.
    :ivar footnotes: sentences without which the numbers cannot be read.
    :ivar marks: a sentence on the meaning of marked numbers; empty without any.
    :ivar expendable: the columns that a narrow table drops, the first to go first.
    """

    frame: pd.DataFrame
    columns: list[ViewColumn]
    notes: list[Note]
    footnotes: list[str]
    marks: str = ""
    expendable: Sequence[str] = ()

    @property
    def beneath(self) -> list[str]:
        """The footnotes, and the meaning of marked numbers."""
        return [*self.footnotes, *filter(None, [self.marks])]


#: An interval counts as even if its shorter side is at least this share of the longer one.
EVEN = 0.9
#: Stands between the values of two seeds.
BETWEEN = " / "
_DIGITS = 3  # an interval leaves no meaning for more
_MOST_PLACES = 8  # that show how wide a narrow interval is


@dataclass(frozen=True)
class Estimate:
    """A number as text, and the ends of its interval, empty without one or for an infinite number.

    :ivar half: the half-width, empty where one number cannot stand for both sides.
    :ivar down: how far the interval reaches below the estimate; likewise ``up``.
    :ivar both: the values of two seeds, which replace estimate and interval; empty otherwise.
    """

    value: str
    low: str = ""
    high: str = ""
    half: str = ""
    down: str = ""
    up: str = ""
    both: tuple[str, ...] = ()

    def bracketed(self) -> str:
        """``3.72 [3.10, 4.46]``; the number alone without an interval."""
        if self.both:
            return BETWEEN.join(self.both)
        if not self.low:
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
    """The texts of a column, with common decimals; more for an interval that these would hide.

    :param low: lower ends of the intervals, NaN without an interval; likewise ``high``.
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
    if not math.isfinite(value) or math.isnan(low) or math.isnan(high):
        return Estimate(number(value, places))
    if low < high and number(low, places) == number(high, places):
        places = min(max(1 - math.floor(math.log10(high - low)), places), _MOST_PLACES)
    shown, ends = number(value, places), (number(low, places), number(high, places))
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


def text_column(
    frame: pd.DataFrame,
    column: Column,
    *,
    ends: tuple[str, str] | None = None,
    both: Sequence[Sequence[float]] | None = None,
    bracketed: bool = True,
    best: Sequence[bool] | None = None,
    title: str = "",
) -> ViewColumn:
    """A column of a view.

    :param ends: the columns with the ends of its intervals.
    :param both: for each line the values of its two seeds; empty for other lines.
    :param bracketed: whether cells show the intervals.
    :param best: for each line, whether it is marked.
    :param title: its name on paper, without the arrow; the column's by default.
    """
    series = frame[column.name]
    cells, found = texts(series, column), None
    if ends is not None:
        low, high = (floats(frame[end]) for end in ends)
        found = estimates(column, floats(series), low, high, both)
        cells = [
            estimate.bracketed() if bracketed or estimate.both else cell
            for estimate, cell in zip(found, cells, strict=True)
        ]
    marks = [False] * len(frame) if best is None else list(map(bool, best))
    long = with_arrow(title or titled(column), column)
    return ViewColumn(column.name, header(column), is_number(series), cells, marks, long, found)
