"""Profiles: what share of trials reaches a score, and how soon.

Score profiles are those of rliable (Agarwal et al. 2021), time to a target that of AlgoPerf (Dahl et
al. 2023, arXiv:2306.07179): a trial that never gets there takes for ever and stays in the share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL, Interval, wilson

#: The scores of one name: a single array, or one array per context.
Scores = np.ndarray | Sequence[np.ndarray]


@dataclass(frozen=True)
class Band:
    """A profile over thresholds with pointwise bounds; all arrays have one value per threshold."""

    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def performance_profile(
    scores_by_name: Mapping[str, Scores], taus: np.ndarray, *, higher: bool = False
) -> dict[str, np.ndarray]:
    """For each name and threshold, the share of scores as good as the threshold or better.

    :param taus: thresholds, (t,); scores are counted with ``<=``, with ``>=`` if ``higher`` is better.
    :return: (t,) per name; NaN where a name has no scores.
    """
    return {name: _shares(scores, taus, higher)[0] for name, scores in scores_by_name.items()}


def profile_bands(
    scores_by_name: Mapping[str, Scores],
    taus: np.ndarray,
    *,
    higher: bool = False,
    level: float = LEVEL,
) -> dict[str, Band]:
    """`performance_profile` with Wilson's interval at each threshold, by itself.

    Ends are NaN for a name that has fewer than `LEAST_SEEDS` scores in every context.
    """
    found = {}
    for name, scores in scores_by_name.items():
        middle, counts, n = _shares(scores, taus, higher)
        ends = {count: share_interval(count, n, scores, level) for count in set(counts.tolist())}
        low = np.array([ends[count].low for count in counts.tolist()])
        high = np.array([ends[count].high for count in counts.tolist()])
        found[name] = Band(middle, low, high)
    return found


def share_interval(count: int, n: int, scores: Scores, level: float = LEVEL) -> Interval:
    """Wilson's interval of ``count`` of ``n`` scores; NaN ends where all contexts have too few."""
    sizes = [len(scores)] if isinstance(scores, np.ndarray) else [len(group) for group in scores]
    if max(sizes, default=0) < LEAST_SEEDS:
        return Interval(math.nan, math.nan, level)
    return wilson(count, n, level)


def time_to_target(x: np.ndarray, fd: np.ndarray, target: float, *, higher: bool = False) -> float:
    """The first ``x`` (images or seconds) at which the curve reaches the target; inf if it never does.

    Values that are not finite reach nothing. Nothing is interpolated: between two evaluations the
    quality is not known.
    """
    with np.errstate(invalid="ignore"):
        reached = np.isfinite(fd) & (fd >= target if higher else fd <= target)
    return float(np.min(x[reached])) if reached.any() else math.inf


def _shares(scores: Scores, taus: np.ndarray, higher: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Shares and counts over thresholds, and of how many scores."""
    flat = scores if isinstance(scores, np.ndarray) else np.concatenate([*scores, np.empty(0)])
    ordered = np.sort(flat)
    if higher:
        counts = len(ordered) - np.searchsorted(ordered, taus, side="left")
    else:
        counts = np.searchsorted(ordered, taus, side="right")
    shares = counts / len(ordered) if len(ordered) else np.full(len(taus), math.nan)
    return shares, counts, len(ordered)
