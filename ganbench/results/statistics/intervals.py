"""Confidence intervals over few seeds: Wilson's for counts, a bootstrap with Student's t for the rest.

A percentile bootstrap cannot leave the range of the values, so that with three seeds its 95 %
interval holds the truth in three cases of four. Here the bootstrap gives the standard error alone,
corrected for small n (`spread`), and Student's t the quantile, with the degrees of freedom of Welch
and Satterthwaite over strata. `docs/statistics.md` has the coverage that simulations found.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.results.statistics.aggregates import BY_NAME, Statistic, least_count
from ganbench.results.statistics.failures import bounds_with_failures
from ganbench.results.statistics.scales import Scale, back, forward, usable
from ganbench.results.statistics.spread import REPLICATES, spread

Strata = Sequence[np.ndarray]

LEVEL = 0.95

#: Fewer seeds carry no interval: of two, one degree of freedom is left, and a factor of 12.7.
LEAST_SEEDS = 3


@dataclass(frozen=True)
class Interval:
    """Two bounds that hold the truth with the given level of confidence.

    :ivar low: may be ``-inf`` where nothing bounds it; NaN where there is no interval, as of fewer than
        `LEAST_SEEDS` values.
    :ivar high: likewise, ``inf``.
    """

    low: float
    high: float
    level: float = LEVEL

    @property
    def exists(self) -> bool:
        """Whether there were values enough for one."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside; never where there is no interval."""
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
    strata: Strata,
    statistic: Callable[[Strata], float] | Statistic,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    scale: Scale = "linear",
    pooled: bool = True,
) -> Interval:
    """The interval of a statistic over strata: one array of values per context.

    By name, ``mean`` and ``median`` are the mean over strata of the strata's means or medians, and
    ``iqm`` that of all values together, as rliable takes it, or the mean of the strata's own if not
    ``pooled``; a function gets the strata on the scale.
    On the scale ``log`` the mean is that of the logarithms, so the interval is the geometric mean's.
    Values are resampled within their stratum. With failures (infinite values) a bound may be infinite.

    :param seed: of the bootstrap, a PCG64 generator.
    :param scale: ``log`` for positive metrics without an upper bound, ``share`` for 0 to 1.
    :return: NaN bounds where a stratum has one value, where all have fewer than `LEAST_SEEDS`, where
        there is nothing, or too little for ``iqm``.
    """
    values = np.concatenate([np.asarray(s, dtype="float64") for s in strata]) if strata else None
    if values is None or np.isnan(values).any() or not enough(strata):
        return Interval(math.nan, math.nan, level)
    fitting = usable(scale, values)
    scaled = [forward(fitting, np.asarray(stratum, dtype="float64")) for stratum in strata]
    together = pooled and statistic == "iqm" and len(strata) > 1
    if isinstance(statistic, str):
        values_of = [values] if together else strata
        if min(map(len, values_of)) < least_count(statistic):
            return Interval(math.nan, math.nan, level)
    whole = together or not isinstance(statistic, str)
    if np.isinf(values).any():
        name = statistic if isinstance(statistic, str) and (together or len(strata) == 1) else None

        def finite(kept: Strata) -> tuple[float, float]:
            return _bounds(kept, statistic, whole, level, seed, replicates)

        low, high = bounds_with_failures(scaled, name, level, finite)
    else:
        low, high = _bounds(scaled, statistic, whole, level, seed, replicates)
    return Interval(back(fitting, low), back(fitting, high), level)


def enough(strata: Strata) -> bool:
    """Whether values of strata carry an interval: two in each, and `LEAST_SEEDS` in one."""
    sizes = [len(stratum) for stratum in strata]
    return min(sizes, default=0) >= 2 and max(sizes) >= LEAST_SEEDS


