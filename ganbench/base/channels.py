"""The one rule by which images of any number of channels become gray or color images for a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: Channels that an image may have.
MOST_CHANNELS = 16
_SQUARE = 8  # pixels a side of a checkerboard's squares
_LIGHT, _DARK = 255, 204


def in_view(
    images: torch.Tensor, alpha: bool = False, ground: torch.Tensor | int = 255
) -> torch.Tensor:
    """(n, c, h, w) uint8 to (n, 1 or 3, h, w) uint8; see `view_rule`.

    :param alpha: whether the last channel is opacity.
    :param ground: what lies behind transparent pixels: a value, or (1, 1, h, w).
    """
    channels = images.shape[1]
    if channels in (1, 3) and not alpha:
        return images
    kept = images[:, : 1 if channels <= 2 else 3]
    if not alpha:
        return kept
    wide, opacity = kept.int(), images[:, -1:].int()
    mixed = (wide * opacity + ground * (255 - opacity) + 127) // 255
    return mixed.to(images.dtype)


def view_rule(channels: int, alpha: bool = False, ground: str = "white") -> str:
    """A sentence about what a viewer sees of images; empty where it sees all channels.

    :param ground: what lies behind transparent pixels.
    """
    if alpha:
        what = "gray" if channels == 2 else "color"
        return f"{what} over {ground}, with the last channel as opacity"
    if channels in (1, 3):
        return ""
    if channels == 2:
        return "the first of 2 channels, as gray"
    return f"the first 3 of {channels} channels, as red, green and blue"


def checkerboard(like: torch.Tensor) -> torch.Tensor:
    """(1, 1, h, w) int32 on the device of (n, c, h, w) images: the ground of transparent pictures."""
    height, width = like.shape[2:]
    ones = like.new_ones((height, width)).int()
    side = max(1, min(_SQUARE, height // 4, width // 4))
    rows, columns = ones.cumsum(0) - 1, ones.cumsum(1) - 1
    odd = (rows // side + columns // side) % 2
    return (_LIGHT + (_DARK - _LIGHT) * odd)[None, None]
