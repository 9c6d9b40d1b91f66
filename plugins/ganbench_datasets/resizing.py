"""Resize images that are tensors."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

_IMAGES_AT_ONCE = 4096  # bounds the float copy of a large data set


def resized(images: Tensor, size: int) -> Tensor:
    """(n, c, h, w) uint8 images at (n, c, size, size): bilinear with antialiasing, rounded."""
    if images.shape[-2:] == (size, size):
        return images
    result = images.new_empty(*images.shape[:2], size, size)
    for source, target in zip(
        images.split(_IMAGES_AT_ONCE), result.split(_IMAGES_AT_ONCE), strict=True
    ):
        scaled = F.interpolate(
            source.float(), size=(size, size), mode="bilinear", antialias=True, align_corners=False
        )
        target.copy_(scaled.round_().clamp_(0, 255))
    return result
