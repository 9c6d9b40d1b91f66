"""pix2pix: translation learned from pairs."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import (
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    Architecture,
    Critique,
    DataSpec,
    Networks,
    Translation,
    option,
)
from ganbench_translation.layers import TRAINING, Norm
from ganbench_translation.patchgan import PatchGAN, patch_problem
from ganbench_translation.unet import UNet

SMALLEST = 8


class Pix2Pix(Architecture):
    """Image-to-image translation with pairs (Isola et al., 2017), for sides of 8, 16, 32, … pixels.

    A U-Net translates; a PatchGAN judges each patch of a target beside its source. The generator's
    loss gains ``l1`` times the mean absolute difference to the target. The U-Net halves an image
    down to one pixel: eight times for 256 pixels, five times for 32. With ``layers=3`` each patch is
    70 pixels a side; an image of 32 pixels has 2x2 of them, which reach over its edges.

    The only noise is dropout in the three innermost decoder blocks. As in the paper it stays in
    evaluation, where it is drawn from torch's global random state, and batch norm normalizes an
    image as in training: by the image's own statistics after training with ``batch_size=1``, as
    recommended. After larger batches, running averages stand for the statistics of the test batch.

    The paper's loss is ``non-saturating`` with the discriminator's part halved, which under Adam is
    nearly the same as not halving it. Its images are enlarged by 30 of 256 pixels and cropped at
    random, and mirrored: see the training settings ``jitter`` and ``flip``. As in its program, both
    players see one translation of the batch, with one draw of dropout: see ``fakes``.
    """

    paper = "Isola et al. 2017, arXiv:1611.07004"
    task = "paired-translation"
    recommends: ClassVar[dict[str, Any]] = TRAINING | {"fakes": "shared"}

    width: int = option(64, "channels of the maps at half the image's size", ge=1)
    norm: Literal["batch", "instance"] = option("batch", "normalization in both networks")
    d_norm: Literal["auto", "batch", "instance"] = option(
        "auto",
        "normalization in the discriminator; auto: instance if the cell needs a per-sample critic, "
        "else as norm",
    )
    dropout: float = option(0.5, "probability of dropout in the inner decoder", ge=0, lt=1)
    layers: int = option(3, "halvings in the discriminator; 3: patches of 70 pixels", ge=1)
    l1: float = option(100.0, "weight of the mean absolute difference to the target", ge=0)

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        channels = data.source_channels + data.channels
        d_norm: Norm = self.norm if self.d_norm == "auto" else self.d_norm
        return Networks(
            generator=UNet(data, self.width, self.norm, self.dropout),
            discriminator=Discriminator(channels, self.width, self.layers, d_norm),
        )

    def problem(self, data: DataSpec) -> str | None:
        if data.kind == "points":
            return f"pix2pix translates images, not {data}"
        if data.pairing != "paired":
            return (
                f"pix2pix learns from pairs of images, not {data}: use a data set such as "
                "paired-folder or colorization"
                + (", or cyclegan" if data.pairing == "unpaired" else "")
            )
        shorter, longer = sorted((data.height, data.width))
        if shorter < SMALLEST or shorter & (shorter - 1):
            return (
                f"pix2pix makes images of 8, 16, 32, … pixels a side, not {data}: resize them to a "
                "power of two"
            )
        if longer % shorter:
            return (
                f"pix2pix makes images whose longer side is a multiple of the shorter one, not {data}: "
                f"resize that side to {max(1, round(longer / shorter)) * shorter} pixels"
            )
        return patch_problem("pix2pix", data, self.layers)

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        fixed = self.norm if self.d_norm == "auto" else self.d_norm
        by_itself = self.d_norm == "auto" or fixed == "instance"
        return frozenset({CRITIC_FEATURES} | ({PER_SAMPLE_CRITIC} if by_itself else set()))

    def advice(self, capability: str) -> str:
        return "d_norm=auto or instance" if capability == PER_SAMPLE_CRITIC else ""

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        if self.d_norm != "auto":
            return self
        d_norm = "instance" if PER_SAMPLE_CRITIC in needs else self.norm
        return dataclasses.replace(self, d_norm=d_norm)

    def generator_terms(self, translation: Translation) -> Tensor:
        return self.l1 * F.l1_loss(translation.fake, translation.target)


class Discriminator(nn.Module):
    """Judges (batch, c, h, w) images beside their (batch, c', h, w) sources, patch by patch."""

    def __init__(self, channels: int, width: int, layers: int, norm: Norm) -> None:
        super().__init__()
        self.patches = PatchGAN(channels, width, layers, norm)

    def forward(self, images: Tensor, source: Tensor) -> Critique:
        critique: Critique = self.patches(torch.cat([source, images], 1))
        return critique
