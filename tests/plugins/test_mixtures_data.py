"""The mixtures of Gaussians as data sets."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import ganbench as gb

HERE = Path()


def measured(dataset: gb.Dataset, samples: torch.Tensor) -> dict[str, float]:
    modes = dataset.mixture()
    assert modes is not None
    return dict(gb.mixture_statistics(samples.flatten(1), modes.centers, modes.sigma))


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("gaussian-grid", 25)])
def test_real_points_reach_the_known_ceiling_of_their_own_statistics(name: str, modes: int) -> None:
    mixture = gb.get("dataset", name)
    data = mixture.load("train", HERE)
    assert data.images.shape == (100_000, 2, 1, 1)
    assert data.images.abs().max() <= 1
    assert data.spec == mixture.spec(HERE) == gb.DataSpec(2, 1, 1, kind="points")
    statistics = measured(mixture, data.images)
    assert statistics["modes"] == modes
    assert abs(statistics["high_quality"] - (1 - math.exp(-4.5))) < 2e-3
    assert statistics["reverse_kl"] < 1e-3


def test_the_scale_leads_back_to_the_coordinates_of_the_protocol() -> None:
    ring, grid = gb.get("dataset", "ring[n=4000]"), gb.get("dataset", "gaussian-grid[n=4000]")
    radii = (ring.load("train", HERE).images.squeeze() * ring.scale).norm(dim=1)
    assert abs(radii.mean() - 1) < 2e-3
    assert abs(radii.std() - 0.01) < 1e-3
    points = grid.load("train", HERE).images.squeeze() * grid.scale
    nearest = 2 * (points / 2).round()
    assert nearest.unique().tolist() == [-4, -2, 0, 2, 4]
    assert abs((points - nearest).std() - 0.05) < 2e-3


def test_splits_are_different_draws_and_each_is_the_same_every_time() -> None:
    ring = gb.get("dataset", "ring[n=100]")
    train, test = ring.load("train", HERE).images, ring.load("test", HERE).images
    assert torch.equal(train, ring.load("train", HERE).images)
    assert not bool(torch.isin(train, test).any())


def test_a_generator_that_found_one_mode_is_told_so() -> None:
    ring = gb.get("dataset", "ring")
    samples = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).repeat(10, 1, 1, 1) / ring.scale
    statistics = measured(ring, samples)
    assert statistics["modes"] == 1
    assert statistics["high_quality"] == 1
    assert statistics["reverse_kl"] == pytest.approx(math.log(8))


def test_options_change_the_mixture() -> None:
    assert len(gb.get("dataset", "ring[modes=3,radius=2.0]").centers()) == 3
    grid = gb.get("dataset", "gaussian-grid[side=2,spacing=1.0,sigma=0.1]")
    assert sorted(map(tuple, grid.centers().tolist())) == [
        (-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5),
    ]  # fmt: skip
    assert grid.scale == pytest.approx(1.5)
