"""The standard error of the kernel distance, against sums over samples and against simulations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from ganbench_metrics.kernel_distance import _between, _within, kernel_distance, kernel_estimate
from ganbench_metrics.kernel_variance import VarianceMoments


def samples(seed: int, n: int, shift: float = 0.0) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).gamma(2.0, 0.5, (n, 3)) + shift)


def mean_over(count: int, size: int, value) -> float:
    """Mean of a function of ``count`` different indices."""
    return float(np.mean([value(*chosen) for chosen in itertools.permutations(range(size), count)]))


def test_the_moments_are_means_over_different_samples():
    x, y = samples(1, 6), samples(2, 5, 0.3)
    kernels = [((a @ b.mT) / 3 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    kx, ky, kxy = (kernel.numpy() for kernel in kernels)
    found = VarianceMoments.of(_within(x), _within(y), _between(x, y))

    def witness_variance(k, across, n, m):
        one = mean_over(3, n, lambda i, a, b: k[i, a] * k[i, b])
        one_mean = mean_over(4, n, lambda i, a, j, b: k[i, a] * k[j, b])
        other = mean_over(
            2, m, lambda a, b: np.mean([across[i, a] * across[i, b] for i in range(n)])
        )
        other_mean = mean_over(
            2, m, lambda a, b: mean_over(2, n, lambda i, j: across[i, a] * across[j, b])
        )
        both = mean_over(2, n, lambda i, a: k[i, a] * across[i].mean())
        both_mean = mean_over(3, n, lambda i, a, j: k[i, a] * across[j].mean())
        return (one - one_mean) + (other - other_mean) - 2 * (both - both_mean)

    assert float(found.witness_x) == pytest.approx(witness_variance(kx, kxy, 6, 5))
    assert float(found.witness_y) == pytest.approx(witness_variance(ky, kxy.T, 5, 6))
    square = mean_over(2, 6, lambda i, j: kx[i, j] ** 2)
    shared = mean_over(3, 6, lambda i, a, b: kx[i, a] * kx[i, b])
    apart = mean_over(4, 6, lambda i, a, j, b: kx[i, a] * kx[j, b])
    assert float(found.within_x) == pytest.approx(square - 2 * shared + apart)


def normal(seed: int, n: int, shift: float = 0.0) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randn(n, 8) / 2 + shift)


@pytest.mark.parametrize("shift", [0.0, 0.2], ids=["equal distributions", "other ones"])
@pytest.mark.parametrize(
    ("n", "m", "subsets", "size"),
    [(60, 90, 40, 30), (60, 90, 5, 20), (50, 50, 3, 1000)],
    ids=["by membership", "by subset", "whole"],
)
def test_the_error_is_the_deviation_between_other_samples(n, m, subsets, size, shift):
    found = [
        kernel_estimate(normal(2 * seed, n), normal(2 * seed + 1, m, shift), subsets, size, seed)
        for seed in range(400)
    ]
    deviation = np.std([estimate.mean for estimate in found], ddof=1)
    errors = np.array([estimate.error for estimate in found])
    assert np.mean(errors) == pytest.approx(deviation, rel=0.2)
    assert np.median(errors) == pytest.approx(deviation, rel=0.1)
    assert (
        errors.min() > deviation / 4
    )  # never near the certainty that a negative variance would be


def test_both_ways_of_summing_give_one_error():
    """With subsets of all samples, the moments of subsets are those of all."""
    x, y = samples(1, 50), samples(2, 50, 0.4)
    whole = kernel_estimate(x, y, subsets=1, subset_size=50)
    by_subset = VarianceMoments.of(_within(x), _within(y), _between(x, y)).variance(50, 50)
    assert whole.error == pytest.approx(math.sqrt(by_subset))
    assert kernel_distance(x, y, 1, 50)[0] == whole.mean


def test_more_samples_are_more_exact_and_three_tell_nothing():
    errors = [kernel_estimate(samples(1, n), samples(2, n, 1.0)).error for n in (100, 400, 1600)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.4)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.4)
    assert math.isnan(kernel_estimate(samples(1, 3), samples(2, 100)).error)
    assert math.isnan(kernel_estimate(samples(1, 100), samples(2, 90), 200, 3).error)
