"""Whether a component became slower: a rank test on pairs of measurements, and how much.

Measurements of both versions take turns, so the two of a pair see the same load of the machine. The
unit is the logarithm of their ratio. Ranks are used since a few pairs are far off on any machine.

"Slower" must be beyond a margin: two processes of the same code differ by some percent, because their
memory is laid out in another way (Mytkowicz et al. 2009, doi:10.1145/1508244.1508275). So the null
hypothesis is not "no change" but "a change within the margin", tested by Wilcoxon's signed ranks (1945).
The estimate is that of Hodges and Lehmann (1963), the interval the one that belongs to the test. The
pairs of one launch have their layout in common, which no number of pairs averages out; so each launch
must show the change on its own, by its median.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

MARGIN = 0.03
LEVEL = 0.99
Verdict = Literal["slower", "faster", "same", "unclear"]


@dataclass(frozen=True)
class Comparison:
    """A version against its baseline.

    :ivar ratio: its time over the baseline's; 1.1 takes 10 % more time.
    :ivar low: the ratio's interval at ``level``.
    :ivar p: of the test that says slower or faster, for the direction of the ratio.
    :ivar verdict: ``"same"`` if the whole interval lies within the margin, ``"unclear"`` if nothing
        can be said.
    """

    ratio: float
    low: float
    high: float
    p: float
    verdict: Verdict
    pairs: int
    margin: float
    level: float


def compared(
    ours: Sequence[Sequence[float]],
    theirs: Sequence[Sequence[float]],
    *,
    margin: float = MARGIN,
    level: float = LEVEL,
    tests: int = 1,
) -> Comparison:
    """Compare seconds of both versions, by launch; seconds of one round belong together.

    :param tests: the number of comparisons of the session, by which p is corrected (Bonferroni).
    """
    by_launch = [
        np.log(np.asarray(mine) / np.asarray(other))
        for mine, other in zip(ours, theirs, strict=True)
    ]
    changes, edge = np.concatenate(by_launch), math.log1p(margin)
    estimate, low, high = _hodges_lehmann(changes, level)
    sign = 1 if estimate >= 0 else -1
    p = min(1.0, tests * _beyond(sign * changes, edge))
    agreed = len(by_launch) > 1 and all(np.median(sign * each) > edge for each in by_launch)
    found: Verdict = "unclear"
    if p < 1 - level and agreed:
        found = "slower" if sign > 0 else "faster"
    elif -edge <= low and high <= edge:
        found = "same"
    ends = math.exp(low), math.exp(high)
    return Comparison(math.exp(estimate), *ends, p, found, len(changes), margin, level)


def _beyond(changes: np.ndarray, edge: float) -> float:
    """P of the signed ranks, one-sided: that changes go beyond the edge."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(changes - edge, alternative="greater").pvalue)


def _hodges_lehmann(changes: np.ndarray, level: float) -> tuple[float, float, float]:
    """The median of the means of all two changes, and its interval."""
    from scipy.stats import norm

    n = len(changes)
    rows, columns = np.triu_indices(n)
    means = np.sort((changes[rows] + changes[columns]) / 2)
    width = norm.ppf((1 + level) / 2) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    first = max(0, math.floor(n * (n + 1) / 4 - width))
    return float(np.median(means)), float(means[first]), float(means[-1 - first])
