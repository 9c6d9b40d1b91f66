"""Clipped density and clipped coverage (Salvy et al. 2025, arXiv:2507.01761).

Density and coverage with a limited weight for each sample, on scales where a value means the share of
good samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench_metrics.distances import ROUNDING, centered, rows_at_once, squared_distances
from ganbench_metrics.manifolds import neighbour_radii
from ganbench_metrics.matrices import both


def clipped_prdc(
    real_features: Any, fake_features: Any, k: int = 5, *, real_radii: Tensor | None = None
) -> dict[str, float]:
    """Both shares, in fp64 on the fake features' device and in bounded memory.

    :param real_features: (n, d) array or tensor.
    :param fake_features: (m, d), the same, m >= k.
    :param k: which neighbor bounds a ball, not counting the sample itself.
    :param real_radii: ``neighbour_radii(real_features, k)``, where it is known already.
    :returns: ``clipped_density``, the share of good fakes, and ``clipped_coverage``, the share of good
        fakes that would cover as much; both in [0, 1].
    :raises ValueError: for a wrong shape, differing d, non-finite values, m < k, or k outside
        1 … n - 1.
    """
    real, fake = both(real_features, fake_features)
    if len(fake) < k:
        raise ValueError(f"fake_features must have at least k = {k} rows, got {len(fake)}")
    radii = neighbour_radii(real, k) if real_radii is None else real_radii.to(fake.device)
    return {
        "clipped_density": clipped_density(real, fake, radii, k),
        "clipped_coverage": clipped_coverage(real, fake, radii, k),
    }


def clipped_density(real: Tensor, fake: Tensor, radii: Tensor, k: int) -> float:
    """The number of real balls that hold a fake (at most k), relative to the number for real samples.

    Balls are no larger than the median one, so that those of outliers do not reach far.
    """
    reach = radii.minimum(radii.quantile(0.5)).square()
    of_fake = _balls_around(fake, real, reach) / k
    of_real = (_balls_around(real, real, reach) - 1) / k  # except its own
    share = of_fake.clamp_max(1).mean() / of_real.clamp_max(1).mean()
    return min(1.0, float(share))


def clipped_coverage(real: Tensor, fake: Tensor, radii: Tensor, k: int) -> float:
    """The number of fakes in a real ball (at most k), as the share of good fakes that gives it."""
    reach, columns, rows = radii.square(), centered(fake, real), centered(real, real)
    counts = []
    step = rows_at_once(columns)
    for part, bound in zip(rows.split(step), reach.split(step), strict=True):
        squared, scale = squared_distances(part, columns)
        inside = squared + ROUNDING * scale < bound[:, None]
        counts.append(inside.sum(1).clamp_max(k))
    found = float(torch.cat(counts).double().mean()) / k
    return _share_that_covers(found, expected_coverage(len(real), len(fake), k))


def expected_coverage(n: int, m: int, k: int) -> np.ndarray:
    """The expected coverage of 0 … m samples of the same distribution: E[min(J, k)] / k, ascending.

    The number J of those in the ball of one of n real samples is beta-binomial with parameters k and
    n - k. Fewer than k samples cover nothing, as in the paper's code.
    """
    from scipy.special import betaln, gammaln

    count = np.arange(m + 1, dtype=float)
    missing = np.zeros(m + 1)
    for j in range(k):  # E[min(J, k)] = k - Σ (k - j) P(J = j)
        with np.errstate(divide="ignore", invalid="ignore"):
            ways = gammaln(count + 1) - gammaln(j + 1) - gammaln(count - j + 1)
            chance = np.exp(ways + betaln(k + j, n - k + count - j) - betaln(k, n - k))
        missing += (k - j) * np.where(count >= j, chance, 0)
    return np.where(count >= k, 1 - missing / k, 0)


def _share_that_covers(found: float, expected: np.ndarray) -> float:
    return float(np.searchsorted(expected, found)) / len(expected)


def _balls_around(points: Tensor, real: Tensor, reach: Tensor) -> Tensor:
    """(len(points),) how many real balls each point lies in, their edge included."""
    columns, rows = centered(points, real), centered(real, real)
    total = torch.zeros(len(points), dtype=torch.float64, device=points.device)
    step = rows_at_once(columns)
    for part, bound in zip(rows.split(step), reach.split(step), strict=True):
        squared, scale = squared_distances(part, columns)
        total += (squared <= bound[:, None] + ROUNDING * scale).sum(0)
    return total
