"""DCGAN: a generator of transposed convolutions against a discriminator of strided ones."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self, TypeVar

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganbench import (
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    Architecture,
    DataSpec,
    Networks,
    image_problem,
    option,
)
from ganbench_classic.discriminator import Discriminator
from ganbench_classic.minibatch import MinibatchDiscrimination

Norm = Literal["batch", "layer", "instance", "spectral", "none"]
Affine = TypeVar("Affine", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)

SMALLEST, LARGEST = 8, 128
BASE = 4  # height and width of the innermost feature map
SPREAD = 0.02  # standard deviation of the initial weights (Radford et al. 2015, section 4)
LEAK = 0.2


class DCGAN(Architecture):
    """Deep convolutional GAN (Radford, Metz & Chintala, 2015), for images of 8 to 128 pixels a side.

    The generator projects its latents to a 4x4 map and doubles it with 4x4 transposed convolutions
    of stride 2 (ReLU, tanh at the end). The discriminator mirrors it with strided convolutions
    (leaky ReLU) and ends in one linear unit. Maps have ``width`` channels at half the image's size
    and twice as many at each halving. Both players normalize every hidden layer but the
    discriminator's first. No layer has a bias where the player normalizes its activations; with
    ``none`` or ``spectral`` every layer has one.

    For a size that is not a power of two, such as 28, the generator makes the next power and crops
    it; the discriminator pads with zeros. Of an image that is not square, the shorter side counts; the
    innermost map is as much longer than 4 pixels as the image is.

    Layer norm is taken over channels and pixels of each sample, with a gain and a shift for each
    channel (a group norm of one group), instance norm over the pixels of each channel, with the
    same. Weights start from N(0, 0.02²), gains from N(1, 0.02²), biases and shifts from 0.

    The discriminator's features are the flattened inputs of its linear unit. With ``minibatch`` the
    unit also gets minibatch discrimination (Salimans et al. 2016,
    arXiv:1606.03498, section 3.2).
    """

    paper = "Radford et al. 2015, arXiv:1511.06434"
    recommends: ClassVar[dict[str, Any]] = {
        "g_optimizer": "adam",
        "d_optimizer": "adam",
        "g_lr": 2e-4,
        "d_lr": 2e-4,
        "g_betas": (0.5, 0.999),
        "d_betas": (0.5, 0.999),
    }

    width: int = option(64, "channels of the maps at half the image's size", ge=1)
    latent_dim: int = option(100, "length of the standard normal latents", ge=1)
    g_norm: Literal["batch", "layer", "instance", "none"] = option(
        "batch", "normalization in the generator"
    )
    d_norm: Literal["auto", "batch", "layer", "instance", "spectral", "none"] = option(
        "auto",
        "normalization in the discriminator; auto: layer where each sample must be judged by "
        "itself, else batch",
    )
    minibatch: int = option(0, "kernels of minibatch discrimination; 0 for none", ge=0)
    minibatch_dim: int = option(5, "dimensions in which a kernel compares samples", ge=1)

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        widths = [self.width * 2**stage for stage in range(_stages(data))]
        d_norm: Norm = "batch" if self.d_norm == "auto" else self.d_norm
        return Networks(
            generator=Generator(data, self.latent_dim, widths, self.g_norm),
            discriminator=self._discriminator(data, widths, d_norm),
        )

    def _discriminator(self, data: DataSpec, widths: list[int], norm: Norm) -> Discriminator:
        hidden, features = _halving(data, widths, norm), widths[-1] * math.prod(_base(data))
        last = _drawn(nn.Linear(features + self.minibatch, 1, bias=_has_bias(norm)))
        kernels: nn.Module | None = None
        if self.minibatch:
            kernels = MinibatchDiscrimination(features, self.minibatch, self.minibatch_dim)
            kernels = _constrained(norm, kernels)
        return Discriminator(*hidden, _constrained(norm, last), minibatch=kernels)

    def problem(self, data: DataSpec) -> str | None:
        return image_problem("dcgan", data, SMALLEST, LARGEST)

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        alone = self.d_norm != "batch" and not self.minibatch
        return frozenset({CRITIC_FEATURES} | ({PER_SAMPLE_CRITIC} if alone else set()))

    def advice(self, capability: str) -> str:
        if capability != PER_SAMPLE_CRITIC:
            return ""
        ways = ["minibatch=0"] if self.minibatch else []
        if self.d_norm == "batch" or not ways:
            ways.append("d_norm=auto, layer, instance, spectral or none")
        return " and ".join(ways)

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        if self.d_norm != "auto":
            return self
        norm: Norm = "layer" if PER_SAMPLE_CRITIC in needs else "batch"
        return dataclasses.replace(self, d_norm=norm)


class Generator(nn.Module):
    """(batch, latent_dim) latents to (batch, c, h, w) images in [-1, 1].

    :param widths: channels of the hidden maps, from the image inwards.
    """

    def __init__(self, data: DataSpec, latent_dim: int, widths: list[int], norm: Norm) -> None:
        super().__init__()
        bias = _has_bias(norm)
        inwards, base = widths[::-1], _base(data)
        layers: list[nn.Module] = [
            _drawn(nn.Linear(latent_dim, inwards[0] * math.prod(base), bias=bias)),
            nn.Unflatten(1, (inwards[0], *base)),
            *_normalization(norm, inwards[0]),
            nn.ReLU(inplace=True),
        ]
        for channels, following in pairwise(inwards):
            layers += [
                _drawn(nn.ConvTranspose2d(channels, following, 4, 2, 1, bias=bias)),
                *_normalization(norm, following),
                nn.ReLU(inplace=True),
            ]
        # Padding beyond 1 crops the output of a transposed convolution.
        last = nn.ConvTranspose2d(
            widths[0],
            data.channels,
            4,
            2,
            _outer_padding(data),
            output_padding=(data.height % 2, data.width % 2),
            bias=bias,
        )
        self.layers = nn.Sequential(*layers, _drawn(last), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(latents)
        return images


def _halving(data: DataSpec, widths: list[int], norm: Norm) -> list[nn.Module]:
    """Layers from (batch, c, h, w) images to (batch, features), all but the last of a discriminator.

    :param widths: channels of the hidden maps, from the image inwards.
    """
    bias = _has_bias(norm)
    first = nn.Conv2d(data.channels, widths[0], 4, 2, _outer_padding(data), bias=bias)
    layers: list[nn.Module] = [
        _constrained(norm, _drawn(first)),
        nn.LeakyReLU(LEAK, inplace=True),
    ]
    for channels, following in pairwise(widths):
        layers += [
            _constrained(norm, _drawn(nn.Conv2d(channels, following, 4, 2, 1, bias=bias))),
            *_normalization(norm, following),
            nn.LeakyReLU(LEAK, inplace=True),
        ]
    return [*layers, nn.Flatten()]


def _stages(data: DataSpec) -> int:
    """The number of doublings of 4 pixels until they cover the image's shorter side."""
    return (min(data.height, data.width) - 1).bit_length() - (BASE - 1).bit_length()


