"""The interval around a median over seeds, and its name in a caption."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ganbench.analysis.metrics import interval_scale
from ganbench.analysis.statistics.aggregates import median
from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL, intervals
from ganbench.analysis.statistics.spread import REPLICATES
from ganbench.components.column import Column
from ganbench.present.footnotes import too_few

Band = Literal["interval", "range", "none"]

#: Of the bootstrap.
SEED = 0

_NAMES = {
    "interval": f"{LEVEL:.0%} interval of the median "
    f"(bootstrap of {REPLICATES:,} replicates, seed {SEED}, with Student's t)",
    "range": "lowest to highest seed",
}


def medians(groups: Sequence[np.ndarray]) -> np.ndarray:
    """The median of each group, also of infinities; NaN of nothing."""
    return np.array([median(group) for group in groups])


def bands(
    groups: Sequence[np.ndarray], column: Column, band: Band
) -> tuple[np.ndarray, np.ndarray]:
    """As `ends`, NaN where either end is not finite."""
    low, high = ends(groups, column, band)
    known = np.isfinite(low) & np.isfinite(high)
    return np.where(known, low, math.nan), np.where(known, high, math.nan)


def ends(groups: Sequence[np.ndarray], column: Column, band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends around each group's median, infinite where seeds failed."""
    low, high = np.full((2, len(groups)), math.nan)
    enough = [place for place, group in enumerate(groups) if len(group) >= _least(band)]
    chosen = [groups[place] for place in enough]
    if band == "range":
        low[enough] = [group.min() for group in chosen]
        high[enough] = [group.max() for group in chosen]
    elif band == "interval" and chosen:
        low[enough], high[enough] = intervals(
            chosen, "median", level=LEVEL, seed=SEED, scale=interval_scale(column)
        )
    return low, high


def suits_log(column: Column, values: np.ndarray) -> bool:
    """Whether a logarithmic axis suits the values of a metric; it cannot show zero."""
    finite = values[np.isfinite(values)]
    return column.scale == "log" and len(finite) > 0 and bool(finite.min() > 0)


def describe(counts: Sequence[int], band: Band, what: str = "band") -> str:
    """A caption's words about medians over so many seeds: ``median of 4 seeds; band: …``."""
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    seeds = f"{most} seed{'s' if most > 1 else ''}" if least == most else f"{least} to {most} seeds"
    text = f"median of {seeds}"
    if most == 1:
        text = "one seed each" if len(counts) > 1 else "one seed"
    if band == "interval" and 1 < most < LEAST_SEEDS:
        return f"{text}; {too_few(most)}"
    if band == "none" or most < _least(band):
        return text
    some = f", none below {_least(band)} seeds" if least < _least(band) else ""
    return f"{text}; {what}: {_NAMES[band]}{some}"


def _least(band: Band) -> int:
    return LEAST_SEEDS if band == "interval" else 2
