"""BigGAN: class-conditional generation at scale."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from ganbench import DataSpec, Networks, option
from ganbench_resnet.family import Attention, ResidualPair, attended_size, attention_problem
from ganbench_resnet.layers import Layers, settle_spectral_norms
from ganbench_resnet.plans import biggan_latents, biggan_plan
from ganbench_resnet.sampling import set_standing_statistics, truncated_normal
from ganbench_resnet.synthesis import HierarchicalGenerator


class BigGAN(ResidualPair):
    """BigGAN (Brock et al., 2019), for images of 8 to 512 pixels a side with classes.

    Residual networks with self-attention, spectral norm in every layer of both players but the
    generator's embedding, and orthogonal initial weights. The generator's batch norm is conditioned
    on an embedding of the class, which its blocks share, and on each block's own chunk of the
    latents; the discriminator is a projection discriminator. From 64 pixels on, widths are those of
    the paper's tables, below those of its experiment on CIFAR-10: see `biggan_plan`. For a size
    that is not 4 to 7 times a power of two, the generator makes the next such size and crops it; the
    discriminator pads with zeros.

    The latents are as long as the paper's, unless ``latent_dim`` says otherwise: 80 for 32 pixels, 100
    for 64, 120 for 128 and 140 for 256, which are 20 numbers for each chunk, and 128 for 512. The
    recommended settings do not include the paper's batches of 2048.

    ``ganbench sample --truncation`` maps every latent to a normal one within ± the truncation that
    has the same quantile. The paper redraws the values outside, which gives the same distribution;
    here the same noise gives similar images at all truncations.
    """

    title = "biggan"
    task = "class-conditional"
    truncates = True
    paper = "Brock et al. 2019, arXiv:1809.11096"
    recommends: ClassVar[dict[str, Any]] = {
        "optimizer": "adam",
        "g_lr": 5e-5,
        "d_lr": 2e-4,
        "betas": (0.0, 0.999),
        "d_steps": 2,
        # A decay of 0.9999 in each step halves in 6931 steps, here of 2 batches of 64.
        "ema_images": 887_000,
    }

    latent_dim: int | Literal["auto"] = option(  # type: ignore[assignment]  # settled by resolve
        "auto", "length of the standard normal latents; auto: the paper's for the size", ge=2
    )
    width: int = option(96, "the paper's ch; all widths are multiples of it", ge=1)
    shared_dim: int = option(128, "length of the class embedding that blocks share", ge=1)
    attention: Attention = option(
        "auto", "size of the maps with self-attention; auto: half the image's, at most 64", ge=1
    )
    standing_batches: int = option(
        0,
        "batches whose mean statistics batch norm takes for sampling; 0: moving averages from the "
        "training",
        ge=0,
    )

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        plan = biggan_plan((data.height, data.width), self.width)
        layers = Layers(spectral=True, orthogonal=True)
        attended = attended_size(self.attention, plan)
        return Networks(
            generator=HierarchicalGenerator(
                plan,
                data.channels,
                self._latent_dim(data),
                layers,
                classes=data.classes,
                shared_dim=self.shared_dim,
                attended=attended,
            ),
            discriminator=self._discriminator(data, plan, layers, wide=True, attended=attended),
        )

    def problem(self, data: DataSpec) -> str | None:
        problem = super().problem(data)
        if problem:
            return problem
        plan = biggan_plan((data.height, data.width), self.width)
        chunks, length = len(plan.g_widths), self._latent_dim(data)
        if length < chunks:
            return (
                f"biggan splits its latents into {chunks} chunks for {data}, but latent_dim is "
                f"{length}: use {chunks} or more, or auto"
            )
        return attention_problem(self.attention, plan)

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        settled = super().resolve(needs, data)
        return dataclasses.replace(settled, latent_dim=self._latent_dim(data))

    def _latent_dim(self, data: DataSpec) -> int:
        if self.latent_dim != "auto":
            return self.latent_dim
        return biggan_latents(biggan_plan((data.height, data.width), self.width))

    def before_sampling(
        self,
        generator: torch.nn.Module,
        draw: Callable[[int], tuple[Tensor, Tensor | None]],
    ) -> None:
        settle_spectral_norms(generator)
        if self.standing_batches:
            assert isinstance(generator, HierarchicalGenerator)
            pixels = math.prod(generator.synthesis.shape)
            set_standing_statistics(generator, draw, self.standing_batches, pixels)

    def truncated(
        self,
        generator: torch.nn.Module,
        latents: Tensor,
        labels: Tensor | None,
        truncation: float,
    ) -> Tensor:
        images: Tensor = generator(truncated_normal(latents, truncation), labels)
        return images
