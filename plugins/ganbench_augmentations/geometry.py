"""The geometric transformations of adaptive discriminator augmentation.

Each one is drawn for every image; images that are not chosen get the parameter of the identity.
All maps are kept as inverses, see `ganbench_augmentations.resampling`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ganbench_augmentations.draws import Draws

#: Standard deviation of the scales' logarithm.
SCALE = 0.2 * math.log(2)
#: The limit of integer translations, and the standard deviation of the others.
TRANSLATION = 0.125


def identity(images: Tensor) -> Tensor:
    """(batch, 3, 3) maps that move nothing."""
    eye = torch.eye(3, device=images.device, dtype=images.dtype)
    return eye.expand(len(images), 3, 3)


def blit(draws: Draws, p: Tensor, height: int, width: int) -> Tensor:
    """Reflections, turns by 90 degrees and translations that copy pixels as they are.

    Images that are not square are turned by 180 degrees only.
    """
    flip = 1.0 - 2.0 * torch.where(draws.chosen(p), draws.below(2), 0)
    quarters = draws.below(4) if height == width else 2 * draws.below(2)
    quarters = torch.where(draws.chosen(p), quarters, 0)
    moved = draws.chosen(p)
    x = (draws.uniform(-TRANSLATION, TRANSLATION) * width).round()
    y = (draws.uniform(-TRANSLATION, TRANSLATION) * height).round()
    # The cosines and sines of whole quarter turns, without a rounding error.
    cosine, sine = (quarters - 2).abs() - 1, 1 - (quarters - 1).abs()
    maps = product(scaling(flip, torch.ones_like(flip)), turning(cosine.to(x), sine.to(x)))
    return product(maps, shifting(torch.where(moved, x, 0.0), torch.where(moved, y, 0.0)))


def general(draws: Draws, p: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Scalings, rotations and translations by any amount.

    :returns: the maps, and (batch,) booleans: which images they change.
    """
    # One rotation could undo the other: together they have probability p.
    p_turn = 1 - (1 - p).clamp(min=0.0).sqrt()  # p may be beyond 1, where all are chosen
    chosen = [draws.chosen(share) for share in (p, p_turn, p, p_turn, p)]
    size, before, aspect, after, moved = chosen
    scale = torch.where(size, draws.normal(SCALE).exp(), 1.0)
    maps = scaling(1 / scale, 1 / scale)
    maps = product(maps, _rotation(draws, before))
    stretch = torch.where(aspect, draws.normal(SCALE).exp(), 1.0)
    maps = product(maps, scaling(1 / stretch, stretch))
    maps = product(maps, _rotation(draws, after))
    x = torch.where(moved, draws.normal(TRANSLATION) * width, 0.0)
    y = torch.where(moved, draws.normal(TRANSLATION) * height, 0.0)
    return product(maps, shifting(x, y)), torch.stack(chosen).any(0)


def _rotation(draws: Draws, chosen: Tensor) -> Tensor:
    angle = torch.where(chosen, draws.uniform(-math.pi, math.pi), 0.0)
    return turning(angle.cos(), angle.sin())


def product(first: Tensor, second: Tensor) -> Tensor:
    """The inverse of doing ``first``'s map and then ``second``'s, from their inverses.

    In full precision, because a GPU may compute a matrix product with only ten bits.
    """
    return (first[..., :, :, None] * second[..., None, :, :]).sum(-2)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """(batch, 3, 3): coordinates multiplied by (batch,) factors."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix((x, zero, zero), (zero, y, zero), (zero, zero, one))


def turning(cosine: Tensor, sine: Tensor) -> Tensor:
    """(batch, 3, 3): coordinates turned by an angle."""
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    return _matrix((cosine, -sine, zero), (sine, cosine, zero), (zero, zero, one))


def shifting(x: Tensor, y: Tensor) -> Tensor:
    """(batch, 3, 3): what undoes a translation by so many pixels."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix((one, zero, -x), (zero, one, -y), (zero, zero, one))


def _matrix(*rows: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
