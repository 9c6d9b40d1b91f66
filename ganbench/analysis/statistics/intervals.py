"""Confidence intervals over few seeds: Wilson's for counts, a bootstrap with Student's t for the rest.

A percentile bootstrap cannot leave the range of the values, so that with three seeds its 95 %
interval holds the truth in three cases of four. Here the bootstrap gives the standard error alone,
corrected for small n (`spread`), and Student's t the quantile. `docs/statistics.md` has the coverage
that simulations found.

A failure stands for a value beyond every other value and never narrows an interval. A statistic of
all seeds is at least as bad as that of the seeds that ended well, whose interval bounds it on the good
side. On the bad side only the order of the values counts: it bounds a quantile (Thompson 1936) that
the statistic does not pass, the median for the median and the upper quartile for the interquartile
mean. With few seeds no value is far enough out, and the bound is infinite.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.statistics.aggregates import Statistic, least_count
from ganbench.analysis.statistics.scales import Scale, back, forward
from ganbench.analysis.statistics.spread import REPLICATES, moderated, spread

LEVEL = 0.95

#: Fewer seeds carry no interval: of two, one degree of freedom is left, and a factor of 12.7.
LEAST_SEEDS = 3


@dataclass(frozen=True)
class Interval:
    """Two bounds that hold the truth with the given level of confidence.

    :ivar low: ``-inf`` where nothing bounds it; NaN without an interval, as for fewer than
        `LEAST_SEEDS` values.
    :ivar high: ``inf`` where nothing bounds it; NaN likewise.
    """

    low: float
    high: float
    level: float = LEVEL

    @property
    def exists(self) -> bool:
        """Whether the values were enough for one."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside; False without an interval."""
        return self.exists and not self.low <= value <= self.high


def wilson(count: int, n: int, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share: ``count`` of ``n`` (Wilson 1927); NaN bounds of nothing.

    It stays within 0 and 1 and has a width where none or all were counted.
    """
    return wilson_of_share(count / n, n, level) if n else Interval(math.nan, math.nan, level)


def wilson_of_share(share: float, n: float, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share that varies as one of ``n`` independent cases does."""
    z = normal_quantile(level)
    penalty = z * z / n
    middle = (share + penalty / 2) / (1 + penalty)
    half = z / (1 + penalty) * math.sqrt(share * (1 - share) / n + penalty / (4 * n))
    low = 0.0 if share == 0 else middle - half
    high = 1.0 if share == 1 else middle + half
    return Interval(low, high, level)


def interval(
    values: np.ndarray,
    statistic: Statistic,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    scale: Scale = "linear",
    freedom: float = math.inf,
) -> Interval:
    """The interval of a statistic of values, (n,).

    On the scale ``log`` the mean is that of the logarithms, so the interval is the geometric mean's.
    With failures (infinite values) a bound may be infinite.

    :param seed: of the bootstrap, a PCG64 generator.
    :param scale: ``log`` for positive metrics without an upper bound, ``share`` for 0 to 1.
    :param freedom: the most degrees of freedom that the values have.
    :return: NaN bounds for fewer than `LEAST_SEEDS` values, or too few for ``iqm``.
    """
    scaled = forward(scale, values)
    if len(scaled) < max(LEAST_SEEDS, least_count(statistic)) or np.isnan(scaled).any():
        return Interval(math.nan, math.nan, level)

    def finite(kept: np.ndarray) -> tuple[float, float]:
        middle, error, own = estimate_and_error(kept, statistic, seed, replicates)
        half = t_quantile(level, min(own, freedom)) * error
        return middle - half, middle + half

    if np.isinf(scaled).any():
        low, high = bounds_with_failures(scaled, statistic, level, finite)
    else:
        low, high = finite(scaled)
    return Interval(back(scale, low), back(scale, high), level)


def intervals(
    groups: Sequence[np.ndarray],
    statistic: Statistic,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    scale: Scale = "linear",
    shared: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """`interval` of each group by itself, for thousands of groups at once: lows and highs.

    :param shared: take the spread of a group to be like that of the others, as `moderated` has it;
        groups with failures keep their own.
    """
    lows, highs = np.full(len(groups), math.nan), np.full(len(groups), math.nan)
    scaled = [forward(scale, group) for group in groups]
    whole = []
    for number, group in enumerate(scaled):
        if len(group) >= max(LEAST_SEEDS, least_count(statistic)) and np.isfinite(group).all():
            whole.append(number)
        else:
            found = interval(group, statistic, level=level, seed=seed, replicates=replicates)
            lows[number], highs[number] = back(scale, found.low), back(scale, found.high)
    middles, errors, freedoms = estimates_and_errors(
        [scaled[number] for number in whole], lambda _: statistic, seed, replicates, shared
    )
    for number, middle, error, freedom in zip(whole, middles, errors, freedoms, strict=True):
        half = t_quantile(level, freedom) * error
        lows[number], highs[number] = back(scale, middle - half), back(scale, middle + half)
    return lows, highs


def estimates_and_errors(
    groups: Sequence[np.ndarray],
    statistic: Callable[[int], Statistic],
    seed: int = 0,
    replicates: int = REPLICATES,
    shared: bool = False,
    most: float = math.inf,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A statistic of each group of finite values, standard errors and degrees of freedom.

    :param statistic: of so many values.
    :param shared: pull variances towards what the groups share; all groups together then have ``most``
        degrees of freedom.
    """
    found = np.full((3, len(groups)), math.nan)
    counts = np.array([len(group) for group in groups], dtype=np.int64)
    if shared and len(groups):
        variances = np.array([group.var(ddof=1) for group in groups])
        common, freedoms = moderated(variances, counts - 1.0, most)
    for count in np.unique(counts).tolist():
        numbers = np.flatnonzero(counts == count)
        ordered = np.sort(np.stack([groups[number] for number in numbers.tolist()]), axis=1)
        known = spread(statistic(count), count, seed, replicates)
        found[0, numbers] = known.estimates(ordered)
        found[1, numbers], found[2, numbers] = known.variances(ordered), known.freedom
        if shared:
            found[1, numbers] = known.unit * common[numbers]
            found[2, numbers] = freedoms[numbers]
    return found[0], np.sqrt(found[1]), found[2]


@functools.lru_cache(maxsize=4096)
def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors the two-sided interval of this level reaches to each side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def estimate_and_error(
    values: np.ndarray, statistic: Statistic, seed: int = 0, replicates: int = REPLICATES
) -> tuple[float, float, float]:
    """A statistic of finite values, its standard error and its degrees of freedom."""
    known, ordered = spread(statistic, len(values), seed, replicates), np.sort(values)[None]
    error = math.sqrt(float(known.variances(ordered)[0]))
    return float(known.estimates(ordered)[0]), error, known.freedom


def normal_quantile(level: float) -> float:
    """How many standard deviations a two-sided normal interval reaches to each side."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


Bounds = tuple[float, float]

#: The quantile that is at least as bad as the statistic; the mean is as bad as its worst value.
_QUANTILES: dict[Statistic, float] = {"median": 0.5, "iqm": 0.75, "mean": 1.0}


def bounds_with_failures(
    values: np.ndarray,
    statistic: Statistic,
    level: float,
    finite: Callable[[np.ndarray], Bounds],
) -> Bounds:
    """Bounds of a statistic of values, (n,), some of them infinite.

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
    """The least value that lies above the quantile with the confidence of one bound; or inf."""
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
