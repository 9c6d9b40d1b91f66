from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from ganbench import MomentAccumulator, Moments
from ganbench_metrics.frechet import (
    Reference,
    distance_between,
    distance_to_reference,
    frechet_distance,
)


def correlated(n: int, d: int, seed: int, scale: float = 1.0) -> np.ndarray:
    """Features whose spectrum decays by four orders of magnitude, as real ones do."""
    random = np.random.RandomState(seed)
    axes = np.linalg.qr(np.random.RandomState(99).randn(d, d))[0]
    return random.randn(n, d) * scale * np.logspace(0, -2, d) @ axes + 0.1 * random.rand()


def by_matrix_root(x: np.ndarray, y: np.ndarray) -> float:
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root.real))


def by_singular_values(x: np.ndarray, y: np.ndarray) -> float:
    """tr (Σ₁Σ₂)^½ is the nuclear norm of XYᵀ: exact whatever the ranks."""
    a = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    b = (y - y.mean(0)) / np.sqrt(len(y) - 1)
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return float(shift + (a**2).sum() + (b**2).sum() - 2 * overlap)


@pytest.mark.parametrize("spectrum", [[4.0, 1.0, 0.25], [4.0, 1.0, 0.0]], ids=["full", "singular"])
@pytest.mark.parametrize("rotated", [False, True])
def test_gaussians_with_commuting_covariances_have_the_closed_form(
    spectrum: list[float], rotated: bool
) -> None:
    a, b = torch.tensor(spectrum).double(), torch.tensor([1.0, 9.0, 0.04]).double()
    axes = torch.linalg.qr(torch.arange(9.0).reshape(3, 3).cos().double()).Q
    axes = axes if rotated else torch.eye(3).double()
    shift = torch.tensor([0.5, 0.0, -1.0]).double()
    first = Moments(1000, torch.zeros(3).double(), axes @ a.diag() @ axes.T)
    second = Moments(1000, shift, axes @ b.diag() @ axes.T)
    expected = shift.square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    assert distance_between(Reference.from_moments(first), second) == pytest.approx(float(expected))


def test_it_equals_the_matrix_square_root() -> None:
    x, y = correlated(400, 24, 1), correlated(300, 24, 2, scale=1.3)
    assert frechet_distance(x, y) == pytest.approx(by_matrix_root(x, y), rel=1e-9)


def test_it_equals_torch_fidelity() -> None:
    x = np.random.RandomState(1).gamma(2.0, 1.0, (300, 16))
    y = np.random.RandomState(2).gamma(2.0, 1.0, (260, 16)) * 1.1
    recorded = 2.4023876973780602  # fid_statistics_to_metric of torch-fidelity 0.4.0
    assert frechet_distance(x, y) == pytest.approx(recorded, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(20, 30), (20, 200), (200, 20), (64, 64), (65, 200), (2, 2)])
def test_it_is_exact_with_fewer_samples_than_features(n: int, m: int) -> None:
    x, y = correlated(n, 64, 1), correlated(m, 64, 2, scale=1.3)
    expected = by_singular_values(x, y)
    assert frechet_distance(x, y) == pytest.approx(expected, abs=1e-7)
    assert frechet_distance(y, x) == pytest.approx(expected, abs=1e-7)
    from_moments = Reference.from_moments(Moments.from_features(x))
    assert distance_between(from_moments, Moments.from_features(y)) == pytest.approx(
        expected, abs=1e-7
    )


@pytest.mark.parametrize("n", [10, 40, 90])
def test_one_reference_serves_any_number_of_samples(n: int) -> None:
    x, y = correlated(500, 40, 1), correlated(n, 40, 2)
    reference = Reference.from_features(x)
    torch.testing.assert_close(reference.root @ reference.root.mT, reference.moments.cov)
    assert distance_to_reference(reference, y) == pytest.approx(by_singular_values(x, y), abs=1e-7)


def test_a_feature_that_never_fires_does_no_harm() -> None:
    x, y = correlated(200, 16, 1), correlated(200, 16, 2)
    dead = np.zeros((200, 3))
    assert frechet_distance(np.hstack([x, dead]), np.hstack([y, dead])) == pytest.approx(
        frechet_distance(x, y), rel=1e-6
    )


@pytest.mark.parametrize("n", [30, 300])
def test_equal_sets_are_at_zero_in_any_order(n: int) -> None:
    x = correlated(n, 64, 3)
    for other in (x, x[::-1]):
        assert 0 <= frechet_distance(x, other) < 1e-6


def test_rounding_never_takes_a_distance_below_zero() -> None:
    random = np.random.default_rng(0)
    for trial in range(40):
        n, d = random.integers(2, 40, 2)
        x = random.normal(size=(n, d)) * 10.0 ** random.uniform(-6, 6)
        assert frechet_distance(x, x[random.permutation(n)] if trial % 2 else x) >= 0


def test_streamed_moments_survive_a_mean_far_above_the_spread() -> None:
    x = (correlated(500, 8, 1) + 3e3).astype(np.float32)
    accumulator = MomentAccumulator()
    for batch in torch.from_numpy(x).split(64):
        accumulator.update(batch)
    accumulator.update(torch.empty(0, 8))
    moments = accumulator.moments()
    exact = x.astype(np.float64) - 3e3
    assert moments.n == 500
    np.testing.assert_allclose(moments.mean.numpy() - 3e3, exact.mean(0), atol=1e-9)
    np.testing.assert_allclose(moments.cov.numpy(), np.cov(exact, rowvar=False), atol=1e-12)


def test_any_kind_of_number_and_array_will_do() -> None:
    whole = np.random.RandomState(0).randint(-9, 9, (50, 3))
    frozen = whole.astype(np.float32)
    frozen.setflags(write=False)
    expected = by_matrix_root(whole[:30], whole[20:])
    for kind in (whole, frozen, whole.astype(">f8"), torch.tensor(whole).bfloat16()):
        assert frechet_distance(kind[:30], kind[20:]) == pytest.approx(expected)
    assert frechet_distance(whole[:30].tolist(), whole[20:][::-1]) == pytest.approx(expected)
    assert frechet_distance(whole[:30, :1], whole[20:, :1]) == pytest.approx(
        (whole[:30, 0].mean() - whole[20:, 0].mean()) ** 2
        + (whole[:30, 0].std(ddof=1) - whole[20:, 0].std(ddof=1)) ** 2
    )


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros(8), "shape"),
        (np.zeros((8, 4, 1)), "shape"),
        (np.zeros((8, 0)), "shape"),
        (np.zeros((1, 4)), "at least 2 rows"),
        (np.zeros((8, 5)), "dimensions differ"),
        (np.full((8, 4), np.nan), "32 of 32"),
        (torch.full((8, 4), torch.inf), "finite"),
        (np.zeros((8, 4), complex), "real numbers"),
        (np.array([["a"] * 4] * 8), "real numbers"),
    ],
)
def test_wrong_features_are_named(features: object, message: str) -> None:
    good = correlated(8, 4, 0)
    with pytest.raises(ValueError, match=message):
        frechet_distance(good, features)
    with pytest.raises(ValueError, match=message):
        frechet_distance(features, good)


def test_moments_of_too_little_or_of_infinities_are_refused() -> None:
    accumulator = MomentAccumulator()
    with pytest.raises(ValueError, match="at least 2"):
        accumulator.moments()
    accumulator.update(torch.full((4, 2), torch.inf))
    with pytest.raises(ValueError, match="finite"):
        accumulator.moments()
