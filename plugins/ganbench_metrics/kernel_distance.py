"""Kernel distance between two sets of features (KID: Bińkowski et al. 2018, arXiv:1801.01401).

The unbiased estimate of the squared maximum mean discrepancy with k(x, y) = (x·y/d + 1)³, averaged
over random subsets. Unlike the Fréchet distance it is meaningful for small sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench_metrics.kernel_variance import FEWEST, KernelSums, VarianceMoments
from ganbench_metrics.matrices import SEED, both

_ELEMENTS_AT_ONCE = 2**23  # 64 MiB of fp64: bounds each block of kernels or gathered features
_ELEMENTS_IN_CACHE = 2**20  # a kernel is read six times, which is half as fast from main memory


def effective_subset_size(n_real: int, n_fake: int, subset_size: int = 1000) -> int:
    """The subset size that `kernel_distance` uses: at most the size of the smaller set."""
    return min(n_real, n_fake, subset_size)


@dataclass(frozen=True)
class KernelEstimate:
    """The kernel distance of two sets.

    :ivar mean: over subsets; may be slightly negative.
    :ivar std: population standard deviation over subsets; NaN unless `subsets_vary`.
    :ivar error: standard error of the mean, over other samples of both sides; NaN for too few
        samples.
    """

    mean: float
    std: float
    error: float


def kernel_distance(
    real_features: Any,
    fake_features: Any,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = SEED,
) -> tuple[float, float]:
    """Mean and standard deviation over subsets: `kernel_estimate` without its error."""
    found = kernel_estimate(real_features, fake_features, subsets, subset_size, seed)
    return found.mean, found.std


def kernel_estimate(
    real_features: Any,
    fake_features: Any,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = SEED,
) -> KernelEstimate:
    """The unbiased squared MMD, mean of random subsets.

    The subsets equal those of torch-fidelity with the same seed, the fake images as its first input and
    the real ones as its second. The deviation between them depends only on the subset size; it does not
    show the accuracy of the mean. The error does.

    :param real_features: (n, d) array or tensor.
    :param fake_features: (m, d), the same; the work is done in fp64 on its device.
    :param subsets: number of pairs of subsets, drawn without replacement within each.
    :param subset_size: samples in each; see `effective_subset_size`.
    :raises ValueError: for a wrong shape, differing d, non-finite values, fewer than 2 rows,
        ``subsets < 1`` or ``subset_size < 2``.
    """
    real, fake = both(real_features, fake_features, rows=2)
    if subsets < 1 or subset_size < 2:
        raise ValueError(f"need subsets >= 1 of size >= 2, got {subsets} of size {subset_size}")
    size = effective_subset_size(len(real), len(fake), subset_size)
    fake_drawn, real_drawn = draw_subsets(len(fake), len(real), subsets, size, seed)
    whole = few_enough(len(real), len(fake), subsets, size)
    estimate = _by_membership if whole else _by_subset
    distances, moments = estimate(
        real, fake, real_drawn.to(fake.device), fake_drawn.to(fake.device)
    )
    mean, std = summed_up(distances.tolist(), len(real), len(fake), size)
    return KernelEstimate(mean, std, _error(moments, len(real), len(fake), subsets, size))


def _error(
    moments: VarianceMoments | None, n_real: int, n_fake: int, subsets: int, size: int
) -> float:
    """Given the samples, the mean over all subsets is the estimate from all samples.

    So the variance of a subset's distance is that of this estimate and that between subsets, of which
    a mean of some subsets keeps a part.
    """
    if moments is None:
        return math.nan
    all_samples, subset = moments.variance(n_real, n_fake), moments.variance(size, size)
    return math.sqrt(all_samples + (subset - all_samples) / subsets)


def summed_up(
    distances: Sequence[float], n_real: int, n_fake: int, size: int
) -> tuple[float, float]:
    """Mean and population standard deviation over subsets; NaN for one that means nothing."""
    vary = subsets_vary(n_real, n_fake, len(distances), size)
    return float(np.mean(distances)), float(np.std(distances)) if vary else math.nan


def subsets_vary(n_real: int, n_fake: int, subsets: int, size: int) -> bool:
    """Whether subsets of both sides vary, so that the deviation between them means something.

    If a side has just ``size`` samples, every subset contains all of them, and the deviation ignores
    this side's randomness. If both sides do, or with a single subset, it is zero and looks like
    certainty.
    """
    return subsets > 1 and min(n_real, n_fake) > size


def few_enough(n_real: int, n_fake: int, subsets: int, size: int) -> bool:
    """Whether kernels of all pairs cost less than those of all subsets: until the sets grow large."""
    return max(n_real, n_fake) ** 2 <= subsets * size**2


def draw_subsets(
    n_first: int, n_second: int, subsets: int, size: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Row indices of the subsets of two sets, twice (subsets, size)."""
    random = np.random.RandomState(seed)
    drawn = np.empty((2, subsets, size), dtype=np.int64)
    for subset in range(subsets):
        for side, n in enumerate((n_first, n_second)):  # alternating, as in torch-fidelity
            drawn[side, subset] = random.choice(n, size, replace=False)
    return torch.from_numpy(drawn[0]), torch.from_numpy(drawn[1])


