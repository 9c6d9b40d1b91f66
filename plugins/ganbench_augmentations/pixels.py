"""Reading pixels at places that differ from image to image."""

from __future__ import annotations

import torch
from torch import Tensor


def look_up(pixels: Tensor, index: Tensor) -> Tensor:
    """(batch, c, m): the values of (batch, c, n) ``pixels`` at (batch, m) places, for all channels.

    Differentiable twice. Both ways give the same values. The gradient sums over equal places: on a
    GPU `gather` does it with atomic operations, in an order that changes from run to run; indexing
    sorts the places first.
    """
    if pixels.is_cuda:
        return _look_up_rows(pixels, index)
    return pixels.gather(2, index[:, None].expand(-1, pixels.shape[1], -1))


def _look_up_rows(pixels: Tensor, index: Tensor) -> Tensor:
    batch, channels, count = pixels.shape
    start = torch.arange(batch, device=index.device)[:, None] * count
    rows = pixels.transpose(1, 2).reshape(-1, channels)
    return rows[index + start].transpose(1, 2)


def mirrored(place: Tensor, count: int) -> Tensor:
    """Places on an axis of ``count`` pixels, folded into [0, count - 1] by mirrors at its ends.

    The mirrors stand on the centers of the outermost pixels, which are not repeated.
    """
    last = count - 1
    if last == 0:
        return torch.zeros_like(place)
    return last - (place.remainder(2 * last) - last).abs()
