"""Gray images and edges of uint8 images, computed in integers: the same bits everywhere."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_IMAGES_AT_ONCE = 4096  # bounds the wider copies of a large data set
_SOBEL_GAIN = 4  # of Sobel's kernel over a step of brightness


def luma(images: Tensor) -> Tensor:
    """(n, 3, h, w) to (n, 1, h, w): 0.299 R + 0.587 G + 0.114 B, rounded half up (ITU-R BT.601).

    Gray images, (n, 1, h, w), are returned as they are.
    """
    return images if images.shape[1] == 1 else _in_parts(_luma, images)


def edges(images: Tensor, threshold: int) -> Tensor:
    """(n, 1 or 3, h, w) to (n, 1, h, w): where and how steeply the luma changes.

    The gradient by Sobel's operator, in steps of brightness between the two sides of a pixel.

    :param threshold: 0 for the gradient's magnitude, up to 255. Else lines: 255 where the magnitude
        is at least this and greatest among the neighbors across the line (the direction taken as
        horizontal or vertical), and 0 elsewhere.
    """
    return _in_parts(lambda part: _edges(part, threshold), luma(images))


def _luma(images: Tensor) -> Tensor:
    red, green, blue = images.to(torch.int32).unbind(1)
    weighted = 299 * red + 587 * green + 114 * blue + 500
    return weighted.div_(1000, rounding_mode="floor").to(torch.uint8).unsqueeze(1)


def _edges(gray: Tensor, threshold: int) -> Tensor:
    padded = _replicated(_replicated(gray.to(torch.int32), 2), 3)
    left, right = (_smoothed(part, 2) for part in (padded[..., :-2], padded[..., 2:]))
    above, below = (_smoothed(part, 3) for part in (padded[..., :-2, :], padded[..., 2:, :]))
    across, down = right - left, below - above
    squared = across.square() + down.square()
    if threshold:
        crests = torch.where(across.abs() >= down.abs(), _crests(squared, 3), _crests(squared, 2))
        lines = crests & (squared >= (_SOBEL_GAIN * threshold) ** 2)
        return lines.to(torch.uint8).mul_(255)
    magnitude = squared.double().sqrt_().div_(_SOBEL_GAIN)
    return magnitude.add_(0.5).floor_().clamp_(max=255).to(torch.uint8)


def _crests(heights: Tensor, axis: int) -> Tensor:
    """Where a map is higher than before and no lower than after, along an axis; 0 lies outside."""
    size = heights.shape[axis]
    outside = torch.zeros_like(heights.narrow(axis, 0, 1))
    before = torch.cat([outside, heights.narrow(axis, 0, size - 1)], axis)
    after = torch.cat([heights.narrow(axis, 1, size - 1), outside], axis)
    return (heights > before) & (heights >= after)


def _smoothed(maps: Tensor, axis: int) -> Tensor:
    """Sobel's 1-2-1 across the direction of the difference."""
    inner = maps.shape[axis] - 2
    before, here, after = (maps.narrow(axis, start, inner) for start in range(3))
    return before + 2 * here + after


def _replicated(maps: Tensor, axis: int) -> Tensor:
    first, last = maps.narrow(axis, 0, 1), maps.narrow(axis, maps.shape[axis] - 1, 1)
    return torch.cat([first, maps, last], axis)


def _in_parts(change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    result = images.new_empty(len(images), 1, *images.shape[2:])
    parts = zip(images.split(_IMAGES_AT_ONCE), result.split(_IMAGES_AT_ONCE), strict=True)
    for part, place in parts:
        place.copy_(change(part))
    return result
