"""R3GAN's two networks, as stages from the innermost map to the image and back."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganbench import Critique
from ganbench_style.r3gan_layers import ResidualBlock, class_table, drawn, matched
from ganbench_style.resampling import Downsample, Upsample


class Stage(NamedTuple):
    """The residual blocks of one size.

    :ivar width: channels between blocks.
    :ivar hidden: channels inside blocks.
    :ivar groups: of their 3x3 convolutions.
    """

    width: int
    hidden: int
    groups: int
    blocks: int

    def layers(self, depth: int) -> list[nn.Module]:
        """The blocks, for a network of ``depth`` of them."""
        return [
            ResidualBlock(self.width, self.hidden, self.groups, depth) for _ in range(self.blocks)
        ]


class Generator(nn.Module):
    """(batch, latent_dim) latents to images, which may exceed [-1, 1] in training.

    :param channels: of the images.
    :param base: height and width of the innermost map.
    :param stages: from the innermost to the image's.
    :param classes: 0 for an unconditional generator.
    """

    def __init__(
        self,
        channels: int,
        base: tuple[int, int],
        stages: list[Stage],
        latent_dim: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.embed = class_table(classes, latent_dim) if classes else None
        inputs, width = latent_dim * (2 if classes else 1), stages[0].width
        self.scale = drawn(nn.Linear(inputs, width, bias=False))
        self.basis = nn.Parameter(torch.randn(width, *base))
        depth = sum(stage.blocks for stage in stages)
        layers = stages[0].layers(depth)
        for inner, outer in pairwise(stages):
            # Filters of single channels and mixtures of them commute: mix where there are few pixels.
            layers += [*matched(inner.width, outer.width), Upsample(), *outer.layers(depth)]
        self.layers = nn.Sequential(*layers)
        self.to_image = drawn(nn.Conv2d(stages[-1].width, channels, 1, bias=False))

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.embed is not None:
            assert labels is not None, "a conditional generator needs labels"
            latents = torch.cat([latents, self.embed(labels)], 1)
        maps = self.scale(latents)[:, :, None, None] * self.basis
        images: Tensor = self.to_image(self.layers(maps))
        return images if self.training else images.clamp(-1, 1)


class Discriminator(nn.Module):
    """Images to (batch,) logits and (batch, width) features; parameters as in `Generator`."""

    def __init__(
        self, channels: int, base: tuple[int, int], stages: list[Stage], classes: int
    ) -> None:
        super().__init__()
        inwards, depth = stages[::-1], sum(stage.blocks for stage in stages)
        layers: list[nn.Module] = [drawn(nn.Conv2d(channels, inwards[0].width, 1, bias=False))]
        layers += inwards[0].layers(depth)
        for outer, inner in pairwise(inwards):
            layers += [Downsample(), *matched(outer.width, inner.width), *inner.layers(depth)]
        width = stages[0].width
        layers += [drawn(nn.Conv2d(width, width, base, groups=width, bias=False)), nn.Flatten()]
        self.layers = nn.Sequential(*layers)
        self.judge = drawn(nn.Linear(width, width if classes else 1, bias=False))
        # The gain is for the logit, a sum over the width.
        self.embed = class_table(classes, width, 1 / math.sqrt(width)) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        features = self.layers(images)
        judged = self.judge(features)
        if self.embed is None:
            return Critique(judged.squeeze(1), features)
        assert labels is not None, "a conditional discriminator needs labels"
        return Critique((judged * self.embed(labels)).sum(1), features)
