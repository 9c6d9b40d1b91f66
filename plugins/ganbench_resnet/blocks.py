"""The residual blocks of both players, and self-attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench_resnet.layers import Layers
from ganbench_resnet.norms import Norm

GAIN = math.sqrt(2)  # of the initial weights before and between rectifiers


class UpBlock(nn.Module):
    """The generator's block: (batch, inputs, h, w) to (batch, outputs, 2h, 2w).

    Norm, ReLU, doubling by nearest neighbors, 3x3 convolution, norm, ReLU, 3x3 convolution; beside
    it the doubled input through a 1x1 convolution.
    """

    def __init__(self, inputs: int, outputs: int, layers: Layers, norm: Norm) -> None:
        super().__init__()
        self.first_norm, self.second_norm = norm(inputs), norm(outputs)
        self.first = layers.conv(inputs, outputs, 3, gain=GAIN)
        self.second = layers.conv(outputs, outputs, 3, gain=GAIN)
        self.shortcut = layers.conv(inputs, outputs, 1)

    def forward(self, maps: Tensor, condition: Tensor | None) -> Tensor:
        residual: Tensor = self.first(_doubled(F.relu(self.first_norm(maps, condition))))
        residual = self.second(F.relu(self.second_norm(residual, condition)))
        # A 1x1 convolution commutes with copying pixels; before it, it costs a quarter.
        return residual + _doubled(self.shortcut(maps))


class DownBlock(nn.Module):
    """The discriminator's block: (batch, inputs, h, w) to (batch, outputs, h, w) or half the size.

    ReLU, 3x3 convolution, ReLU, 3x3 convolution, mean of 2x2 pixels; beside it the input through a
    1x1 convolution and the same mean, or as it is where its shape stays. The first ReLU is left out
    at the image.

    :param hidden: channels between the convolutions.
    :param rectified_skip: whether the skip carries the input after the first ReLU.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        layers: Layers,
        *,
        first: bool,
        halve: bool,
        rectified_skip: bool = False,
    ) -> None:
        super().__init__()
        self.activate, self.halve, self.rectified_skip = not first, halve, rectified_skip
        self.first = layers.conv(inputs, hidden, 3, gain=GAIN)
        self.second = layers.conv(hidden, outputs, 3, gain=GAIN)
        same = inputs == outputs and not halve
        self.shortcut = nn.Identity() if same else layers.conv(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        rectified = F.relu(maps) if self.activate else maps
        residual: Tensor = self.second(F.relu(self.first(rectified)))
        skipped = rectified if self.rectified_skip else maps
        if self.halve:
            # The mean and a 1x1 convolution commute; after the mean, the convolution costs a quarter.
            residual, skipped = F.avg_pool2d(residual, 2), F.avg_pool2d(skipped, 2)
        shortcut: Tensor = self.shortcut(skipped)
        return residual + shortcut


class SelfAttention(nn.Module):
    """Every pixel looks at all others (Zhang et al. 2019, section 3), on (batch, c, h, w) maps.

    As in the authors' code, queries and keys have c/8 channels and values c/2, keys and values are
    max-pooled by 2, and no convolution has a bias. The result is added with a learned gain that
    starts at 0.
    """

    def __init__(self, channels: int, layers: Layers) -> None:
        super().__init__()
        matched, carried = max(1, channels // 8), max(1, channels // 2)
        self.queries = layers.conv(channels, matched, 1, bias=False)
        self.keys = layers.conv(channels, matched, 1, bias=False)
        self.values = layers.conv(channels, carried, 1, bias=False)
        self.output = layers.conv(carried, channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, maps: Tensor) -> Tensor:
        queries = self.queries(maps).flatten(2)  # (batch, c/8, pixels)
        keys = _largest(self.keys(maps)).flatten(2)  # (batch, c/8, places)
        values = _largest(self.values(maps)).flatten(2)  # (batch, c/2, places)
        shares = (queries.transpose(1, 2) @ keys).softmax(dim=2)  # (batch, pixels, places)
        seen = (values @ shares.transpose(1, 2)).unflatten(2, maps.shape[2:])
        attended: Tensor = self.output(seen)
        return maps + self.gain * attended


def _largest(maps: Tensor) -> Tensor:
    """Max-pooling by 2: PyTorch's layer has a nondeterministic gradient on a GPU.

    Equal values of a square share the gradient.
    """
    even = maps[..., : maps.shape[2] // 2 * 2, : maps.shape[3] // 2 * 2]
    largest: Tensor = even.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5))
    return largest


def _doubled(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")
