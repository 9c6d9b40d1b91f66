"""ADA's colour transformations against the matrices of the paper."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from ganbench_augmentations.color import Colors, drawn
from ganbench_augmentations.draws import Draws

COUNT = 6
V = torch.ones(3, dtype=torch.float64) / math.sqrt(3)


def colours(**changed: float) -> Colors:
    """Those that change nothing, but for some."""
    nothing = {"brightness": 0.0, "contrast": 1.0, "luma": 1.0, "hue": 0.0, "saturation": 1.0}
    values = (nothing | changed).items()
    return Colors(**{k: torch.full((COUNT,), v, dtype=torch.float64) for k, v in values})


def pictures(channels: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(0)
    shape = (COUNT, channels, 4, 5)
    return 2 * torch.rand(shape, generator=random, dtype=torch.float64) - 1


def many(p: float, count: int = 40_000) -> Colors:
    images = torch.zeros(count, 1, 1, 1, dtype=torch.float64)
    return drawn(Draws(images, torch.Generator().manual_seed(0)), torch.tensor(p))


def test_all_together_are_the_product_of_the_papers_matrices() -> None:
    """One homogeneous 4x4 matrix after the other, from the right to the left."""
    random = torch.Generator().manual_seed(1)
    images = pictures()
    b, c, luma, hue, s = torch.rand(5, COUNT, generator=random, dtype=torch.float64)
    luma = torch.where(luma < 0.5, -1.0, 1.0)
    changed = Colors(b, c, luma, hue, s).apply(images)
    eye, grey = torch.eye(3, dtype=torch.float64), torch.outer(V, V)
    x, y, z = V.tolist()
    generator = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    for i in range(COUNT):
        matrix = torch.eye(4, dtype=torch.float64)
        matrix[:3, 3] = b[i]
        for linear in (
            c[i] * eye,
            eye - (1 - luma[i]) * grey,  # Householder's reflection
            torch.linalg.matrix_exp(hue[i] * generator),
            grey + s[i] * (eye - grey),
        ):
            step = torch.eye(4, dtype=torch.float64)
            step[:3, :3] = linear
            matrix = step @ matrix
        flat = torch.cat([images[i].flatten(1), torch.ones(1, 20, dtype=torch.float64)])
        torch.testing.assert_close(changed[i].flatten(1), (matrix @ flat)[:3])


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_drawn_changes_nothing_to_the_bit(channels: int) -> None:
    images = pictures(channels).float()
    nothing = drawn(Draws(images, torch.Generator()), torch.tensor(0.0))
    assert torch.equal(nothing.apply(images), images)


def test_luma_inverted_twice_is_the_image() -> None:
    images = pictures()
    once = colours(luma=-1.0).apply(images)
    torch.testing.assert_close(once.mean(1), -images.mean(1))
    torch.testing.assert_close(colours(luma=-1.0).apply(once), images)


def test_hue_keeps_luma_and_the_length_of_colours() -> None:
    images = pictures()
    turned = colours(hue=2.0).apply(images)
    torch.testing.assert_close(turned.mean(1), images.mean(1))
    torch.testing.assert_close(turned.norm(dim=1), images.norm(dim=1))
    assert (turned - images).abs().mean() > 0.1
    third = colours(hue=2 * math.pi / 3).apply(images)
    torch.testing.assert_close(third, images.roll(1, 1))


def test_without_saturation_an_image_is_grey() -> None:
    images = pictures()
    mean = images.mean(1, keepdim=True).expand_as(images)
    torch.testing.assert_close(colours(saturation=0.0).apply(images), mean)


def test_grey_images_have_brightness_contrast_and_luma_only() -> None:
    grey = pictures(channels=1)
    strong = {"brightness": 0.1, "contrast": 2.0, "luma": -1.0}
    changed = colours(**strong, hue=1.0, saturation=3.0).apply(grey)
    torch.testing.assert_close(changed, -2 * (grey + 0.1))
    as_colours = colours(**strong, hue=1.0, saturation=3.0).apply(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(as_colours, changed.expand(-1, 3, -1, -1))


def test_strengths_have_the_distributions_of_the_paper() -> None:
    drawn_ = many(1.0)
    for values, deviation in (
        (drawn_.brightness, 0.2),
        (drawn_.contrast.log(), 0.5 * math.log(2)),
        (drawn_.saturation.log(), math.log(2)),
        (drawn_.hue, math.pi / math.sqrt(3)),
        (drawn_.luma, 1.0),
    ):
        assert values.mean().item() == pytest.approx(0, abs=0.03 * deviation)
        assert values.std().item() == pytest.approx(deviation, rel=0.02)
    assert drawn_.hue.abs().max() <= math.pi
    assert set(drawn_.luma.tolist()) == {-1.0, 1.0}


def test_each_transformation_comes_with_probability_p_by_itself() -> None:
    drawn_ = many(0.3)
    happened = torch.stack(
        [
            drawn_.brightness != 0,
            drawn_.contrast != 1,
            drawn_.hue != 0,
            drawn_.saturation != 1,
        ]
    ).double()
    assert happened.mean(1).tolist() == pytest.approx([0.3] * 4, abs=0.01)
    assert (drawn_.luma < 0).double().mean().item() == pytest.approx(0.15, abs=0.01)
    together = (happened @ happened.T / happened.shape[1]).fill_diagonal_(0.09)
    assert together.flatten().tolist() == pytest.approx([0.09] * 16, abs=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_derivatives_agree_with_differences(channels: int) -> None:
    images = pictures(channels)[:, :, :2, :1].requires_grad_()
    strong = colours(brightness=0.3, contrast=1.7, luma=-1.0, hue=1.0, saturation=0.4)
    assert gradcheck(strong.apply, images)
    assert gradgradcheck(strong.apply, images)
