"""The growth of a progressive GAN: the size at each stage, and the real images of that size."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Stage(NamedTuple):
    """A state of growth.

    :ivar level: how often the innermost map has been doubled.
    :ivar alpha: weight of the newest level against the previous one; 1 if none fades in.
    """

    level: int
    alpha: float

    @property
    def fading(self) -> bool:
        return self.alpha < 1


def stage_at(share: float, growth: float, doublings: int) -> Stage:
    """The stage when ``share`` of the budget is used.

    The first ``growth`` of the budget is cut into 2 · ``doublings`` equal parts: each level but the
    last is trained for one, and the next one fades in, linearly, during another. The last is trained
    for what remains.
    """
    if share >= growth:
        return Stage(doublings, 1.0)
    position = share / growth * 2 * doublings
    part = min(int(position), 2 * doublings - 1)
    return Stage((part + 1) // 2, position - part if part % 2 else 1.0)


def doubled(images: Tensor) -> Tensor:
    """Each pixel four times."""
    return enlarged(images, 1)


def enlarged(images: Tensor, doublings: int) -> Tensor:
    """Each pixel 4^doublings times."""
    if not doublings:
        return images
    return F.interpolate(images, scale_factor=2.0**doublings, mode="nearest")


def reduced(images: Tensor, halvings: int) -> Tensor:
    """The means of squares of 2^halvings pixels a side."""
    return F.avg_pool2d(images, 1 << halvings) if halvings else images


def at_level(images: Tensor, halvings: int, alpha: Tensor | float | None) -> Tensor:
    """Real images at the size of a level, as blurred as its generator's while the level fades in.

    :param halvings: from the images' full size to the level's.
    :param alpha: the level's weight against the previous one; None if it does not fade in.
    """
    images = reduced(images, halvings)
    return images if alpha is None else blend(doubled(reduced(images, 1)), images, alpha)


def blend(old: Tensor, new: Tensor, alpha: Tensor | float) -> Tensor:
    """(1 - α) · old + α · new."""
    return old + alpha * (new - old)


class Growing(nn.Module):
    """A network with a stage, the last one when it is built.

    The weight of the newest level is a buffer, so that a recorded step sees it change; it is not
    saved, since it follows from the training's progress.
    """

    alpha: Tensor

    def __init__(self, doublings: int) -> None:
        super().__init__()
        self.doublings = doublings
        self.level, self.fading = doublings, False
        self.register_buffer("alpha", torch.ones(()), persistent=False)

    def set_stage(self, stage: Stage) -> None:
        self.level, self.fading = stage.level, stage.fading
        self.alpha.fill_(stage.alpha)
