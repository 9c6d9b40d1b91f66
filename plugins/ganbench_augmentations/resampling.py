"""Moving images by affine maps without aliasing.

As in Karras et al. 2020, arXiv:2006.06676, appendix B.2: images are enlarged twice by an orthogonal
wavelet's lowpass filter, sampled bilinearly where the map says, and reduced by the same filter. The
filter is orthogonal to its own even shifts, so a map that changes nothing gives the image back.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from ganbench_augmentations.pixels import look_up, mirrored

#: Lowpass filter of the symlet of order 6 (Daubechies 1992, "Ten Lectures on Wavelets"), of norm 1.
SYM6 = (
    0.015404109327044805,
    0.0034907120842221296,
    -0.11799011114851977,
    -0.04831174258569778,
    0.49105594192797386,
    0.7876411410286507,
    0.3379294217281655,
    -0.07263752278637645,
    -0.02106029251237079,
    0.04472490177078135,
    0.00176771186425398,
    -0.00780070832503238,
)
#: The center of the filter's weight: its output is delayed by this many samples.
DELAY = sum(i * tap for i, tap in enumerate(SYM6)) / math.fsum(SYM6)
#: Pixels beyond each edge that are enlarged as well, because the reduction reads them.
MARGIN = 3
_FIRST = math.floor(DELAY - 2 * MARGIN)  # of the enlarged samples, the first that is kept


def copied(images: Tensor, inverse: Tensor) -> Tensor:
    """Images moved by maps under which every pixel comes from the middle of another."""
    height, width = images.shape[2:]
    x, y = _sources(inverse, _centered(width, images), _centered(height, images))
    columns = mirrored((x + (width - 1) / 2).round().long(), width)
    rows = mirrored((y + (height - 1) / 2).round().long(), height)
    index = (rows * width + columns).flatten(1)
    return look_up(images.flatten(2), index).reshape(images.shape)


def resampled(images: Tensor, inverse: Tensor) -> Tensor:
    """Images moved by any affine maps; each image is mirrored at its edges.

    Far beyond the edges, the enlarged image is mirrored instead, which costs less.

    :param inverse: (batch, 3, 3) maps from where a pixel is afterwards to where it was, both (x, y, 1)
        in pixels from the image's middle, x to the right and y downwards.
    """
    height, width = images.shape[2:]
    up_y, down_y = _filters(height, images.dtype, images.device)
    up_x, down_x = _filters(width, images.dtype, images.device)
    enlarged = up_y @ images @ up_x.T
    x, y = _sources(inverse, _centered_samples(width, images), _centered_samples(height, images))
    x, y = _enlarged_place(x, width), _enlarged_place(y, height)
    return down_y @ _bilinear(enlarged, x, y) @ down_x.T


def _sources(inverse: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(batch, h, w) coordinates that the maps give for the grid of ``x`` (w,) and ``y`` (h,)."""
    maps = inverse[:, :2, :, None, None]
    # Not as a matrix product, which a GPU may compute with only ten bits.
    found = maps[:, :, 0] * x + maps[:, :, 1] * y[:, None] + maps[:, :, 2]
    return found[:, 0], found[:, 1]


def _centered(count: int, images: Tensor) -> Tensor:
    """The pixels' coordinates on an axis, from its middle."""
    places = torch.arange(count, device=images.device, dtype=images.dtype)
    return places - (count - 1) / 2


def _centered_samples(count: int, images: Tensor) -> Tensor:
    """The coordinates of the enlarged samples that the reduction reads, half a pixel apart."""
    places = torch.arange(2 * count + len(SYM6) - 2, device=images.device, dtype=images.dtype)
    return (places - DELAY) / 2 - (count - 1) / 2


def _enlarged_place(place: Tensor, count: int) -> Tensor:
    """Where among the enlarged samples a centered coordinate lies."""
    place = place + (count - 1) / 2
    outside = (place < -MARGIN) | (place > count - 1 + MARGIN)
    return 2 * torch.where(outside, mirrored(place, count), place) + (DELAY - _FIRST)


def _bilinear(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(batch, c, *places) values between the pixels, at coordinates from the first pixel on."""
    width = images.shape[3]
    left, top = x.floor(), y.floor()
    right, below = x - left, y - top
    first = top.long() * width + left.long()
    corners = torch.stack((first, first + 1, first + width, first + width + 1), 1)
    shares = torch.stack(
        ((1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below), 1
    )
    found = look_up(images.flatten(2), corners.flatten(1))
    return (found.reshape(*images.shape[:2], *corners.shape[1:]) * shares[:, None]).sum(2)


@functools.lru_cache(maxsize=32)
def _filters(count: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The matrices that enlarge and reduce an axis of ``count`` pixels.

    (2 · count + 12, count), with mirrors beyond the axis, and (count, 2 · count + 10). They are kept,
    since copying them to a device makes the host wait.
    """
    with torch.inference_mode(False), torch.device("cpu"):
        taps = torch.tensor(SYM6, dtype=torch.float64) / math.fsum(SYM6)
        kept = 2 * count + 4 * MARGIN
        sample = torch.arange(kept)[:, None] + _FIRST
        tap = torch.arange(0, len(SYM6), 2) + sample % 2  # those that meet a pixel, not a gap
        pixel = mirrored((sample - tap) // 2, count)
        up = torch.zeros(kept, count, dtype=torch.float64)
        up.scatter_add_(1, pixel, 2 * taps[tap])
        down = torch.zeros(count, 2 * count + len(SYM6) - 2, dtype=torch.float64)
        place = 2 * torch.arange(count)[:, None] + torch.arange(len(SYM6))
        down.scatter_(1, place, taps.expand(count, -1))
        return up.to(device, dtype), down.to(device, dtype)
