"""The squared MMD with a Gaussian kernel (CMMD: Jayasumana et al. 2024, arXiv:2401.09603)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganbench_metrics.distances import rows_at_once, squared_distances
from ganbench_metrics.matrices import both

_SIGMA = 10.0
_SCALE = 1000.0


def gaussian_distance(real_features: Any, fake_features: Any) -> float:
    """1000 times the squared MMD of features of length 1, with exp(-|x - y|² / 2·10²).

    The biased estimate, as in the paper's code: at least 0, and above it by about
    (1 - mean kernel)(1/n + 1/m) where the distributions are equal.

    :param real_features: (n, d) array or tensor.
    :param fake_features: (m, d), the same; the work is done in fp64 on its device.
    :raises ValueError: for a wrong shape, differing d or non-finite values.
    """
    real, fake = map(unit, both(real_features, fake_features))
    return distance(within(real), real, fake)


def distance(within_real: Tensor, real: Tensor, fake: Tensor) -> float:
    """As `gaussian_distance`, from `unit` features and what is `within` the real ones."""
    between = _mean_kernel(real, fake)
    return _SCALE * float(within_real.to(fake.device) + within(fake) - 2 * between)


def unit(features: Tensor) -> Tensor:
    """(n, d) fp64 of length 1; zero vectors stay zero."""
    return F.normalize(features.double(), dim=1)


def within(features: Tensor) -> Tensor:
    """() mean kernel of all pairs of a set, less 1."""
    return _mean_kernel(features, features)


def _mean_kernel(x: Tensor, y: Tensor) -> Tensor:
    # Less 1, which cancels in the distance: kernels lie so near to 1 that their digits would be lost.
    parts = x.split(rows_at_once(y))
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part in parts:
        squared, _ = squared_distances(part, y)
        total += torch.expm1(squared.clamp_min(0) / (-2 * _SIGMA**2)).sum()
    return total / (len(x) * len(y))
