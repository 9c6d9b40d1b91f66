"""SAGAN: SNGAN's networks with self-attention, spectrally normalized on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganbench import DataSpec, Networks, option
from ganbench_resnet.family import Attention, PlainPair, attended_size, attention_problem
from ganbench_resnet.layers import Layers, settle_spectral_norms
from ganbench_resnet.synthesis import Generator


class SAGAN(PlainPair):
    """Self-attention GAN (Zhang et al., 2019), for images of 8 to 512 pixels a side.

    The networks of `sngan` with one layer of self-attention in each, with spectral norm in the
    generator, too, and with blocks of the discriminator that widen at their first convolution. The
    paper's networks are class-conditional: set ``conditional``. The gains and shifts have no spectral
    norm.

    Self-attention stands where maps have half the image's size, 64 at most, as in PyTorch-StudioGAN;
    the paper compares 8, 16, 32 and 64 for images of 128 pixels (table 1).
    """

    title = "sagan"
    paper = "Zhang et al. 2019, arXiv:1805.08318"
    recommends: ClassVar[dict[str, Any]] = {
        "optimizer": "adam",
        "g_lr": 1e-4,
        "d_lr": 4e-4,
        "betas": (0.0, 0.9),
        "d_steps": 1,
    }

    attention: Attention = option(
        "auto", "size of the maps with self-attention; auto: half the image's, at most 64", ge=1
    )

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        plan, classes = self._plan(data), self._classes(data)
        layers = Layers(spectral=True, orthogonal=False)
        attended = attended_size(self.attention, plan)
        return Networks(
            generator=Generator(
                plan,
                data.channels,
                self.latent_dim,
                layers,
                classes=classes,
                attended=attended,
            ),
            discriminator=self._discriminator(data, plan, layers, wide=True, attended=attended),
        )

    def problem(self, data: DataSpec) -> str | None:
        return super().problem(data) or attention_problem(self.attention, self._plan(data))

    def before_sampling(
        self,
        generator: torch.nn.Module,
        draw: Callable[[int], tuple[Tensor, Tensor | None]],
    ) -> None:
        settle_spectral_norms(generator)
