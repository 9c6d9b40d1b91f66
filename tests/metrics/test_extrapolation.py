"""The Fréchet distance extrapolated to infinitely many samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganbench import Moments
from ganbench_metrics.extrapolation import extrapolate
from ganbench_metrics.frechet import Reference, frechet_distance


def normal(seed: int, n: int, d: int = 8) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_extrapolated_distance_loses_the_bias_of_few_samples():
    """Of samples from the reference's own distribution the true distance is 0."""
    reference = Reference.from_moments(
        Moments(10**9, torch.zeros(8).double(), torch.eye(8).double())
    )
    estimates, biased = [], []
    for seed in range(8):
        features = normal(seed, 1200)
        found = extrapolate(reference, features)
        assert found is not None
        assert (found.sizes[0], found.sizes[-1], len(found.sizes)) == (600, 1200, 15)
        estimates.append(found.intercept)
        biased.append(found.distances[-1])
    assert abs(np.mean(estimates)) < np.mean(biased) / 3
    slope, intercept = np.polyfit(1 / np.array(found.sizes), found.distances, 1)
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept))
    whole = frechet_distance(normal(99, 200_000), features)
    assert found.distances[-1] == pytest.approx(whole, abs=0.005)


def test_too_few_samples_are_not_extrapolated():
    reference = Reference.from_features(normal(0, 50))
    assert extrapolate(reference, normal(1, 30)) is None
    assert extrapolate(reference, normal(1, 0)) is None
    assert extrapolate(reference, normal(1, 41), steps=30) is None  # of 22 sizes
