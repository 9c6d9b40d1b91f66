"""Samples that are no result are named, and new real images are not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganbench as gb
from ganbench.evaluation.sample_check import FewImages, RealLook, remark
from ganbench.evaluation.sources import TensorSource


@pytest.fixture(scope="module")
def digits():
    dataset = gb.get("dataset", "digits")
    return [dataset.load(split, Path()).images for split in ("train", "test")]


@pytest.fixture(scope="module")
def real(digits):
    return RealLook.of(TensorSource("digits", digits[0], None), 1)


def _planted(train, what):
    random = torch.Generator().manual_seed(0)
    shape = (256, *train.shape[1:])
    noise = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
    copies = train[torch.randint(len(train), (256,), generator=random)]
    colors = torch.randint(0, 256, (256, 1, 1, 1), generator=random, dtype=torch.uint8)
    spread = 60 * torch.randn(shape, generator=random)
    return {
        "one image": copies[:1].expand(shape),
        "plain colors": colors.expand(shape),
        "noise": noise,
        "noise on the mean image": (train.float().mean(0) + spread).clamp(0, 255).byte(),
        "copies": copies,
        "mirrored copies": copies.flip(3),
        "some copies": torch.cat([copies[:100], train.roll(1, 0)[:156].flip(2)]),
    }[what]


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ("one image", "constant"),
        ("plain colors", "constant"),
        ("noise", "noise"),
        ("noise on the mean image", "noise"),
        ("copies", "copies"),
        ("mirrored copies", "copies"),
        ("some copies", "copies"),
    ],
)
def test_planted_samples_are_named(digits, real, what, word):
    found = remark(_planted(digits[0], what), real)
    assert found is not None
    assert found.startswith(f"{word}: ")


def test_new_real_images_are_a_result(digits, real):
    assert remark(digits[1], real) is None


def test_a_mean_of_two_images_is_no_copy(digits, real):
    train = digits[0].float()
    assert remark(((train + train.roll(700, 0)) / 2).byte()[:256], real) is None


def test_copies_are_not_looked_for_where_outputs_follow_inputs(digits, real):
    assert remark(_planted(digits[0], "copies"), real, may_copy=False) is None


def test_data_that_repeats_itself_makes_no_copies(digits):
    repeated = digits[0][:40].repeat(4, 1, 1, 1)
    real = RealLook.of(TensorSource("repeated", repeated, None), 1)
    assert remark(digits[0][:40], real) is None


def test_real_noise_makes_noise_a_result():
    random = torch.Generator().manual_seed(1)
    noise = torch.randint(0, 256, (200, 1, 8, 8), generator=random, dtype=torch.uint8)
    real = RealLook.of(TensorSource("noise", noise[:100], None), 1)
    assert remark(noise[100:], real) is None


def test_a_stream_is_kept_up_to_a_number():
    few = FewImages(3)
    for value in range(4):
        few.see(torch.full((2, 1, 1, 1), value, dtype=torch.uint8))
    assert few.images().flatten().tolist() == [0, 0, 1]
