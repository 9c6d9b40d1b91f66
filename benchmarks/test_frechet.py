"""The Fréchet distance in 2048 dimensions, to a reference whose root is cached."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.linalg
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import median_seconds, synchronized
from ganbench import Moments
from ganbench_metrics.frechet import (
    Reference,
    distance_between,
    distance_to_reference,
)

pytestmark = pytest.mark.benchmark(timer=synchronized, group="frechet distance")

_DIMENSIONS = 2048
_SAMPLES = 4200  # more than dimensions, so that the reference is regular


@functools.cache
def _features(seed: int, count: int, device: torch.device) -> torch.Tensor:
    """(count, 2048) features whose spectrum falls as that of the Inception network's does."""
    random = torch.Generator().manual_seed(seed)
    scale = torch.arange(1, _DIMENSIONS + 1) ** -0.7
    features = torch.randn(count, _DIMENSIONS, generator=random) * scale
    return (features + 0.01 * seed).to(device)


@functools.cache
def _reference(device: torch.device) -> Reference:
    return Reference.from_features(_features(1, _SAMPLES, device))


@pytest.mark.parametrize("samples", [500, 1000, 3000])
def test_distance_of_features(
    benchmark: BenchmarkFixture, device: torch.device, samples: int
) -> None:
    """Fewer samples than dimensions make the eigenproblem smaller."""
    features = _features(2, samples, device)
    arguments = (_reference(device), features)
    distance = benchmark.pedantic(distance_to_reference, arguments, rounds=5, warmup_rounds=1)
    assert distance > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_distance_beside_scipy(benchmark: BenchmarkFixture, device: torch.device) -> None:
    """The matrix square root that most implementations take, on the CPU in the same process."""
    reference = _reference(device)
    moments = Moments.from_features(_features(2, 3000, device))
    ours = benchmark.pedantic(distance_between, (reference, moments), rounds=5, warmup_rounds=1)
    start = synchronized()
    theirs = _distance_by_sqrtm(reference.moments, moments)
    scipy_seconds = synchronized() - start
    assert ours == pytest.approx(theirs, rel=1e-4)
    benchmark.extra_info["scipy_seconds"] = scipy_seconds
    seconds = median_seconds(benchmark)
    if seconds is not None:
        benchmark.extra_info["scipy_ratio"] = scipy_seconds / seconds


def _distance_by_sqrtm(first: Moments, second: Moments) -> float:
    mean1, cov1 = first.mean.cpu().numpy(), first.cov.cpu().numpy()
    mean2, cov2 = second.mean.cpu().numpy(), second.cov.cpu().numpy()
    root = np.real(scipy.linalg.sqrtm(cov1 @ cov2))
    shift = np.square(mean1 - mean2).sum()
    return float(shift + np.trace(cov1) + np.trace(cov2) - 2 * np.trace(root))
