"""L1, PSNR and SSIM of translated images against plain computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganbench_metrics import likeness as module
from ganbench_metrics.likeness import mean_scores, pair_scores, structural_similarity


def images(count=3, channels=3, size=16, seed=0):
    noise = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=noise)


def plain_ssim(a, b, size=11, sigma=1.5):
    """Window by window, with population moments under a Gaussian weight."""
    offsets = np.arange(size) - size // 2
    weight = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * sigma**2))
    weight /= weight.sum()
    values = []
    for channel_a, channel_b in zip(a, b, strict=True):
        for y in range(a.shape[1] - size + 1):
            for x in range(a.shape[2] - size + 1):
                p, q = (c[y : y + size, x : x + size] for c in (channel_a, channel_b))
                mp, mq = (weight * p).sum(), (weight * q).sum()
                vp, vq = (weight * (p - mp) ** 2).sum(), (weight * (q - mq) ** 2).sum()
                cov = (weight * (p - mp) * (q - mq)).sum()
                values.append(
                    (2 * mp * mq + 1e-4) * (2 * cov + 9e-4)
                    / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4))
                )  # fmt: skip
    return np.mean(values)


def test_ssim_equals_the_formula_window_by_window():
    a, b = images(2, seed=0).double() / 255, images(2, seed=1).double() / 255
    b = 0.7 * a + 0.3 * b
    expected = [plain_ssim(x.numpy(), y.numpy()) for x, y in zip(a, b, strict=True)]
    assert structural_similarity(a, b).tolist() == pytest.approx(expected, rel=1e-9)


def test_small_images_get_a_smaller_window():
    a, b = images(1, size=8).double() / 255, images(1, size=8, seed=1).double() / 255
    expected = plain_ssim(a[0].numpy(), b[0].numpy(), size=7)
    assert structural_similarity(a, b).item() == pytest.approx(expected, rel=1e-9)


def test_equal_images_are_as_good_as_can_be():
    l1, psnr, ssim = pair_scores(images(), images())
    assert (l1.tolist(), ssim.tolist()) == ([0.0] * 3, pytest.approx([1.0] * 3))
    assert psnr.tolist() == pytest.approx([20 * math.log10(255) + 10 * math.log10(3 * 256)] * 3)


def test_l1_and_psnr_of_a_known_difference():
    a = torch.full((1, 1, 16, 16), 100, dtype=torch.uint8)
    l1, psnr, _ = pair_scores(a, a + 51)  # a fifth of the range
    assert l1.item() == pytest.approx(0.2)
    assert psnr.item() == pytest.approx(10 * math.log10(25))


@pytest.mark.parametrize("at_once", [2, 256])
def test_means_are_over_all_pairs(monkeypatch, at_once):
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    fakes, targets = images(5), images(5, seed=1)
    names = ("l1", "psnr", "ssim")
    expected = {n: s.mean().item() for n, s in zip(names, pair_scores(fakes, targets), strict=True)}
    assert mean_scores(fakes, targets) == pytest.approx(expected)


def test_pairs_that_do_not_match_are_refused():
    for fakes, targets in ((images(3), images(2)), (images(0), images(0))):
        with pytest.raises(ValueError, match="must have one shape"):
            mean_scores(fakes, targets)
