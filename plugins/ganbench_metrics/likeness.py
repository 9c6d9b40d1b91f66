"""The distance of translated images from their targets: L1, PSNR and SSIM."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

_WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03
_AT_ONCE, _PIXELS = 256, 2**20  # images, and their pixels: each takes some 500 bytes


def mean_scores(
    images: torch.Tensor, targets: torch.Tensor, device: torch.device | None = None
) -> dict[str, float]:
    """``l1``, ``psnr`` and ``ssim``: means of `pair_scores` over (n, c, h, w) uint8 images.

    :param device: does the work, some images at a time; by default where the images are.
    :raises ValueError: if images and targets differ in shape, or are empty.
    """
    if images.shape != targets.shape or not len(images):
        raise ValueError(
            f"images {tuple(images.shape)} and targets {tuple(targets.shape)} must have one shape, "
            "and be at least one pair"
        )
    size = max(1, min(_AT_ONCE, _PIXELS // math.prod(images.shape[2:])))
    parts = zip(images.split(size), targets.split(size), strict=True)
    scores = [torch.stack(pair_scores(*(one.to(device) for one in part))) for part in parts]
    means = torch.cat(scores, 1).mean(1).tolist()
    return dict(zip(("l1", "psnr", "ssim"), means, strict=True))


def pair_scores(
    images: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(b,) mean absolute difference in [0, 1], PSNR in dB, and SSIM of uint8 (b, c, h, w) images.

    Equal images, whose PSNR would be infinite, get the PSNR of a single value that is off by one.
    """
    a, b = images.double() / 255, targets.double() / 255
    l1 = (a - b).abs().flatten(1).mean(1)
    least = 1 / (255.0**2 * a[0].numel())
    psnr = -10 * torch.log10((a - b).square().flatten(1).mean(1).clamp(min=least))
    return l1, psnr, structural_similarity(a, b)


def structural_similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(b,) mean SSIM of (b, c, h, w) images in [0, 1] (Wang et al. 2004, IEEE TIP 13(4), eq. 13).

    The paper's Gaussian window of 11 pixels and standard deviation 1.5, inside the image (for smaller
    images, the largest odd window that fits), channel by channel.
    """
    channels = a.shape[1]
    size = min(_WINDOW, *((side - 1) // 2 * 2 + 1 for side in a.shape[2:]))
    offsets = torch.arange(size, dtype=a.dtype, device=a.device) - size // 2
    profile = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    window = torch.outer(profile, profile)
    kernel = (window / window.sum()).expand(channels, 1, size, size)

    def mean(images: torch.Tensor) -> torch.Tensor:
        return F.conv2d(images, kernel, groups=channels)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a.square(), mean(b * b) - mean_b.square()
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    extent = (mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2)
    return (likeness / extent).flatten(1).mean(1)