def intervals(
    groups: Sequence[np.ndarray],
    statistic: Statistic,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    scale: Scale = "linear",
) -> tuple[np.ndarray, np.ndarray]:
    """`interval` of each group by itself, for thousands of groups at once: lows and highs."""
    lows, highs = np.full(len(groups), math.nan), np.full(len(groups), math.nan)
    by_count: dict[tuple[int, Scale], list[int]] = {}
    for number, group in enumerate(groups):
        fitting = usable(scale, group)
        if len(group) >= max(LEAST_SEEDS, least_count(statistic)) and np.isfinite(group).all():
            by_count.setdefault((len(group), fitting), []).append(number)
        else:
            found = interval(
                [group], statistic, level=level, seed=seed, replicates=replicates, scale=scale
            )
            lows[number], highs[number] = found.low, found.high
    for (count, fitting), numbers in by_count.items():
        ordered = np.sort(forward(fitting, np.stack([groups[n] for n in numbers])), axis=1)
        known = spread(statistic, count, seed, replicates)
        half = t_quantile(level, known.freedom) * np.sqrt(known.variances(ordered))
        middle = known.estimates(ordered)
        lows[numbers] = [back(fitting, value) for value in (middle - half).tolist()]
        highs[numbers] = [back(fitting, value) for value in (middle + half).tolist()]
    return lows, highs


@functools.lru_cache(maxsize=4096)
def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors the two-sided interval of this level reaches to each side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def welch(variances: np.ndarray, freedoms: np.ndarray) -> float:
    """Degrees of freedom of a sum of independent variances (Satterthwaite 1946, Welch 1947)."""
    total = variances.sum()
    if total <= 0:
        return float(freedoms.sum())
    return float(total**2 / (variances**2 / freedoms).sum())


def estimate_and_error(
    strata: Strata, statistic: Statistic, seed: int = 0, replicates: int = REPLICATES
) -> tuple[float, float, float]:
    """The mean over strata of a statistic, its standard error and its degrees of freedom."""
    known = [spread(statistic, len(stratum), seed, replicates) for stratum in strata]
    ordered = [np.sort(stratum)[None] for stratum in strata]
    found = [k.estimates(o)[0] for k, o in zip(known, ordered, strict=True)]
    variances = np.array([k.variances(o)[0] for k, o in zip(known, ordered, strict=True)])
    freedom = welch(variances, np.array([k.freedom for k in known]))
    return float(np.mean(found)), math.sqrt(variances.sum()) / len(strata), freedom


def _bounds(
    strata: Strata,
    statistic: Callable[[Strata], float] | Statistic,
    whole: bool,
    level: float,
    seed: int,
    replicates: int,
) -> tuple[float, float]:
    """The bounds for finite values, at least two in each stratum.

    :param whole: whether the statistic is one of all strata together, and not a mean over them.
    """
    if isinstance(statistic, str) and not whole:
        middle, error, freedom = estimate_and_error(strata, statistic, seed, replicates)
    else:
        middle, error, freedom = _pooled(strata, statistic, seed, replicates)
    half = t_quantile(level, freedom) * error
    return middle - half, middle + half


def _pooled(
    strata: Strata, statistic: Callable[[Strata], float] | Statistic, seed: int, replicates: int
) -> tuple[float, float, float]:
    """Any statistic of all strata: estimate, bootstrap error and degrees of freedom."""
    random = np.random.Generator(np.random.PCG64(seed))
    drawn = [_resampled(stratum, random, replicates) for stratum in strata]
    if isinstance(statistic, str):
        pooled = np.sort(np.concatenate(drawn, axis=1), axis=1)
        known = spread(statistic, pooled.shape[1], seed, replicates)
        found = known.estimates(pooled)
        middle = BY_NAME[statistic](np.concatenate(strata))
    else:
        found = np.array([statistic([d[r] for d in drawn]) for r in range(replicates)])
        middle = statistic(strata)
    counts = np.array([len(stratum) for stratum in strata])
    parts = np.array([stratum.var(ddof=1) for stratum in strata]) * counts
    return middle, float(found.std()), welch(parts, counts - 1.0)


def _resampled(stratum: np.ndarray, random: np.random.Generator, replicates: int) -> np.ndarray:
    """Bootstrap samples, (replicates, n), spread about their centre so that n / (n - 1) is made up."""
    count = len(stratum)
    drawn = stratum[random.integers(0, count, (replicates, count))]
    centre = stratum.mean()
    found: np.ndarray = centre + math.sqrt(count / (count - 1)) * (drawn - centre)
    return found


def normal_quantile(level: float) -> float:
    """How many standard deviations a two-sided normal interval reaches to each side."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))
