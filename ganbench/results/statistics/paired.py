"""Effects of A against B over shared seeds: differences within pairs, the seed as the unit.

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
    estimate_and_error,
    interval,
    wilson_of_share,
)
from ganbench.results.statistics.scales import Scale, forward
from ganbench.results.statistics.seeds import Sample, Seeds, centre, sample


@dataclass(frozen=True)
class Effect:
    """What A does against B, on the scale of the differences: logarithms, or the metric's own.

    :ivar estimate: the mean over contexts, summed up over seeds by ``statistic``; infinite where
        failures decide it, NaN where nothing does.
    :ivar p: of a two-sided test that there is no difference; NaN where there is no interval.
    :ivar seeds: how many seeds it is of.
    """

    estimate: float
    interval: Interval
    p: float
    statistic: Statistic
    seeds: int


@dataclass(frozen=True)
class RiskDifference:
    """How much oftener A fails than B: a difference of shares in -1 to 1."""

    estimate: float
    interval: Interval


def differences(a: np.ndarray, b: np.ndarray, scale: Scale = "linear") -> np.ndarray:
    """A minus B on the scale, pair by pair; two failures tie."""
    first, second = forward(scale, a), forward(scale, b)
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, first - second)


def paired_effect(
    strata: Sequence[np.ndarray],
    seeds: Seeds | None = None,
    *,
    level: float = LEVEL,
    seed: int = 0,
) -> Effect:
    """The effect over strata of paired differences: one array per context.

    The seed is the unit; `seeds.sample` says what sums up its differences over contexts, and all
    seeds. Differences that are all the same and not zero have no standard error to go by: their order
    alone bounds them.

    :param seeds: of each difference; None where no two contexts share any.
    """
    return effect_of(sample(strata, seeds), level=level, seed=seed)


def effect_of(found: Sample, *, level: float = LEVEL, seed: int = 0) -> Effect:
    """`paired_effect` of what `seeds.sample` found."""
    nothing = Interval(math.nan, math.nan, level)
    count = len(found.values)
    if not count:
        return Effect(math.nan, nothing, math.nan, found.statistic, 0)
    estimate = BY_NAME[found.statistic](found.values)
    if not found.enough:
        return Effect(estimate, nothing, math.nan, found.statistic, count)
    ends = interval(found.values, found.statistic, level=level, seed=seed, freedom=found.freedom)
    p = p_of(found, seed)
    if ends.low == ends.high != 0 and p > 1 - level:
        ends = Interval(-math.inf, math.inf, level)
    return Effect(estimate, ends, p, found.statistic, count)


def risk_difference(
    a: np.ndarray, b: np.ndarray, level: float = LEVEL, units: float | None = None
) -> RiskDifference:
    """The difference of two shares over the same seeds (Newcombe 1998, paired, method 10).

    :param a: truth values, one per pair; ``b`` likewise.
    :param units: how many independent pairs these are worth, see `seeds.units`; all by default.
    """
    if not len(a):
        return RiskDifference(math.nan, Interval(math.nan, math.nan, level))
    n = len(a) if units is None else units
    share, other = float(a.mean()), float(b.mean())
    first, second = wilson_of_share(share, n, level), wilson_of_share(other, n, level)
    phi = _phi(a, b, n)
    below = _joint(share - first.low, second.high - other, phi)
    above = _joint(first.high - share, other - second.low, phi)
    difference = share - other
    low, high = max(difference - below, -1.0), min(difference + above, 1.0)
    return RiskDifference(difference, Interval(low, high, level))


def holm(values: Sequence[float], comparisons: int = 0) -> list[float]:
    """P values corrected for their number (Holm 1979); NaN stays and does not count.

    :param comparisons: how many were made, where those not given are taken to show nothing.
    """
    order = sorted((p, number) for number, p in enumerate(values) if not math.isnan(p))
    found, least = [math.nan] * len(values), 0.0
    for rank, (p, number) in enumerate(order):
        least = max(least, min(1.0, p * (max(comparisons, len(order)) - rank)))
        found[number] = least
    return found


def leading(told_apart: Sequence[bool]) -> list[bool]:
    """Which come before the first that is told apart from the best, in the order of their quality.

    What bold marks: nothing worse is marked than what is not.
    """
    return [not any(told_apart[: place + 1]) for place in range(len(told_apart))]


def p_of_t(estimate: np.ndarray, error: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Of two-sided tests that the truth is zero, for standard errors that are not."""
    from scipy.special import stdtr

    found: np.ndarray = 2 * stdtr(freedom, -np.abs(estimate) / error)
    return found


def p_of(found: Sample, seed: int = 0) -> float:
    """Of a two-sided test that there is no effect; NaN of too few seeds."""
    if not found.enough:
        return math.nan
    if not np.isfinite(found.values).all():
        return _p_with_failures(found.values, seed)
    middle, error, freedom = estimate_and_error(found.values, found.statistic, seed)
    if np.ptp(found.values) == 0 or error == 0:
        return _p_of_signs(found.values)
    return float(p_of_t(*np.array([middle, error, min(freedom, found.freedom)])))


def _p_with_failures(values: np.ndarray, seed: int) -> float:
    """The better of two tests, paid for twice: of signs, and of the seeds that ended well.

    The second tells only in the direction in which failures lie.
    """
    found = [_p_of_signs(values)]
    worst, kept = np.sign(values[np.isinf(values)]), values[np.isfinite(values)]
    if abs(worst.sum()) == len(worst) and len(kept) >= 2 and np.ptp(kept) > 0:
        middle, error, freedom = estimate_and_error(kept, centre(len(kept)), seed)
        towards = middle * worst[0] > 0
        found.append(float(p_of_t(*np.array([middle, error, freedom]))) if towards else 1.0)
    return min(1.0, len(found) * min(found))


def _p_of_signs(values: np.ndarray) -> float:
    """The sign test; ties tell nothing and do not count."""
    from scipy.special import bdtr

    signs = np.sign(values[values != 0])
    fewer = min((signs > 0).sum(), (signs < 0).sum())
    return min(1.0, 2 * float(bdtr(fewer, len(signs), 0.5))) if len(signs) else 1.0


def _phi(a: np.ndarray, b: np.ndarray, units: float) -> float:
    """The correlation of two lists of truth values, corrected for continuity as Newcombe has it.

    :param units: how many independent pairs they are worth: counts are scaled to them.
    """
    n, scale = len(a), units / len(a)
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    product = float(a.sum() * (n - a.sum()) * b.sum() * (n - b.sum())) * scale**4
    if product == 0:
        return 0.0
    cross = float(both * neither - only_a * only_b) * scale**2
    if cross > 0:
        cross = max(cross - units / 2, 0.0)
    return cross / math.sqrt(product)


def _joint(first: float, second: float, phi: float) -> float:
    return math.sqrt(max(first**2 - 2 * phi * first * second + second**2, 0.0))
