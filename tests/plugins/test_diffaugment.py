"""DiffAugment against plain computations, one image at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import ganbench as gb
from ganbench import DataSpec
from ganbench.testing import AugmentationTests
from ganbench_augmentations.diffaugment import DiffAugment, translated


class TestDiffAugment(AugmentationTests):
    component = DiffAugment()
    data = (DataSpec(1, 8, 8), DataSpec(3, 9, 14))


class TestAnotherPolicy(AugmentationTests):
    component = DiffAugment(policy="translation+color", translation=0.3)
    data = (DataSpec(3, 8, 8),)


def augmented(augmentation: DiffAugment, images: Tensor, *, seed: int = 0) -> Tensor:
    return augmentation.apply(images, torch.Generator().manual_seed(seed), {})


def pictures(count: int, *shape: int) -> Tensor:
    return 2 * torch.rand(count, *shape, generator=torch.Generator().manual_seed(1)) - 1


def test_color_is_brightness_then_saturation_then_contrast() -> None:
    images = pictures(20, 3, 5, 4)
    random = torch.Generator().manual_seed(0)
    brightness, saturation, contrast = (torch.rand(20, generator=random) for _ in range(3))
    changed = augmented(DiffAugment(policy="color"), images)
    for i, image in enumerate(images):
        image = image + (brightness[i] - 0.5)
        grey = (image[0] + image[1] + image[2]) / 3
        image = grey + 2 * saturation[i] * (image - grey)
        mean = sum(image.flatten().tolist()) / image.numel()
        torch.testing.assert_close(changed[i], mean + (contrast[i] + 0.5) * (image - mean))


def test_a_grey_image_has_no_saturation_to_change() -> None:
    images = pictures(200, 1, 4, 4)
    changed = augmented(DiffAugment(policy="color"), images)
    centred = images - images.mean((1, 2, 3), keepdim=True)
    factors = (changed - changed.mean((1, 2, 3), keepdim=True)) / centred
    assert factors.flatten(1).std(1).max() < 1e-3
    assert factors.min() > 0.49
    assert factors.max() < 1.51
    shifts = (changed - images).mean((1, 2, 3))
    assert shifts.abs().max() <= 0.5
    assert shifts.std().item() == pytest.approx(12**-0.5, abs=0.04)


def test_translation_moves_by_whole_pixels_up_to_an_eighth_and_fills_with_zeros() -> None:
    image = pictures(1, 2, 8, 16)[0]
    changed = augmented(DiffAugment(policy="translation"), image.expand(2000, -1, -1, -1))
    padded = torch.zeros(2, 8 + 2, 16 + 4)
    padded[:, 1:9, 2:18] = image
    share = 0.0
    for down in (-1, 0, 1):
        for right in (-2, -1, 0, 1, 2):
            moved = padded[:, 1 - down : 9 - down, 2 - right : 18 - right]
            frequency = (changed == moved).flatten(1).all(1).float().mean().item()
            assert frequency == pytest.approx(1 / 15, abs=0.03)
            share += frequency
    assert share == pytest.approx(1)


def test_positive_shifts_go_down_and_to_the_right() -> None:
    image = torch.zeros(1, 1, 5, 6)
    image[0, 0, 1, 2] = 1
    moved = translated(image, torch.tensor([2]), torch.tensor([-1]))
    assert moved.nonzero().tolist() == [[0, 0, 3, 1]]


@pytest.mark.parametrize(("size", "cutout"), [(8, 0.5), (9, 0.5), (7, 0.4)])
def test_cutout_blanks_a_rectangle_with_its_middle_anywhere(size: int, cutout: float) -> None:
    changed = augmented(DiffAugment(policy="cutout", cutout=cutout), torch.ones(3000, 2, size, 6))
    assert set(changed.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(changed[:, 0], changed[:, 1])
    blank = changed[:, 0] == 0
    rows, columns = blank.any(2), blank.any(1)
    assert torch.equal(blank, rows[:, :, None] & columns[:, None, :])
    length = int(size * cutout + 0.5)
    places = range(size + 1 - length % 2)
    expected = {
        tuple(p - length // 2 <= row < p - length // 2 + length for row in range(size))
        for p in places
    }
    assert {tuple(row) for row in rows.tolist()} == expected
    for stretch in expected:
        frequency = (rows == torch.tensor(stretch)).all(1).float().mean().item()
        assert frequency == pytest.approx(1 / len(places), abs=0.03)


def test_parts_are_applied_in_the_order_of_the_policy() -> None:
    images = pictures(50, 3, 8, 8)
    last = augmented(DiffAugment(policy="color+cutout"), images)
    first = augmented(DiffAugment(policy="cutout+color"), images)
    assert (last == 0).float().mean() > 0.1
    assert not (first == 0).any()


@pytest.mark.parametrize("text", ["color+cutout", '"color, cutout"', "[color,cutout]"])
def test_a_policy_has_one_identity_however_it_is_spelled(text: str) -> None:
    component = gb.get("augmentation", f"diffaugment[policy={text}]")
    assert component == DiffAugment(policy=("color", "cutout"))


@pytest.mark.parametrize("text", ["colour", "color+color", '""', "[]", "[color,blur]", "3"])
def test_a_policy_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(gb.UsageError, match=r"policy.*color.*translation.*cutout"):
        gb.get("augmentation", f"diffaugment[policy={text}]")


def test_points_are_refused() -> None:
    problem = DiffAugment().problem(DataSpec(2, 1, 1, kind="points"))
    assert problem is not None
    assert "points" in problem
    assert DiffAugment().problem(DataSpec(4, 7, 9)) is None


def test_derivatives_agree_with_differences() -> None:
    def apply(images: Tensor) -> Tensor:
        return augmented(DiffAugment(translation=0.4, cutout=0.4), images, seed=3)

    images = pictures(2, 3, 3, 4).double().requires_grad_()
    assert gradcheck(apply, images)
    assert gradgradcheck(apply, images)
