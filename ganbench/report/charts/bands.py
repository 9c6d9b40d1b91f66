"""What is drawn around a median over seeds, and what it is called in a caption."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ganbench.report.charts.names import direction
from ganbench.results.formatting import described
from ganbench.results.statistics.aggregates import median
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL, intervals
from ganbench.results.statistics.scales import Scale
from ganbench.results.statistics.spread import REPLICATES
from ganbench.results.summary import METRICS, scale
from ganbench.results.verdicts import too_few

Band = Literal["interval", "range", "none"]

#: Of the bootstrap.
SEED = 0

_SHARES = ("d_auc", "d_sat")
_RATES = ("images/s", "images", "s", "ms", "MiB", "parameters", "steps")


def medians(groups: Sequence[np.ndarray]) -> np.ndarray:
    """The median of each group, also of infinities; NaN of nothing."""
    return np.array([median(group) for group in groups])


def bands(groups: Sequence[np.ndarray], metric: str, band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends around each group's median; NaN where an end is not finite."""
    low, high = ends(groups, metric, band)
    known = np.isfinite(low) & np.isfinite(high)
    return np.where(known, low, math.nan), np.where(known, high, math.nan)


def ends(groups: Sequence[np.ndarray], metric: str, band: Band) -> tuple[np.ndarray, np.ndarray]:
    """As `bands`, with ends that are infinite where seeds failed."""
    low, high = np.full(len(groups), math.nan), np.full(len(groups), math.nan)
    if band == "none" or not groups:
        return low, high
    enough = [place for place, group in enumerate(groups) if len(group) >= _least(band)]
    chosen = [groups[place] for place in enough]
    if band == "range":
        low[enough] = [group.min() for group in chosen]
        high[enough] = [group.max() for group in chosen]
    elif chosen:
        low[enough], high[enough] = intervals(
            chosen, "median", level=LEVEL, seed=SEED, scale=scale_of(metric)
        )
    return low, high


def scale_of(metric: str) -> Scale:
    """The scale on which a metric's interval is found, the same as in tables."""
    if metric in METRICS:
        return scale(metric)
    if metric in _SHARES:
        return "share"
    known = described(metric)
    positive = direction(metric) == "lower" or (known is not None and known.unit in _RATES)
    return "log" if positive else "linear"


def suits_log(metric: str, values: np.ndarray) -> bool:
    """Whether a logarithmic axis suits the values: positive distances, which vary by factors."""
    finite = values[np.isfinite(values)]
    distance = direction(metric) == "lower" and scale_of(metric) == "log"
    return distance and len(finite) > 0 and bool(finite.min() > 0)


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


_NAMES = {
    "interval": f"{LEVEL:.0%} interval of the median "
    f"(bootstrap of {REPLICATES:,} replicates, seed {SEED}, with Student's t)",
    "range": "least to greatest seed",
}
