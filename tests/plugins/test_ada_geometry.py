"""Which geometric transformations ADA draws, and how strong they are."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench_augmentations.draws import Draws
from ganbench_augmentations.geometry import blit, general, identity
from ganbench_augmentations.resampling import copied

MANY = 40_000


def draws(count: int = MANY) -> Draws:
    images = torch.zeros(count, 1, 1, 1, dtype=torch.float64)
    return Draws(images, torch.Generator().manual_seed(0))


def always(share: float = 1.0) -> Tensor:
    return torch.tensor(share)


def chosen_share(maps: Tensor, same: Tensor) -> float:
    """The share of maps that differ from others."""
    return (maps != same).flatten(1).any(1).double().mean().item()


def test_with_probability_0_nothing_moves() -> None:
    eye = identity(torch.zeros(100, 1, 1, 1, dtype=torch.float64))
    maps, changed = general(draws(100), always(0.0), 8, 8)
    assert torch.equal(maps, eye)
    assert not changed.any()
    assert torch.equal(blit(draws(100), always(0.0), 8, 8).double(), eye)


@pytest.mark.parametrize("width", [8, 9])
def test_blitting_reflects_turns_and_shifts_each_as_often_as_the_paper_says(width: int) -> None:
    """Images that are not square are turned by 180 degrees only."""
    image = torch.rand(1, 2, 8, width, generator=torch.Generator().manual_seed(0)).double()
    maps = blit(draws(8000), always(), 8, width)
    images = copied(image.expand(8000, -1, -1, -1), maps)
    left = 1.0
    for flip, quarters in itertools.product((False, True), range(0, 4, 1 if width == 8 else 2)):
        turned = (image.flip(3) if flip else image).rot90(quarters, (2, 3))
        mirrored = F.pad(turned, (1, 1, 1, 1), mode="reflect")
        for down, right in itertools.product((-1, 0, 1), (-1, 0, 1)):
            moved = mirrored[..., 1 - down : 9 - down, 1 - right : width + 1 - right]
            frequency = (images == moved).flatten(1).all(1).double().mean().item()
            # Of U(-1, 1), a quarter is rounded to either side; of U(-9/8, 9/8), 5/18.
            down_share = 0.25 if down else 0.5
            right_share = (1 - 8 / width / 2) / 2 if right else 8 / width / 2
            share = down_share * right_share / (8 if width == 8 else 4)
            assert frequency == pytest.approx(share, abs=0.015)
            left -= frequency
    assert left == pytest.approx(0, abs=1e-9)


def test_strengths_have_the_distributions_of_the_paper() -> None:
    """A map is M x - M t: M = rotations, 1/scale and the stretch; t is the translation."""
    maps, changed = general(draws(), always(), 20, 40)
    assert changed.all()
    linear, offset = maps[:, :2, :2], maps[:, :2, 2]
    scale = -linear.det().log() / 2
    assert scale.mean().item() == pytest.approx(0, abs=0.003)
    assert scale.std().item() == pytest.approx(0.2 * math.log(2), rel=0.02)
    values = torch.linalg.svdvals(linear)
    stretch = (values[:, 0] / values[:, 1]).log() / 2
    assert stretch.square().mean().sqrt().item() == pytest.approx(0.2 * math.log(2), rel=0.02)
    shift = -torch.linalg.solve(linear, offset)
    assert shift.mean(0).tolist() == pytest.approx([0, 0], abs=0.1)
    assert shift.std(0).tolist() == pytest.approx([40 / 8, 20 / 8], rel=0.02)
    angle = torch.atan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
    assert angle.mean().item() == pytest.approx(0, abs=0.05)
    assert angle.std().item() == pytest.approx(math.pi / math.sqrt(3), rel=0.02)
    # The two rotations are independent: turning first about a stretched axis, then the result.
    left, _, right = torch.linalg.svd(linear)
    for factor in (left, right):
        direction = torch.atan2(factor[:, 1, 0], factor[:, 0, 0]).remainder(math.pi)
        assert direction.std().item() == pytest.approx(math.pi / math.sqrt(12), rel=0.03)


def test_each_transformation_comes_with_probability_p_and_the_two_rotations_together() -> None:
    maps, changed = general(draws(), always(0.3), 16, 16)
    linear, offset = maps[:, :2, :2], maps[:, :2, 2]
    volume = linear.det()
    scaled = (volume - 1).abs() > 1e-12
    unit = linear / volume.sqrt()[:, None, None]
    stretched = (unit.square().sum((1, 2)) - 2).abs() > 1e-10
    moved = offset.abs().amax(1) > 0
    turned = (linear[:, 0, 1].abs() + linear[:, 1, 0].abs()) > 0
    for happened in (scaled, stretched, moved, turned):
        assert happened.double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert torch.equal(changed, scaled | stretched | moved | turned)
    assert changed.double().mean().item() == pytest.approx(1 - 0.7**4, abs=0.01)


def test_a_quarter_turn_has_no_rounding_error() -> None:
    maps = blit(draws(500), always(), 1, 1)
    assert set(maps.unique().tolist()) == {-1.0, 0.0, 1.0}
