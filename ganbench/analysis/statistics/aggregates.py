"""One number for the values of a group: mean, median and interquartile mean, also of infinities.

All three are weighted sums of the ordered values (L-estimators), which is what makes the bootstrap
of thousands of groups one matrix product; see `spread`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

Statistic = Literal["mean", "median", "iqm"]

#: Fewer values have no middle half: `iqm` would be their mean under another name.
LEAST_FOR_IQM = 4


def median(values: np.ndarray) -> float:
    """The median, also of infinities; NaN of nothing."""
    return aggregate(values, "median")


def aggregate(values: np.ndarray, statistic: Statistic) -> float:
    """The statistic of some values, also of infinities.

    ``iqm``, the interquartile mean, is ``scipy.stats.trim_mean(values, 0.25)``, as rliable takes it over
    runs and tasks (Agarwal et al. 2021, arXiv:2108.13264). Infinities beyond the trimmed quarter leave
    it finite.

    :return: NaN of too few values, and where infinities of both signs leave a mean undefined.
    """
    ordered = np.sort(np.asarray(values, dtype="float64"))
    if len(ordered) < least_count(statistic) or np.isnan(ordered).any():
        return math.nan
    share = weights(statistic, len(ordered))
    used = ordered[share > 0]
    if np.isinf(used).any():
        signs = set(np.sign(used[np.isinf(used)]).tolist())
        return math.nan if len(signs) > 1 else math.copysign(math.inf, signs.pop())
    if used[0] == used[-1]:  # rounding must not make a mean of equal values another value
        return float(used[0])
    return float(share[share > 0] @ used)


def weights(statistic: Statistic, count: int) -> np.ndarray:
    """What each of ``count`` ordered values counts in the statistic; they sum to one."""
    found = np.zeros(count)
    if statistic == "mean":
        found[:] = 1
    elif statistic == "median":
        found[[(count - 1) // 2, count // 2]] = 1
    else:
        cut = trimmed(count)
        found[cut : count - cut] = 1
    found /= found.sum()
    return found


def trimmed(count: int) -> int:
    """How many of so many values the interquartile mean leaves out at each end."""
    return count // 4


def least_count(statistic: Statistic) -> int:
    """How many values the statistic needs."""
    return LEAST_FOR_IQM if statistic == "iqm" else 1