def _base(data: DataSpec) -> tuple[int, int]:
    """Height and width of the innermost map, which the doublings make no smaller than the image."""
    stages = _stages(data)
    return max(BASE, -(-data.height // 2**stages)), max(BASE, -(-data.width // 2**stages))


def _outer_padding(data: DataSpec) -> tuple[int, int]:
    """Padding of the layer at the image: 1, plus the pixels that the doublings make too many."""
    stages, (tall, wide) = _stages(data), _base(data)
    missing = ((tall << stages) - data.height, (wide << stages) - data.width)
    return 1 + (missing[0] + 1) // 2, 1 + (missing[1] + 1) // 2


def _has_bias(norm: Norm) -> bool:
    return norm in ("none", "spectral")


def _drawn(layer: Affine) -> Affine:
    """The layer with its initial weights, from torch's global random state."""
    nn.init.normal_(layer.weight, 0.0, SPREAD)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _constrained(norm: Norm, layer: nn.Module) -> nn.Module:
    return spectral_norm(layer) if norm == "spectral" else layer


def _normalization(norm: Norm, channels: int) -> list[nn.Module]:
    """The layers, one or none, that normalize (batch, channels, h, w) activations."""
    layer: nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d
    if norm == "batch":
        layer = nn.BatchNorm2d(channels)
    elif norm == "layer":
        layer = nn.GroupNorm(1, channels)
    elif norm == "instance":
        layer = nn.InstanceNorm2d(channels, affine=True)
    else:
        return []
    nn.init.normal_(layer.weight, 1.0, SPREAD)
    nn.init.zeros_(layer.bias)
    return [layer]
