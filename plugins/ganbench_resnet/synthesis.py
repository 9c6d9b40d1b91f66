"""The generators: from latents, and conditions of the blocks, to images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench_resnet.blocks import SelfAttention, UpBlock
from ganbench_resnet.layers import Layers
from ganbench_resnet.norms import ClassNorm, LearnedNorm, Norm, VectorNorm
from ganbench_resnet.plans import Plan


class Synthesis(nn.Module):
    """(batch, length) seeds, and a condition for every block, to (batch, c, h, w) in [-1, 1].

    A linear layer makes the first map, blocks double it; batch norm, ReLU, a 3x3 convolution and
    tanh make the image. A border is cropped if the size is not 4 to 7 times a power of two.

    :param length: numbers in a seed.
    :param norm: makes the blocks' normalizations.
    :param attended: the size of the map that gets self-attention, 0 for none.
    """

    def __init__(
        self, plan: Plan, channels: int, length: int, layers: Layers, norm: Norm, attended: int
    ) -> None:
        super().__init__()
        widths, sizes = plan.g_widths, plan.g_sizes
        (self.top, _), (self.left, _) = plan.margins
        self.shape = plan.shape
        self.first_map = (widths[0], *plan.first)
        self.first = layers.linear(length, math.prod(self.first_map))
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, layers, norm) for inputs, outputs in pairwise(widths)
        )
        self.place = sizes.index(attended) if attended else -1
        self.attention = SelfAttention(widths[self.place], layers) if attended else None
        self.norm = nn.BatchNorm2d(widths[-1])
        self.last = layers.conv(widths[-1], channels, 3)

    def forward(self, seeds: Tensor, conditions: Sequence[Tensor | None]) -> Tensor:
        maps = self.first(seeds).unflatten(1, self.first_map)
        maps = self._attended(maps, 0)
        for number, block in enumerate(self.blocks):
            maps = self._attended(block(maps, conditions[number]), number + 1)
        images: Tensor = self.last(F.relu(self.norm(maps))).tanh()
        height, width = self.shape
        return images[..., self.top : self.top + height, self.left : self.left + width]

    def _attended(self, maps: Tensor, place: int) -> Tensor:
        if self.attention is None or place != self.place:
            return maps
        seen: Tensor = self.attention(maps)
        return seen


class Generator(nn.Module):
    """(batch, latent_dim) latents, and (batch,) labels if there are classes, to images.

    :param classes: number of classes whose gains and shifts the blocks learn; 0 for none.
    """

    def __init__(
        self,
        plan: Plan,
        channels: int,
        latent_dim: int,
        layers: Layers,
        *,
        classes: int = 0,
        attended: int = 0,
    ) -> None:
        super().__init__()
        self.conditional = classes > 0
        norm: Norm = (lambda width: ClassNorm(width, classes)) if classes else LearnedNorm
        self.synthesis = Synthesis(plan, channels, latent_dim, layers, norm, attended)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.conditional and labels is None:
            raise ValueError("a class-conditional generator needs labels")
        images: Tensor = self.synthesis(latents, [labels] * len(self.synthesis.blocks))
        return images


class HierarchicalGenerator(nn.Module):
    """(batch, latent_dim) latents and (batch,) labels to images (Brock et al. 2019, appendix B).

    Latents are split into one chunk for the first layer and one for every block. A block's gains and
    shifts are linear in its chunk and an embedding of the class that all blocks share. Chunks are
    equal; the remainder goes to the first layer.

    :param shared_dim: length of the classes' embedding.
    """

    def __init__(
        self,
        plan: Plan,
        channels: int,
        latent_dim: int,
        layers: Layers,
        *,
        classes: int,
        shared_dim: int,
        attended: int,
    ) -> None:
        super().__init__()
        blocks = len(plan.g_widths) - 1
        chunk = latent_dim // (blocks + 1)
        self.chunks = [latent_dim - blocks * chunk, *[chunk] * blocks]
        # Without spectral norm: only the discriminator's embedding has it.
        self.shared = Layers(spectral=False, orthogonal=layers.orthogonal).embedding(
            classes, shared_dim
        )
        self.synthesis = Synthesis(
            plan,
            channels,
            self.chunks[0],
            layers,
            lambda width: VectorNorm(width, shared_dim + chunk, layers),
            attended,
        )

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            raise ValueError("a class-conditional generator needs labels")
        shared = self.shared(labels)
        seeds, *chunks = latents.split(self.chunks, dim=1)
        images: Tensor = self.synthesis(seeds, [torch.cat([shared, c], dim=1) for c in chunks])
        return images
