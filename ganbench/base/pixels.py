"""The value ranges of images: bytes in files, floats in networks."""

from __future__ import annotations

import torch


def to_float(raw: torch.Tensor) -> torch.Tensor:
    """uint8 -> float32 in [-1, 1]; floats pass."""
    if raw.dtype != torch.uint8:
        return raw
    return raw.to(torch.float32).mul_(1 / 127.5).sub_(1)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Float images in [-1, 1] -> uint8, rounded half up and clamped, for the metrics."""
    return images.float().mul(127.5).add_(128).clamp_(0, 255).to(torch.uint8)
