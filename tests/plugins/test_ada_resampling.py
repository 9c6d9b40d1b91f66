"""Moving images by affine maps, against analytic pictures and SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage, signal
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from ganbench_augmentations.geometry import identity, product, scaling, shifting, turning
from ganbench_augmentations.pixels import _look_up_rows, look_up, mirrored
from ganbench_augmentations.resampling import DELAY, SYM6, copied, resampled


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def turn(degrees: float) -> Tensor:
    angle = number(math.radians(degrees))
    return turning(angle.cos(), angle.sin())


def test_the_filter_is_orthonormal_to_its_even_shifts_and_blind_to_polynomials() -> None:
    for shift in range(0, 12, 2):
        overlap = sum(a * b for a, b in zip(SYM6, SYM6[shift:], strict=False))
        assert overlap == pytest.approx(float(shift == 0), abs=1e-12)
    for power in range(6):
        moment = sum((-1) ** i * (i / 12) ** power * tap for i, tap in enumerate(SYM6))
        assert moment == pytest.approx(0, abs=1e-12)
    # Of the filters with these properties, the least asymmetric: its phase is nearest to a line.
    w = np.linspace(0.01, 2.8, 300)
    phase = np.unwrap(np.angle(np.exp(-1j * np.outer(w, np.arange(12))) @ SYM6))
    assert np.abs(phase - (w @ phase) / (w @ w) * w).max() < 0.2


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_mirrors_stand_on_the_outermost_pixels(count: int) -> None:
    expected = np.pad(np.arange(count), 3 * count, mode="reflect" if count > 1 else "edge")
    assert mirrored(torch.arange(-3 * count, 4 * count), count).tolist() == expected.tolist()


def test_a_gpu_looks_up_the_same_pixels() -> None:
    pixels = noise(3, 2, 10).requires_grad_()
    index = torch.randint(10, (3, 40), generator=torch.Generator().manual_seed(0))
    one, other = look_up(pixels, index), _look_up_rows(pixels, index)
    assert torch.equal(one, other)
    weights = noise(3, 2, 40)
    slopes = [torch.autograd.grad((x * weights).sum(), pixels)[0] for x in (one, other)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("shape", [(8, 8), (5, 9), (4, 1), (1, 1)])
def test_a_map_that_changes_nothing_gives_the_image_back(shape: tuple[int, int]) -> None:
    images = noise(2, 3, *shape)
    assert torch.equal(copied(images, identity(images)), images)
    torch.testing.assert_close(resampled(images, identity(images)), images)


def test_a_constant_stays_what_it_is_wherever_it_is_read() -> None:
    images = torch.full((1, 2, 6, 7), 0.3, dtype=torch.float64)
    map_ = product(turn(33.0), shifting(number(40.0), number(-3.3)))
    torch.testing.assert_close(resampled(images, map_), images)


def test_copying_turns_reflects_and_shifts_pixels_as_they_are() -> None:
    images = noise(1, 3, 6, 6)
    assert torch.equal(copied(images, turn(90.0)), images.rot90(1, (2, 3)))
    assert torch.equal(copied(images, scaling(number(-1.0), number(1.0))), images.flip(3))
    shifted = copied(images, shifting(number(2.0), number(-1.0)))
    assert torch.equal(shifted, F.pad(images, (2, 0, 0, 1), mode="reflect")[:, :, 1:, :6])


def test_resampling_shifts_by_whole_pixels_without_a_loss() -> None:
    images = noise(1, 3, 16, 16)
    shifted = resampled(images, shifting(number(2.0), number(-1.0)))
    torch.testing.assert_close(shifted[..., :-3, 6:], images[..., 1:-2, 4:-2])


@pytest.mark.parametrize(
    "map_",
    [
        turn(90.0),
        turn(-31.0),
        scaling(number(-1.0), number(1.0)),
        scaling(number(0.8), number(1.1)),
        shifting(number(2.3), number(-1.6)),
        product(
            product(scaling(number(1.1), number(0.9)), turn(70.0)), shifting(*2 * [number(1.5)])
        ),
    ],
)
def test_a_picture_that_can_be_computed_anywhere_is_moved_as_the_map_says(map_: Tensor) -> None:
    def picture(x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-((x - 3) ** 2 / 18 + (y + 2) ** 2 / 40)) * (1 + 0.1 * x - 0.2 * y)

    x, y = torch.arange(24.0).double() - 11.5, torch.arange(20.0).double()[:, None] - 9.5
    moved = resampled(picture(x, y)[None, None], map_)[0, 0]
    (a, b, c), (d, e, f) = map_[0, :2].tolist()
    expected = picture(a * x + b * y + c, d * x + e * y + f)
    inside = (a * x + b * y + c).abs().le(9) & (d * x + e * y + f).abs().le(7)
    assert inside.sum() > 100
    assert (moved - expected)[inside].abs().max() < 0.02


def test_resampling_is_enlarging_bilinear_sampling_and_reducing() -> None:
    """The same by SciPy, far from the edges, where it looks at no mirrors."""
    images, size = noise(1, 1, 40, 40), 40
    map_ = product(scaling(number(0.4), number(0.5)), turn(25.0))
    taps = np.array(SYM6) / sum(SYM6)
    enlarged = images[0, 0].numpy()
    for axis in (0, 1):
        enlarged = signal.upfirdn(2 * taps, enlarged, up=2, axis=axis)
    samples = (np.arange(2 * size + 10) - DELAY) / 2 - (size - 1) / 2
    y, x = np.meshgrid(samples, samples, indexing="ij")
    (a, b, c), (d, e, f) = map_[0, :2].tolist()
    places = [d * x + e * y + f, a * x + b * y + c]
    sampled = ndimage.map_coordinates(
        enlarged, [2 * (place + (size - 1) / 2) + DELAY for place in places], order=1
    )
    for axis in (0, 1):
        sampled = signal.correlate(sampled, np.expand_dims(taps, 1 - axis), mode="valid")
        sampled = sampled.take(range(0, 2 * size, 2), axis=axis)
    moved = resampled(images, map_)[0, 0].numpy()
    np.testing.assert_allclose(moved[8:-8, 8:-8], sampled[8:-8, 8:-8], atol=1e-12)


def test_what_becomes_too_fine_for_the_pixels_fades_out() -> None:
    checks = torch.ones(1, 1, 32, 32, dtype=torch.float64)
    checks[..., 1::2] = -1
    shrunk = resampled(checks, scaling(number(2.0), number(1.0)))
    assert shrunk[..., 10:-10, 10:-10].abs().max() < 0.1  # bilinear sampling alone would leave ±1


@pytest.mark.parametrize("move", [copied, resampled])
def test_derivatives_agree_with_differences(move: Callable[[Tensor, Tensor], Tensor]) -> None:
    maps = product(turn(90.0 if move is copied else 30.0), shifting(number(1.0), number(2.0)))
    images = noise(1, 2, 4, 4).requires_grad_()
    assert gradcheck(lambda x: move(x, maps), images)
    assert gradgradcheck(lambda x: move(x, maps), images)


def test_precision_and_layout_of_images_do_not_matter() -> None:
    images = noise(2, 3, 9, 8)
    map_ = product(turn(20.0), shifting(number(1.2), number(0.3))).expand(2, 3, 3)
    moved = resampled(images, map_)
    laid_out = resampled(images.contiguous(memory_format=torch.channels_last), map_)
    torch.testing.assert_close(laid_out, moved)
    single = resampled(images.float(), map_.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), moved, atol=1e-4, rtol=0)
