from __future__ import annotations

import numpy as np
import pytest
import torch
from prdc import compute_prdc

from ganbench_metrics import distances as module
from ganbench_metrics.manifolds import neighbour_radii, prdc


def by_loops(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """The definitions, pair by pair, from exact differences."""

    def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.array([[np.sqrt(((a - b) ** 2).sum()) for b in y] for a in x])

    def radii(x: np.ndarray) -> np.ndarray:
        return np.sort(distances(x, x), axis=1)[:, k]  # place 0 is the sample itself

    between, real_radii, fake_radii = distances(real, fake), radii(real), radii(fake)
    in_real = between < real_radii[:, None]
    return {
        "precision": in_real.any(0).mean(),
        "recall": (between < fake_radii).any(1).mean(),
        "density": in_real.sum() / (k * len(fake)),
        "coverage": in_real.any(1).mean(),
    }


def gaussian(seed: int, n: int, d: int = 6, scale: float = 1.0) -> np.ndarray:
    return np.random.RandomState(seed).randn(n, d) * scale


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("at_once", [100, 2**23], ids=["in blocks", "at once"])
def test_it_equals_the_definitions(monkeypatch: pytest.MonkeyPatch, k: int, at_once: int) -> None:
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", at_once)
    real, fake = gaussian(1, 60), gaussian(2, 45, scale=0.8)
    assert prdc(real, fake, k) == pytest.approx(by_loops(real, fake, k), abs=1e-12)


def test_it_equals_the_authors_package() -> None:
    real, fake = gaussian(3, 300, 32), gaussian(4, 200, 32, scale=0.9)
    expected = compute_prdc(real, fake, nearest_k=5)
    assert prdc(real, fake) == pytest.approx({key: float(x) for key, x in expected.items()})


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_ties_and_copies_lie_outside_wherever_the_features_are(offset: float) -> None:
    # On a lattice most distances tie and some points are copies; quarters are exact at any offset.
    real = np.random.RandomState(5).randint(0, 4, (80, 3)).astype(float)
    fake = np.random.RandomState(6).randint(0, 4, (70, 3)).astype(float)
    expected = by_loops(real, fake, 2)
    assert prdc(real / 4 + offset, fake / 4 + offset, 2) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_set_against_itself_is_perfect(dtype: torch.dtype) -> None:
    x = torch.from_numpy(gaussian(7, 200, 64) + 50).to(dtype)
    perfect = {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}
    assert prdc(x, x.flip(0)) == perfect


def test_copies_have_no_radius() -> None:
    collapsed = np.repeat(gaussian(8, 3, 16) + 1e3, 20, axis=0)
    assert (neighbour_radii(collapsed, 5) == 0).all()
    shares = prdc(gaussian(9, 50, 16) + 1e3, collapsed, 5)
    assert shares["recall"] == 0


def test_known_radii_give_the_same_result() -> None:
    real, fake = gaussian(10, 50), gaussian(11, 40)
    assert prdc(real, fake, 3, real_radii=neighbour_radii(real, 3)) == prdc(real, fake, 3)
    with pytest.raises(ValueError, match=r"shape \(50,\)"):
        prdc(real, fake, 3, real_radii=torch.zeros(40))


@pytest.mark.parametrize(
    ("n", "m", "k", "message"),
    [
        (5, 9, 5, "5 rows of real_features"),
        (9, 5, 5, "5 rows of fake_features"),
        (9, 9, 0, "k must be at least 1"),
    ],
)
def test_k_must_leave_a_neighbour(n: int, m: int, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prdc(gaussian(0, n), gaussian(1, m), k)
