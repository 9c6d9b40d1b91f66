"""The color transformations of adaptive discriminator augmentation.

All but brightness are linear maps of an image's colors that keep the axis of the grays, v = (1, 1,
1)/√3, apart from the plane across it. Together they are contrast · (±vvᵀ + saturation · hue), where
hue rotates the plane; the code computes that formula, without matrices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench_augmentations.draws import Draws, shaped

#: Standard deviations: of the brightness that is added, and of the factors' logarithms.
BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.5 * math.log(2), math.log(2)


@dataclass(frozen=True)
class Colors:
    """A color transformation for each image; all are (batch,) tensors.

    :ivar brightness: what is added.
    :ivar contrast: factor for everything.
    :ivar luma: 1, or -1 for the luma inverted.
    :ivar hue: angle by which colors turn around the axis of the grays.
    :ivar saturation: factor for the distance from that axis.
    """

    brightness: Tensor
    contrast: Tensor
    luma: Tensor
    hue: Tensor
    saturation: Tensor

    def apply(self, images: Tensor) -> Tensor:
        """(batch, c, h, w) images, transformed; gray images stay gray.

        Color images alone have a hue; with other channels, the axis of the grays is (1, …, 1)/√c.
        """
        images = images + shaped(self.brightness)
        along, across = self.saturation * self.hue.cos(), self.saturation * self.hue.sin()
        mean = images.mean(1, keepdim=True)  # vvᵀx, in each channel
        changed = shaped(along) * images + shaped(self.luma - along) * mean
        if images.shape[1] == 3:
            changed = changed + shaped(across) * _crossed(images)
        return shaped(self.contrast) * changed


def drawn(draws: Draws, p: Tensor) -> Colors:
    """Each transformation for the images that it is chosen for; the identity for the others."""
    return Colors(
        brightness=torch.where(draws.chosen(p), draws.normal(BRIGHTNESS), 0.0),
        contrast=torch.where(draws.chosen(p), draws.normal(CONTRAST).exp(), 1.0),
        luma=1.0 - 2.0 * torch.where(draws.chosen(p), draws.below(2), 0),
        hue=torch.where(draws.chosen(p), draws.uniform(-math.pi, math.pi), 0.0),
        saturation=torch.where(draws.chosen(p), draws.normal(SATURATION).exp(), 1.0),
    )


def _crossed(images: Tensor) -> Tensor:
    """The vector product of v and each pixel's color."""
    return (images.roll(1, 1) - images.roll(-1, 1)) / math.sqrt(3)
