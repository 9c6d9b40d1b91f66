"""The original GAN's design: two fully connected networks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganbench import (
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    Architecture,
    DataSpec,
    Networks,
    option,
)
from ganbench_classic.discriminator import Discriminator
from ganbench_classic.minibatch import MinibatchDiscrimination

Activation = Literal["leaky-relu", "relu"]
GNorm = Literal["batch", "none"]
DNorm = Literal["none", "layer", "spectral"]


class MLP(Architecture):
    """Fully connected pair (Goodfellow et al., 2014), for images and for points of any dimension.

    Both players are stacks of linear layers, each with an optional normalization and an
    activation; a last linear layer gives the sample (through tanh where the data are images) or one
    logit. The discriminator has no sigmoid, since losses take logits, and no dropout. The paper's
    maxout units are about ``maxout=5``. Layers keep PyTorch's default initialization. Batch norm in
    the generator is newer than the paper (``g_norm=none``); with it the pair learns images much
    faster.

    The discriminator's features are the inputs of its last layer. With ``minibatch`` that layer also
    gets minibatch discrimination (Salimans et al. 2016, arXiv:1606.03498,
    section 3.2).

    The mixture experiments of PacGAN (Lin et al. 2018, arXiv:1712.04086) use
    ``mlp[latent_dim=2,g_widths=[400,400,400,400],d_widths=[200,200,200],activation=relu,``
    ``maxout=5]``.

    It recommends no settings: the paper trains with momentum SGD and does not state the rates.
    """

    paper = "Goodfellow et al. 2014, arXiv:1406.2661"

    latent_dim: int = option(100, "length of the standard normal latents", ge=1)
    g_widths: tuple[int, ...] = option((256, 512), "units of the generator's hidden layers")
    d_widths: tuple[int, ...] = option((512, 256), "units of the discriminator's hidden layers")
    output: Literal["auto", "tanh", "linear"] = option(
        "auto", "the generator's last activation; auto: tanh for images, linear for points"
    )
    activation: Activation = option(
        "leaky-relu", "activation of hidden layers; leaky-relu has a slope of 0.2"
    )
    g_norm: GNorm = option("batch", "normalization in the generator")
    d_norm: DNorm = option("none", "normalization in the discriminator")
    maxout: int = option(
        0,
        "pieces of the discriminator's maxout units, in place of the activation; 0 for none",
        ge=0,
    )
    minibatch: int = option(0, "kernels of minibatch discrimination; 0 for none", ge=0)
    minibatch_dim: int = option(5, "dimensions in which a kernel compares samples", ge=1)

    def __post_init__(self) -> None:
        for name in ("g_widths", "d_widths"):
            if any(width < 1 for width in getattr(self, name)):
                raise ValueError(f"{name} must be positive numbers, not {getattr(self, name)}")
        if self.maxout == 1:
            raise ValueError("maxout=1 would make the units linear: use 0 for none, or 2 and more")

    def build(self, data: DataSpec) -> Networks:
        return Networks(generator=self._generator(data), discriminator=self._discriminator(data))

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        return frozenset({CRITIC_FEATURES} | (set() if self.minibatch else {PER_SAMPLE_CRITIC}))

    def advice(self, capability: str) -> str:
        return "minibatch=0" if capability == PER_SAMPLE_CRITIC else ""

    def _generator(self, data: DataSpec) -> nn.Module:
        batch_norm = self.g_norm == "batch"
        widths = (self.latent_dim, *self.g_widths)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers.append(nn.Linear(inputs, outputs, bias=not batch_norm))
            if batch_norm:  # it has its own shift
                layers.append(nn.BatchNorm1d(outputs))
            layers.append(_activation(self.activation))
        layers += [nn.Linear(widths[-1], math.prod(data.shape)), nn.Unflatten(1, data.shape)]
        if self.output == "tanh" or (self.output == "auto" and data.kind == "image"):
            layers.append(nn.Tanh())
        return Generator(*layers)

    def _discriminator(self, data: DataSpec) -> nn.Module:
        widths = (math.prod(data.shape), *self.d_widths)
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            pieces = outputs * max(1, self.maxout)
            layers.append(self._constrained(nn.Linear(inputs, pieces)))
            if self.d_norm == "layer":
                layers.append(nn.LayerNorm(pieces))
            layers.append(Maxout(self.maxout) if self.maxout else _activation(self.activation))
        layers.append(self._constrained(nn.Linear(widths[-1] + self.minibatch, 1)))
        return Discriminator(*layers, minibatch=self._kernels(widths[-1]))

    def _kernels(self, features: int) -> nn.Module | None:
        if not self.minibatch:
            return None
        kernels = MinibatchDiscrimination(features, self.minibatch, self.minibatch_dim)
        return self._constrained(kernels)

    def _constrained(self, layer: nn.Module) -> nn.Module:
        return spectral_norm(layer) if self.d_norm == "spectral" else layer


class Generator(nn.Module):
    """(batch, latent_dim) latents to (batch, c, h, w) samples."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        samples: Tensor = self.layers(latents)
        return samples


class Maxout(nn.Module):
    """(batch, units · pieces) to (batch, units): each unit is the greatest of its linear pieces.

    Goodfellow et al. 2013, arXiv:1302.4389.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, values: Tensor) -> Tensor:
        pieces: Tensor = values.unflatten(1, (-1, self.pieces))
        return pieces.amax(2)


def _activation(name: Activation) -> nn.Module:
    return nn.ReLU(inplace=True) if name == "relu" else nn.LeakyReLU(0.2, inplace=True)
