"""CMMD and the Vendi score, against their formulas on all pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import ganbench as gb
from ganbench.testing import feature_set
from ganbench_metrics import distances as module
from ganbench_metrics.eigenvalue_entropy import vendi_score
from ganbench_metrics.gaussian_mmd import gaussian_distance


def normal(seed: int, n: int, d: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        squared = ((a[:, None] - b[None]) ** 2).sum(2)
        return float(np.exp(-squared / 200).mean())

    return 1000 * (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))


@pytest.mark.parametrize("at_once", [100, 2**23], ids=["in blocks", "at once"])
def test_cmmd_is_its_formula(monkeypatch, at_once):
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", at_once)
    real, fake = normal(1, 40, 5), normal(2, 60, 5, shift=0.7)
    expected = by_pairs(real.double().numpy(), fake.double().numpy())
    assert gaussian_distance(real, fake) == pytest.approx(expected, rel=1e-8)
    metric = gb.get("metric", "cmmd[samples=40]")
    reference = metric.reference(feature_set(features=real))
    found = metric.compute(feature_set(features=fake[:40]), reference)
    assert found.values == {"cmmd": pytest.approx(gaussian_distance(real, fake[:40]))}


def test_cmmd_of_equal_sets_is_zero_and_never_negative():
    x = normal(1, 200, 16) + 30
    assert gaussian_distance(x, x.flip(0)) == pytest.approx(0, abs=1e-9)
    assert gaussian_distance(x, 5 * x) == pytest.approx(0, abs=1e-6)  # lengths are not seen


def test_of_one_distribution_cmmd_is_its_bias():
    """(1 - mean kernel)(1/n + 1/m) on average."""
    found = [gaussian_distance(normal(s, 50, 8), normal(s + 100, 80, 8)) for s in range(100)]
    one, other = normal(7, 3000, 8), normal(8, 3000, 8)
    squared = 2 - 2 * torch.nn.functional.cosine_similarity(one, other)
    bias = 1000 * float((1 - torch.exp(-squared / 200)).mean()) * (1 / 50 + 1 / 80)
    assert np.mean(found) == pytest.approx(bias, rel=0.05)


@pytest.mark.parametrize(("n", "d"), [(30, 7), (7, 30), (9000, 3)])
def test_vendi_is_the_entropy_of_the_kernels_eigenvalues(n, d):
    x = normal(1, n, d, shift=0.5)
    if n > 1000:  # the n by n kernel has the eigenvalues of the d by d one
        unit = (x / x.norm(dim=1, keepdim=True)).double()
        p = torch.linalg.svdvals(unit).square() / n
    else:
        unit = (x.double() / x.double().norm(dim=1, keepdim=True)).numpy()
        p = torch.from_numpy(np.linalg.eigvalsh(unit @ unit.T / n)).clamp_min(1e-300)
    expected = math.exp(float(-(p * p.log()).sum()))
    assert vendi_score(x) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("copies", [1, 10])
def test_vendi_counts_kinds_of_orthogonal_samples(copies):
    assert vendi_score(3 * torch.eye(5).repeat(copies, 1)) == pytest.approx(5)
    assert vendi_score(torch.ones(8, 5)) == pytest.approx(1)
    assert vendi_score(torch.cat([torch.eye(5), torch.zeros(3, 5)])) == pytest.approx(5)


def test_features_that_are_all_zero_have_no_diversity():
    with pytest.raises(ValueError, match="must not all be zero"):
        vendi_score(torch.zeros(4, 5))
    found = gb.get("metric", "vendi").compute(feature_set(features=torch.zeros(4, 5)), {})
    assert math.isnan(found.values["vendi"])
    assert found.reason == "all features are zero"
