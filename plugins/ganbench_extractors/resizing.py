"""Resizing as Pillow does it, on any device and in batches."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

CLEAN = "bicubic to {0}x{0} in float32 with antialiasing, as in clean-fid"
BICUBIC = "bicubic to {0}x{0} with antialiasing, as in Pillow"


def bicubic(images: Tensor, side: int) -> Tensor:
    """uint8 (b, c, h, w) to float32 (b, c, side, side), whole numbers in 0 to 255.

    The filter is Catmull and Rom's cubic, widened where an image shrinks. Widths are changed first
    and heights then, and values are rounded to 8 bits after each. (Pillow 13 begins with the heights
    of some shapes.) A value may differ by one from Pillow's, which rounds its filter too.
    """
    height = images.shape[2]
    values = _rounded(images.float(), (height, side))
    return _rounded(values, (side, side))


def clean(images: Tensor, side: int) -> Tensor:
    """uint8 (b, c, h, w) to float32 (b, c, side, side): Pillow's bicubic filter without any rounding.

    As clean-fid resizes (Parmar, Zhang and Zhu 2022): each channel as a float image. Values may leave
    0 to 255 at edges, and differ by less than 0.02 from Pillow's, whose filter is in float64.
    """
    values = images.float()
    if values.shape[2:] == (side, side):
        return values
    return F.interpolate(values, (side, side), mode="bicubic", align_corners=False, antialias=True)


def _rounded(values: Tensor, size: tuple[int, int]) -> Tensor:
    if values.shape[2:] == size:
        return values
    resized = F.interpolate(values, size, mode="bicubic", align_corners=False, antialias=True)
    return (resized + 0.5).floor().clamp(0, 255)
