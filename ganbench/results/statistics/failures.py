"""Bounds where seeds failed: what a worst score leaves to be said, never less than without it.

A failure stands for a value beyond every other one. A statistic of all seeds is therefore at least
as bad as that of the seeds that ended well, whose interval bounds it on the good side. On the bad
side only the order of the values is left: the bound of a quantile (Thompson 1936) that the statistic
does not pass, the median for the median and the upper quartile for the interquartile mean. With
few seeds no value is far enough out, and the bound is infinite.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from ganbench.results.statistics.aggregates import Statistic, least_count

Bounds = tuple[float, float]

#: The quantile that is at least as bad as the statistic; the mean is as bad as its worst value.
_QUANTILES: dict[Statistic, float] = {"median": 0.5, "iqm": 0.75, "mean": 1.0}


def bounds_with_failures(
    values: np.ndarray,
    statistic: Statistic,
    level: float,
    finite: Callable[[np.ndarray], Bounds],
) -> Bounds:
    """Bounds of a statistic of values, (n,), of which some are infinite.

    :param finite: bounds for finite values, two or more.
    """
    worst = values[np.isinf(values)]
    if (worst > 0).all():
        return _towards_above(values, statistic, level, finite)
    if (worst < 0).all():
        low, high = _towards_above(-values, statistic, level, lambda kept: _mirrored(finite(-kept)))
        return -high, -low
    quantile = _QUANTILES[statistic]
    return (
        -quantile_bound(-values, quantile, level),
        quantile_bound(values, quantile, level),
    )


def quantile_bound(values: np.ndarray, quantile: float, level: float) -> float:
    """The least of the values that is above the quantile with the confidence of one bound; or inf."""
    rank = _rank_above(len(values), quantile, level)
    return math.inf if rank is None else float(np.sort(values)[rank])


@functools.lru_cache(maxsize=256)
def _rank_above(count: int, quantile: float, level: float) -> int | None:
    from scipy.special import bdtr

    below = bdtr(np.arange(count), count, quantile)  # chance that at most k values lie below it
    enough = np.flatnonzero(below >= (1 + level) / 2)
    return int(enough[0]) if len(enough) else None


def _towards_above(
    values: np.ndarray,
    statistic: Statistic,
    level: float,
    finite: Callable[[np.ndarray], Bounds],
) -> Bounds:
    kept = values[np.isfinite(values)]
    enough = len(kept) >= max(2, least_count(statistic))
    low, high = finite(kept) if enough else (-math.inf, -math.inf)
    if not enough and statistic == "median":
        low = -quantile_bound(-values, _QUANTILES[statistic], level)
    return low, max(high, quantile_bound(values, _QUANTILES[statistic], level))


def _mirrored(bounds: Bounds) -> Bounds:
    return -bounds[1], -bounds[0]