def _by_subset(
    real: Tensor, fake: Tensor, real_drawn: Tensor, fake_drawn: Tensor
) -> tuple[Tensor, VarianceMoments | None]:
    """Gather each subset's features, some subsets at a time."""
    size, d = real_drawn.shape[1], real.shape[1]
    most = _ELEMENTS_IN_CACHE if real.device.type == "cpu" else _ELEMENTS_AT_ONCE
    step = max(1, most // (size * max(size, d)))
    results, moments = [], []
    for rows, columns in zip(real_drawn.split(step), fake_drawn.split(step), strict=True):
        x, y = real[rows].double(), fake[columns].double()
        within_x, within_y, between = _within(x), _within(y), _between(x, y)
        results.append(_unbiased(within_x.total, within_y.total, between.total, size))
        if size >= FEWEST:
            moments.append(VarianceMoments.of(within_x, within_y, between))
    return torch.cat(results), VarianceMoments.mean_of(moments) if moments else None


def _by_membership(
    real: Tensor, fake: Tensor, real_drawn: Tensor, fake_drawn: Tensor
) -> tuple[Tensor, VarianceMoments | None]:
    """Evaluate each pair's kernel once; a subset's sum is sᵀKs for its 0/1 membership vector s."""
    x, y = real.double(), fake.double()
    in_x, in_y = _membership(real_drawn, len(x)), _membership(fake_drawn, len(y))
    of_x, within_x = _sums_of_subsets(x, x, in_x, in_x)
    of_y, within_y = _sums_of_subsets(y, y, in_y, in_y)
    across, between = _sums_of_subsets(x, y, in_x, in_y)
    moments = None
    if min(len(x), len(y)) >= FEWEST:
        moments = VarianceMoments.of(within_x, within_y, between)
    return _unbiased(of_x, of_y, across, real_drawn.shape[1]), moments


def _membership(drawn: Tensor, n: int) -> Tensor:
    """(n, subsets) of 0 and 1."""
    zeros = torch.zeros(len(drawn), n, dtype=torch.float64, device=drawn.device)
    return zeros.scatter_(1, drawn, 1.0).mT.contiguous()


def _sums_of_subsets(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor) -> tuple[Tensor, KernelSums]:
    """(subsets,) kernel sums over the pairs of each subset, and those over all pairs.

    Some rows of the kernel at a time. Within one set, a sample does not pair with itself.
    """
    members = torch.cat([in_y, torch.ones_like(in_y[:, :1])], 1)  # plus one subset of all samples
    totals, rows = torch.zeros_like(in_x[0]), torch.empty_like(x[:, 0])
    columns, squares = torch.zeros_like(y[:, 0]), torch.zeros_like(y[0, 0])
    step = max(1, _ELEMENTS_AT_ONCE // len(y))
    for start in range(0, len(x), step):
        here = slice(start, start + step)
        kernel = _kernel(x[here], y)
        if x is y:
            kernel.diagonal(start).zero_()
        else:
            columns += in_x.new_ones(len(kernel)) @ kernel
        sums = kernel @ members
        totals += (sums[:, :-1] * in_x[here]).sum(0)
        rows[here] = sums[:, -1]
        squares += _squares(kernel)
    return totals, KernelSums(rows, rows if x is y else columns, squares)


def _within(z: Tensor) -> KernelSums:
    """Of the pairs of different samples of a set (…, n, d)."""
    kernel = _kernel(z, z)
    kernel.diagonal(dim1=-2, dim2=-1).zero_()
    rows = kernel.sum(-1)
    return KernelSums(rows, rows, _squares(kernel))


def _between(x: Tensor, y: Tensor) -> KernelSums:
    """Of the pairs of a sample of one set (…, n, d) and one of another (…, m, d)."""
    kernel = _kernel(x, y)
    return KernelSums(kernel.sum(-1), kernel.sum(-2), _squares(kernel))


def _squares(kernel: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(kernel, dim=(-2, -1))
    return norm.square()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.mT).div_(x.shape[-1]).add_(1).pow_(3)


def _unbiased(within_x: Tensor, within_y: Tensor, between: Tensor, size: int) -> Tensor:
    return (within_x + within_y) / (size * (size - 1)) - 2 * between / size**2
