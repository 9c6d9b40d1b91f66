"""Effects of A against B over shared seeds: differences within pairs, contexts as strata.

Trials that share a seed share data order, latents and evaluation noise, so that the difference
within a pair is freer of noise than the difference of two means. Contexts count alike, and are taken
as they are: an interval is about these contexts, not about others like them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.results.statistics.aggregates import BY_NAME, Statistic
from ganbench.results.statistics.intervals import (
    LEVEL,
    Interval,
    enough,
    estimate_and_error,
    interval,
    wilson,
)
from ganbench.results.statistics.scales import Scale, forward, usable

Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Effect:
    """What A does against B, on the scale of the differences: logarithms, or the metric's own.

    :ivar estimate: the mean over contexts of the mean difference, or of the median one where a trial
        failed; infinite where failures decide it, NaN where nothing does.
    :ivar p: of a two-sided test that there is no difference; NaN where there is no interval.
    """

    estimate: float
    interval: Interval
    p: float
    statistic: Statistic


@dataclass(frozen=True)
class RiskDifference:
    """How much oftener A fails than B: a difference of shares in -1 to 1."""

    estimate: float
    interval: Interval


def differences(a: np.ndarray, b: np.ndarray, scale: Scale = "linear") -> np.ndarray:
    """A minus B on the scale, pair by pair; two failures tie."""
    fitting = usable(scale, np.concatenate([a, b]))
    first, second = forward(fitting, a), forward(fitting, b)
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, first - second)


def paired_effect(strata: Sequence[np.ndarray], *, level: float = LEVEL, seed: int = 0) -> Effect:
    """The effect over strata of paired differences: one array per context.

    Where all differences are finite it is the mean over contexts of their means, with Student's t; where
    one is infinite, medians stand for means in all contexts (`failures`). Differences that are all
    the same and not zero have no standard error to go by: their order alone bounds them.
    """
    finite = all(np.isfinite(stratum).all() for stratum in strata)
    statistic: Statistic = "mean" if finite else "median"
    if not strata or min(map(len, strata)) < 1:
        return Effect(math.nan, Interval(math.nan, math.nan, level), math.nan, statistic)
    with np.errstate(invalid="ignore"):
        estimate = float(np.mean([BY_NAME[statistic](stratum) for stratum in strata]))
    found = interval(strata, statistic, level=level, seed=seed)
    p = paired_p(strata, seed=seed)
    if found.low == found.high != 0 and p > 1 - level:
        found = Interval(-math.inf, math.inf, level)
    return Effect(estimate, found, p, statistic)


def paired_p(strata: Sequence[np.ndarray], *, seed: int = 0) -> float:
    """The p value of `paired_effect`, that there is no effect.

    :return: NaN where there are too few pairs, see `intervals.enough`.
    """
    if not enough(strata):
        return math.nan
    if not all(np.isfinite(stratum).all() for stratum in strata):
        return _p_with_failures(strata, seed)
    if all(np.ptp(stratum) == 0 for stratum in strata):
        return _p_of_signs(np.sign(np.concatenate(strata)))
    return _p_of_t(strata, "mean", seed)


def risk_difference(
    a_failed: np.ndarray, b_failed: np.ndarray, level: float = LEVEL
) -> RiskDifference:
    """The difference of two shares of failures over the same seeds (Newcombe 1998, paired, method 10).

    :param a_failed: truth values, one per pair.
    """
    n = len(a_failed)
    if n == 0:
        return RiskDifference(math.nan, Interval(math.nan, math.nan, level))
    first, second = wilson(int(a_failed.sum()), n, level), wilson(int(b_failed.sum()), n, level)
    share, other = float(a_failed.mean()), float(b_failed.mean())
    phi = _phi(a_failed, b_failed)
    below = _joint(share - first.low, second.high - other, phi)
    above = _joint(first.high - share, other - second.low, phi)
    difference = share - other
    low, high = max(difference - below, -1.0), min(difference + above, 1.0)
    return RiskDifference(difference, Interval(low, high, level))


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm 1979); NaN stays and does not count."""
    order = sorted((p, number) for number, p in enumerate(values) if not math.isnan(p))
    found, least = [math.nan] * len(values), 0.0
    for rank, (p, number) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - rank)))
        found[number] = least
    return found


def _p_of_t(strata: Sequence[np.ndarray], statistic: Statistic, seed: int) -> float:
    from scipy.special import stdtr

    middle, error, freedom = estimate_and_error(strata, statistic, seed)
    if error == 0:
        return _p_of_signs(np.sign(np.concatenate(strata)))
    return float(2 * stdtr(freedom, -abs(middle) / error))


def _p_with_failures(strata: Sequence[np.ndarray], seed: int) -> float:
    """The better of two tests, paid for twice: of signs, and of the seeds that ended well.

    The second tells only in the direction in which failures lie.
    """
    values = np.concatenate(strata)
    found = [_p_of_signs(np.sign(values))]
    worst = np.sign(values[np.isinf(values)])
    kept = [stratum[np.isfinite(stratum)] for stratum in strata]
    if abs(worst.sum()) == len(worst) and min(map(len, kept)) >= 2:
        middle = estimate_and_error(kept, "median", seed)[0]
        found.append(_p_of_t(kept, "median", seed) if middle * worst[0] > 0 else 1.0)
    return min(1.0, len(found) * min(found))


def _p_of_signs(signs: np.ndarray) -> float:
    """The sign test; ties tell nothing and do not count."""
    from scipy.special import bdtr

    signs = signs[signs != 0]
    fewer = min((signs > 0).sum(), (signs < 0).sum())
    return min(1.0, 2 * float(bdtr(fewer, len(signs), 0.5))) if len(signs) else 1.0


def _phi(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two lists of truth values, corrected for continuity as Newcombe has it."""
    n = len(a)
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    product = a.sum() * (n - a.sum()) * b.sum() * (n - b.sum())
    if product == 0:
        return 0.0
    cross = float(both * neither - only_a * only_b)
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    return cross / math.sqrt(product)


def _joint(first: float, second: float, phi: float) -> float:
    return math.sqrt(max(first**2 - 2 * phi * first * second + second**2, 0.0))
