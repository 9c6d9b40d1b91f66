"""Images of any size brought to one size: cropped, padded or stretched."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

Fit = Literal["crop", "pad", "stretch"]
FIT_HELP = (
    "how an image of another shape fits. crop: its largest centered part of the right shape; pad: all "
    "of it, between zeros; stretch: all of it, distorted"
)


def fitted(
    pixels: np.ndarray, height: int, width: int, fit: Fit = "crop", alpha: bool = False
) -> np.ndarray:
    """(c, height, width) from (h, w, c) uint8, resized with Lanczos.

    Lanczos averages when it shrinks; an image of the wanted size keeps every pixel.

    :param alpha: whether the last of 2 or 4 channels is opacity: colors count by it when resized.
    """
    if fit == "pad":
        return _padded(pixels, height, width, alpha).transpose(2, 0, 1)
    part = _cropped(pixels, height, width) if fit == "crop" else pixels
    return _resized(part, height, width, alpha).transpose(2, 0, 1)


def _cropped(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest centered part whose sides have the ratio height : width."""
    tall, wide = pixels.shape[:2]
    if tall * width <= wide * height:
        rows, columns = tall, min(wide, max(1, (2 * tall * width + height) // (2 * height)))
    else:
        rows, columns = min(tall, max(1, (2 * wide * height + width) // (2 * width))), wide
    top, left = (tall - rows) // 2, (wide - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def _padded(pixels: np.ndarray, height: int, width: int, alpha: bool) -> np.ndarray:
    """All of the image in the middle, with zeros around it."""
    tall, wide, channels = pixels.shape
    scale = min(height / tall, width / wide)
    rows = min(height, max(1, round(tall * scale)))
    columns = min(width, max(1, round(wide * scale)))
    canvas = np.zeros((height, width, channels), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas[top : top + rows, left : left + columns] = _resized(pixels, rows, columns, alpha)
    return canvas


def _resized(pixels: np.ndarray, height: int, width: int, alpha: bool) -> np.ndarray:
    """(height, width, c): one band at a time, but for the modes that Pillow has."""
    channels = pixels.shape[2]
    if pixels.shape[:2] == (height, width):
        return pixels
    if channels == 3 or (alpha and channels in (2, 4)):
        return np.asarray(_lanczos(Image.fromarray(np.ascontiguousarray(pixels)), height, width))
    bands = [Image.fromarray(np.ascontiguousarray(band)) for band in pixels.transpose(2, 0, 1)]
    return np.stack([np.asarray(_lanczos(band, height, width)) for band in bands], axis=2)


def _lanczos(image: Image.Image, height: int, width: int) -> Image.Image:
    """Colors of LA and RGBA images are weighted by their opacity, as Pillow does."""
    return image.resize((width, height), Image.Resampling.LANCZOS)
