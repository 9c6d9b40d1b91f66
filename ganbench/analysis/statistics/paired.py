"""Effects of A against B over shared seeds: differences within pairs, the seed as the unit.

Trials that share a seed share data order, latents and evaluation noise, so that the difference
within a pair is freer of noise than the difference of two means. Blocks count alike, and are taken
as they are: an interval is about these blocks, not about others like them.

P(A better than B) is, within a stratum (a block), the Mann-Whitney statistic over n m, ties half, and
over strata the mean, as rliable has it (Agarwal et al. 2021, arXiv:2108.13264). rliable's percentile
bootstrap has no width where A beats B throughout, which three seeds against three often do. The
statistic is the average over all ways to match n trials of A with n of B, so it varies no more than
the share of n independent pairs (Hoeffding 1963, section 5), and Wilson's interval for n pairs holds
for it; n are the seeds where strata share them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.statistics.aggregates import Statistic, aggregate
from ganbench.analysis.statistics.intervals import (
    LEAST_SEEDS,
    LEVEL,
    Interval,
    estimate_and_error,
    interval,
    wilson_of_share,
)
from ganbench.analysis.statistics.scales import Scale, forward
from ganbench.analysis.statistics.seeds import Sample, Seeds, center, sample, units


@dataclass(frozen=True)
class Effect:
    """The effect of A against B, on the scale of the differences: logarithms, or the metric's own.

    :ivar estimate: the mean over blocks, summarized over seeds by ``statistic``; infinite where
        failures decide it, NaN where nothing does.
    :ivar p: of a two-sided test of no difference; NaN without an interval.
    :ivar seeds: the number of seeds.
    """

    estimate: float
    interval: Interval
    p: float
    statistic: Statistic
    seeds: int


@dataclass(frozen=True)
class RiskDifference:
    """How much more often A fails than B: a difference of shares in -1 to 1."""

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
    """The effect over strata of paired differences: one array per block.

    The seed is the unit; `seeds.sample` says how its differences are summarized over blocks, and all
    seeds. Differences that are all the same and not zero have no standard error to go by: their order
    alone bounds them.

    :param seeds: of each difference; None where no two blocks share any.
    """
    found = sample(strata, seeds)
    nothing = Interval(math.nan, math.nan, level)
    count = len(found.values)
    if not count:
        return Effect(math.nan, nothing, math.nan, found.statistic, 0)
    estimate = aggregate(found.values, found.statistic)
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

    :param comparisons: how many were made; those that are not given are taken to show nothing.
    """
    order = sorted((p, number) for number, p in enumerate(values) if not math.isnan(p))
    found, least = [math.nan] * len(values), 0.0
    for rank, (p, number) in enumerate(order):
        least = max(least, min(1.0, p * (max(comparisons, len(order)) - rank)))
        found[number] = least
    return found


def leading(told_apart: Sequence[bool]) -> list[bool]:
    """Which come before the first that is told apart from the best, in the order of their quality.

    Bold marks these, so that nothing marked is worse than something unmarked.
    """
    return [not any(told_apart[: place + 1]) for place in range(len(told_apart))]


def p_of_t(estimate: np.ndarray, error: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """P values of two-sided tests that the truth is zero, for nonzero standard errors."""
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(freedom, -np.abs(estimate) / error))


def p_of(found: Sample, seed: int = 0) -> float:
    """The p value of a two-sided test of no effect; NaN for too few seeds."""
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
        middle, error, freedom = estimate_and_error(kept, center(len(kept)), seed)
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


@dataclass(frozen=True)
class Improvement:
    """The probability that a trial of A is better than one of B, the mean over blocks."""

    probability: float
    interval: Interval


def improvement(
    a_strata: Sequence[np.ndarray],
    b_strata: Sequence[np.ndarray],
    seeds: Seeds | None = None,
    *,
    higher: bool = False,
    level: float = LEVEL,
) -> Improvement:
    """The mean over strata of the share of pairs in which A is better than B, ties half.

    The interval is missing where every stratum has fewer than `LEAST_SEEDS` trials on a side.

    :param seeds: of the trials of each stratum; None where no two strata share any.
    :param higher: whether higher values are better. A failure is the worst: two failures tie.
    :return: NaN without strata, or with an empty one.
    """
    shares = [_share(a, b, higher) for a, b in zip(a_strata, b_strata, strict=True)]
    found = float(np.mean(shares)) if shares else math.nan
    sizes = [min(len(a), len(b)) for a, b in zip(a_strata, b_strata, strict=True)]
    if math.isnan(found) or max(sizes) < LEAST_SEEDS:
        return Improvement(found, Interval(math.nan, math.nan, level))
    independent = len(sizes) ** 2 / sum(1 / size for size in sizes)  # as if all had as many
    pairs = independent if seeds is None else units(seeds)
    return Improvement(found, wilson_of_share(found, pairs, level))


def _share(a: np.ndarray, b: np.ndarray, higher: bool) -> float:
    if not len(a) or not len(b):
        return math.nan
    first, second = (a[:, None], b[None]) if higher else (b[None], a[:, None])
    return float(np.mean(first > second) + np.mean(first == second) / 2)
