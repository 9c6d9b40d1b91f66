"""Clipped density and coverage, against the definitions with scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import betabinom
from sklearn.neighbors import NearestNeighbors

import ganbench as gb
from ganbench.testing import feature_set
from ganbench_metrics import distances as module
from ganbench_metrics.clipped_manifolds import clipped_prdc, expected_coverage


def normal(seed: int, n: int, d: int = 4, scale: float = 1.0) -> np.ndarray:
    return np.random.RandomState(seed).randn(n, d) * scale


def coverage_of(n: int, m: int, k: int) -> float:
    """E[min(J, k)] / k from SciPy's distribution."""
    j = np.arange(m + 1)
    return float((np.minimum(j, k) * betabinom(m, k, n - k).pmf(j)).sum() / k) if m >= k else 0.0


def by_library(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    distances, neighbours = NearestNeighbors(n_neighbors=k + 1).fit(real).kneighbors(real)
    radii = distances[:, -1]
    clipped = np.minimum(radii, np.median(radii))
    between = np.sqrt(((real[:, None] - fake[None]) ** 2).sum(2))
    in_balls = np.minimum((between <= clipped[:, None]).sum(0) / k, 1).mean()
    inside = neighbours[:, 1:][distances[:, 1:] <= clipped[:, None]]
    best = np.minimum(np.bincount(inside, minlength=len(real)) / k, 1).mean()
    covered = (np.sort(between, 1)[:, :k] < radii[:, None]).mean()
    levels = [coverage_of(len(real), m, k) for m in range(len(fake) + 1)]
    return {
        "clipped_density": min(1.0, in_balls / best),
        "clipped_coverage": sum(level < covered for level in levels) / len(levels),
    }


@pytest.mark.parametrize("at_once", [100, 2**23], ids=["in blocks", "at once"])
@pytest.mark.parametrize("k", [1, 5])
def test_they_equal_the_definitions(monkeypatch, at_once, k):
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", at_once)
    real, fake = normal(1, 90), normal(2, 70, scale=1.2)
    assert clipped_prdc(real, fake, k) == pytest.approx(by_library(real, fake, k), abs=1e-12)


def test_the_expected_coverage_is_that_of_the_beta_binomial_distribution():
    levels = expected_coverage(60, 80, 5)
    assert levels == pytest.approx([coverage_of(60, m, 5) for m in range(81)], abs=1e-12)
    assert (np.diff(levels[5:]) > 0).all()


@pytest.mark.parametrize("share", [1.0, 0.6, 0.0])
def test_values_are_shares_of_good_samples(share):
    good = round(share * 1500)
    real, fake = normal(1, 1500), normal(2, 1500)
    fake[good:] += 100
    found = clipped_prdc(real, fake)
    assert found["clipped_density"] == pytest.approx(share, abs=0.04)
    assert found["clipped_coverage"] == pytest.approx(share, abs=0.04)


def test_an_outlier_among_the_real_samples_makes_bad_fakes_no_better():
    real, fake = normal(1, 500), normal(2, 500) + 20
    outlier = np.full((1, 4), 13.0)  # its ball reaches to the real samples, and so to all fakes
    before, after = (clipped_prdc(x, fake) for x in (real, np.concatenate([real, outlier])))
    assert after["clipped_density"] == before["clipped_density"] == 0
    assert gb.prdc(np.concatenate([real, outlier]), fake)["precision"] == 1


def test_the_metric_takes_the_choice_of_prdc():
    real, fake = (torch.from_numpy(normal(seed, 90)) for seed in (1, 2))
    metric = gb.get("metric", "clipped-prdc[k=3,samples=50]")
    found = metric.compute(feature_set(features=fake), metric.reference(feature_set(features=real)))
    rows = np.sort(np.random.RandomState(2020).choice(90, 50, replace=False))
    assert found.values == clipped_prdc(real[rows], fake[rows], 3)
    assert found.note == "k = 3, 50 fake and 50 real images"
    with pytest.raises(ValueError, match="at least k = 5 rows, got 4"):
        clipped_prdc(real, fake[:4])
