"""Random numbers that the augmentations draw: one for each image of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """Draws (batch,) tensors for a batch of images, on its device and in its precision."""

    def __init__(self, images: Tensor, random: torch.Generator) -> None:
        self._count, self._random = len(images), random
        self._device, self._dtype = images.device, images.dtype

    def uniform(self, low: float, high: float) -> Tensor:
        """Floats of [low, high)."""
        return low + (high - low) * torch.rand(
            self._count, generator=self._random, device=self._device, dtype=self._dtype
        )

    def normal(self, deviation: float) -> Tensor:
        """Floats of mean 0."""
        return deviation * torch.randn(
            self._count, generator=self._random, device=self._device, dtype=self._dtype
        )

    def below(self, count: int) -> Tensor:
        """Whole numbers 0 … count - 1 (int64), each as likely."""
        return torch.randint(count, (self._count,), generator=self._random, device=self._device)

    def chosen(self, probability: Tensor) -> Tensor:
        """Booleans that are true with a probability, a tensor of one value on the device."""
        return self.uniform(0.0, 1.0) < probability


def shaped(values: Tensor) -> Tensor:
    """(batch,) values as (batch, 1, 1, 1), to go with images."""
    return values[:, None, None, None]
