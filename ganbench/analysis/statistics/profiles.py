"""Profiles: what share of trials reaches a score, and how soon.

Score profiles are those of rliable (Agarwal et al. 2021), time to a target that of AlgoPerf (Dahl et
al. 2023, arXiv:2306.07179): a trial that never gets there takes for ever and stays in the share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL, Interval, wilson_of_share


@dataclass(frozen=True)
class Band:
    """A profile over thresholds with pointwise bounds; all arrays have one value per threshold."""

    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def profile_band(
    scores: Sequence[np.ndarray], taus: np.ndarray, units: float, level: float = LEVEL
) -> Band:
    """For each threshold, the share of scores at or below it, with Wilson's interval by itself.

    Ends are NaN where every block has fewer than `LEAST_SEEDS` scores; all is NaN without any.

    :param scores: one array per block.
    :param taus: thresholds, (t,).
    :param units: how many independent scores these are worth, see `seeds.units`.
    """
    ordered = np.sort(np.concatenate([*scores, np.empty(0)]))
    if not len(ordered):
        return Band(*np.full((3, len(taus)), math.nan))
    shares = np.searchsorted(ordered, taus, side="right") / len(ordered)
    few = max(map(len, scores)) < LEAST_SEEDS
    nothing = Interval(math.nan, math.nan, level)
    ends = [nothing if few else wilson_of_share(share, units, level) for share in shares.tolist()]
    return Band(shares, np.array([end.low for end in ends]), np.array([end.high for end in ends]))


def time_to_target(x: np.ndarray, fd: np.ndarray, target: float, *, higher: bool = False) -> float:
    """The first ``x`` (images or seconds) at which the curve reaches the target; inf if it never does.

    Values that are not finite reach nothing. Nothing is interpolated: between two evaluations the
    quality is not known.
    """
    with np.errstate(invalid="ignore"):
        reached = np.isfinite(fd) & (fd >= target if higher else fd <= target)
    return float(np.min(x[reached])) if reached.any() else math.inf
