"""How often one beats the other: P(A better than B), with an interval.

Within a stratum (a context) it is the Mann-Whitney statistic over n m, ties half, and over strata
the mean, as rliable has it (Agarwal et al. 2021, arXiv:2108.13264). rliable's percentile bootstrap
has no width where A beats B throughout, which three seeds against three often do. The statistic is
the average over all ways to match n trials of A with n of B, so it varies no more than the share
of n independent pairs (Hoeffding 1963, section 5), and Wilson's interval for n pairs holds for it;
n are the seeds where strata share them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL, Interval, wilson_of_share
from ganbench.results.statistics.seeds import Seeds, units


@dataclass(frozen=True)
class Improvement:
    """The probability that a trial of A is better than one of B, the mean over contexts."""

    probability: float
    interval: Interval


def probability_of_improvement(
    a_strata: Sequence[np.ndarray], b_strata: Sequence[np.ndarray], *, higher: bool = False
) -> float:
    """The mean over strata of the share of pairs in which A is better than B, ties half.

    :param higher: whether higher values are better. A failure is the worst: two failures tie.
    :return: NaN where there is no stratum, or one is empty.
    """
    found = [_share(a, b, higher) for a, b in zip(a_strata, b_strata, strict=True)]
    return float(np.mean(found)) if found else math.nan


def improvement(
    a_strata: Sequence[np.ndarray],
    b_strata: Sequence[np.ndarray],
    seeds: Seeds | None = None,
    *,
    higher: bool = False,
    level: float = LEVEL,
) -> Improvement:
    """`probability_of_improvement` with its interval; NaN without strata, or with an empty one.

    :param seeds: of the trials of each stratum; None where no two strata share any.

    There is no interval where every stratum has fewer than `LEAST_SEEDS` trials on a side.
    """
    found = probability_of_improvement(a_strata, b_strata, higher=higher)
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
