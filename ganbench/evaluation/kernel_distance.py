"""Kernel distance between two sets of features (KID: Bińkowski et al. 2018, arXiv:1801.01401).

The unbiased estimate of the squared maximum mean discrepancy with k(x, y) = (x·y/d + 1)³, averaged
over random subsets. Unlike the Fréchet distance it is meaningful for small sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench.evaluation.frechet import feature_matrix, same_width

_ELEMENTS_AT_ONCE = 2**23  # 64 MiB of fp64: bounds each block of kernels or gathered features


def effective_subset_size(n_real: int, n_fake: int, subset_size: int = 1000) -> int:
    """The subset size that `kernel_distance` uses: no subset is larger than the smaller set."""
    return min(n_real, n_fake, subset_size)


def kernel_distance(
    real_features: Any,
    fake_features: Any,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 2020,
) -> tuple[float, float]:
    """Mean and standard deviation of the unbiased squared MMD over random subsets.

    The subsets are those that torch-fidelity draws from the same seed. The deviation between them
    shrinks with the subset size alone and is no confidence interval of the mean.

    :param real_features: (n, d) array or tensor.
    :param fake_features: (m, d), the same; the work is done in fp64 on its device.
    :param subsets: how many pairs of subsets, without replacement within each.
    :param subset_size: samples in each; see `effective_subset_size`.
    :returns: mean, which may be slightly negative, and population standard deviation, NaN where
        `subsets_vary` says that there is none.
    :raises ValueError: for a wrong shape, differing d, non-finite values, fewer than 2 rows,
        ``subsets < 1`` or ``subset_size < 2``.
    """
    fake = feature_matrix(fake_features, "fake_features", rows=2)
    real = feature_matrix(real_features, "real_features", rows=2).to(fake.device)
    same_width(real, fake)
    if subsets < 1 or subset_size < 2:
        raise ValueError(f"need subsets >= 1 of size >= 2, got {subsets} of size {subset_size}")
    size = effective_subset_size(len(real), len(fake), subset_size)
    real_drawn, fake_drawn = draw_subsets(len(real), len(fake), subsets, size, seed)
    whole = few_enough(len(real), len(fake), subsets, size)
    estimate = _by_membership if whole else _by_subset
    distances = estimate(real, fake, real_drawn.to(fake.device), fake_drawn.to(fake.device))
    return summed_up(distances.tolist(), len(real), len(fake), size)


def summed_up(
    distances: Sequence[float], n_real: int, n_fake: int, size: int
) -> tuple[float, float]:
    """Mean and population standard deviation over subsets; NaN for one that means nothing."""
    vary = subsets_vary(n_real, n_fake, len(distances), size)
    return float(np.mean(distances)), float(np.std(distances)) if vary else math.nan


def subsets_vary(n_real: int, n_fake: int, subsets: int, size: int) -> bool:
    """Whether subsets of both sides vary, so that the deviation between them means something.

    A side of ``size`` samples is in every subset whole. The deviation then holds nothing of this
    side's chance; where both sides are whole it is zero, which looks like certainty. So does that of
    a single subset.
    """
    return subsets > 1 and min(n_real, n_fake) > size


def few_enough(n_real: int, n_fake: int, subsets: int, size: int) -> bool:
    """Whether kernels of all pairs cost less than those of all subsets: until the sets grow large."""
    return max(n_real, n_fake) ** 2 <= subsets * size**2


def subset_distance(real: Tensor, fake: Tensor) -> float:
    """The unbiased squared MMD between two sets (n, d) of equal size, in fp64."""
    x, y = real.double(), fake.double()
    within = [_kernel(z, z).sum() - _self_kernel(z).sum() for z in (x, y)]
    return float(_unbiased(within[0], within[1], _kernel(x, y).sum(), len(x)))


def draw_subsets(
    n_real: int, n_fake: int, subsets: int, size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Row indices of the subsets, twice (subsets, size)."""
    random = np.random.RandomState(seed)
    drawn = np.empty((2, subsets, size), dtype=np.int64)
    for subset in range(subsets):
        for side, n in enumerate((n_real, n_fake)):  # alternating, as in torch-fidelity
            drawn[side, subset] = random.choice(n, size, replace=False)
    return torch.from_numpy(drawn[0]), torch.from_numpy(drawn[1])


def _by_subset(real: Tensor, fake: Tensor, real_drawn: Tensor, fake_drawn: Tensor) -> Tensor:
    """Gather each subset's features, some subsets at a time."""
    size, d = real_drawn.shape[1], real.shape[1]
    step = max(1, _ELEMENTS_AT_ONCE // (size * max(size, d)))
    results = []
    for rows, columns in zip(real_drawn.split(step), fake_drawn.split(step), strict=True):
        x, y = real[rows].double(), fake[columns].double()
        within = [_kernel(z, z).sum((1, 2)) - _self_kernel(z).sum(1) for z in (x, y)]
        results.append(_unbiased(within[0], within[1], _kernel(x, y).sum((1, 2)), size))
    return torch.cat(results)


def _by_membership(real: Tensor, fake: Tensor, real_drawn: Tensor, fake_drawn: Tensor) -> Tensor:
    """Evaluate each pair's kernel once; a subset's sum is sᵀKs for its 0/1 membership vector s."""
    x, y = real.double(), fake.double()
    in_x, in_y = _membership(real_drawn, len(x)), _membership(fake_drawn, len(y))
    within_x = _sums(x, x, in_x, in_x) - _self_kernel(x) @ in_x
    within_y = _sums(y, y, in_y, in_y) - _self_kernel(y) @ in_y
    return _unbiased(within_x, within_y, _sums(x, y, in_x, in_y), real_drawn.shape[1])


def _membership(drawn: Tensor, n: int) -> Tensor:
    """(n, subsets) of 0 and 1."""
    zeros = torch.zeros(len(drawn), n, dtype=torch.float64, device=drawn.device)
    return zeros.scatter_(1, drawn, 1.0).mT.contiguous()


def _sums(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor) -> Tensor:
    """Kernel sum over the pairs of each subset, (subsets,), some rows of the kernel at a time."""
    step = max(1, _ELEMENTS_AT_ONCE // len(y))
    total = torch.zeros_like(in_x[0])
    for rows, members in zip(x.split(step), in_x.split(step), strict=True):
        total += ((_kernel(rows, y) @ in_y) * members).sum(0)
    return total


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT).div_(x.shape[-1]).add_(1).pow_(3)


def _self_kernel(x: Tensor) -> Tensor:
    return (x.square().sum(-1) / x.shape[-1] + 1).pow(3)


def _unbiased(within_x: Tensor, within_y: Tensor, between: Tensor, size: int) -> Tensor:
    return (within_x + within_y) / (size * (size - 1)) - 2 * between / size**2
