"""Columns that hold the same numbers under two names, such as FID and a Fréchet distance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ganbench.components.column import Column
from ganbench.results.columns import Columns, columns_of
from ganbench.results.curve_columns import CURVE_ENDS, suffixed
from ganbench.results.primary import ATTRIBUTE, primaries

if TYPE_CHECKING:
    import pandas as pd


def better_known(frame: pd.DataFrame) -> dict[str, str]:
    """The primary metrics of trials or cells, each with the metric that stands in for it.

    That is one that tables show and that has the same value in every trial, else the metric itself.
    """
    if ATTRIBUTE in frame.attrs:
        return dict(frame.attrs[ATTRIBUTE])
    found = {}
    for name in primaries(frame):
        others = (c.name for c in alike(columns_of(frame), name) if c.shown)
        found[name] = next((other for other in others if same_numbers(frame, name, other)), name)
    return found


def alike(columns: Columns, name: str) -> list[Column]:
    """The metrics that may hold the numbers of a column under another name.

    The best value of a curve is not among them: it equals the last one by chance.
    """
    column = columns.named(name)
    kind = (column.better, column.scale, column.unit)
    curves = {suffixed(c.name, end) for c in columns.measured for end in CURVE_ENDS}
    others = (c for c in columns.measured if c.name != name and c.name not in curves)
    return [c for c in others if name not in curves and (c.better, c.scale, c.unit) == kind]


def same_numbers(trials: pd.DataFrame, name: str, other: str) -> bool:
    """Whether two columns are equal, and not by chance as where all is 0 or 1."""
    if name not in trials.columns or other not in trials.columns:
        return False
    pair = trials.loc[trials["status"] == "ok", [name, other]].dropna(how="all")
    equal = bool((pair[name] == pair[other]).all())
    return equal and not bool(pair[name].isin([0, 1, math.inf, -math.inf]).all())
