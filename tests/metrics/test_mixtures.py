from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganbench_metrics.mixtures import mixture_statistics

GRID = torch.cartesian_prod(torch.arange(-4.0, 5, 2), torch.arange(-4.0, 5, 2))


def test_a_perfect_sampler_reaches_the_known_ceilings() -> None:
    generator = torch.Generator().manual_seed(0)
    n = 100_000
    mode = torch.randint(25, (n,), generator=generator)
    samples = GRID[mode] + 0.05 * torch.randn(n, 2, generator=generator)
    result = mixture_statistics(samples, GRID, 0.05)
    assert result["modes"] == 25
    assert result["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=1.5e-3)
    assert result["reverse_kl"] == pytest.approx(24 / (2 * n), rel=1)


def test_modes_quality_and_divergence_of_a_sample_counted_by_hand() -> None:
    centers = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    samples = np.array([[0.1, 0], [0, 2.9], [-1, -1], [10, 1], [7, 0], [5, 5], [np.nan, 0]])
    result = mixture_statistics(samples, centers, sigma=1)
    assert result["modes"] == 2  # three samples at the first, one at the second
    assert result["high_quality"] == 4 / 7  # (7, 0) lies on the boundary, which is outside
    expected = 0.75 * math.log(0.75 * 4) + 0.25 * math.log(0.25 * 4)
    assert result["reverse_kl"] == pytest.approx(expected)


def test_a_collapsed_sampler_has_the_largest_divergence() -> None:
    result = mixture_statistics(GRID[:1].repeat(100, 1), GRID, 0.05)
    assert result == {"modes": 1, "high_quality": 1.0, "reverse_kl": pytest.approx(math.log(25))}


def test_samples_far_from_every_mode_have_no_divergence() -> None:
    result = mixture_statistics(GRID + 1, GRID, 0.05)
    assert (result["modes"], result["high_quality"]) == (0, 0.0)
    assert math.isnan(result["reverse_kl"])


def test_the_radius_is_in_units_of_sigma() -> None:
    samples = torch.tensor([[0.0, 0.25], [0.0, 0.15]])
    counts = [
        mixture_statistics(samples, GRID, 0.1, radius)["high_quality"] for radius in (1, 2, 3)
    ]
    assert counts == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("samples", "sigma", "message"),
    [
        (np.zeros((4, 3)), 1.0, "dimensions differ"),
        (np.zeros((0, 2)), 1.0, "at least 1 rows"),
        (np.zeros((4, 2)), 0.0, "positive"),
        (np.zeros((4, 2)), math.nan, "positive"),
    ],
)
def test_wrong_input_is_named(samples: np.ndarray, sigma: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixture_statistics(samples, GRID, sigma)
