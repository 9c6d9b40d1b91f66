"""The layers and the training settings of both designs."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import replica_count

Norm = Literal["batch", "instance", "instance-affine"]
Convolution = TypeVar("Convolution", nn.Conv2d, nn.ConvTranspose2d)

SPREAD = 0.02  # standard deviation of the initial weights, in both papers
LEAK = 0.2

#: The training settings of both papers.
TRAINING: dict[str, Any] = {
    "batch_size": 1,
    "optimizer": "adam",
    "lr": 2e-4,
    "betas": (0.5, 0.999),
    "lr_decay": "linear",
    "lr_decay_from": 0.5,
}


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that treats an image in evaluation as it did in training.

    After training on batches of one image, it normalizes every image by its own statistics, as
    pix2pix does at test time (Isola et al. 2017, section 3.4). After training on larger batches, it
    uses the running averages. Either way, an image's output does not depend on its batch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        nn.init.normal_(self.weight, 1.0, SPREAD)
        self.alone: Tensor
        self.register_buffer("alone", torch.zeros((), dtype=torch.bool))

    def forward(self, maps: Tensor) -> Tensor:
        if self.training:
            self.alone.fill_(len(maps) * replica_count() == 1)
            return super().forward(maps)
        by_itself = F.instance_norm(maps, weight=self.weight, bias=self.bias, eps=self.eps)
        return torch.where(self.alone, by_itself, super().forward(maps))


class Reflection(nn.Module):
    """Reflection padding by slices: PyTorch's layer has a nondeterministic gradient on a GPU."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, maps: Tensor) -> Tensor:
        for axis in (2, 3):
            size = maps.shape[axis]
            before = maps.narrow(axis, 1, self.pixels).flip(axis)
            after = maps.narrow(axis, size - 1 - self.pixels, self.pixels).flip(axis)
            maps = torch.cat([before, maps, after], axis)
        return maps


class Noise(nn.Module):
    """Dropout in evaluation, too: the noise of pix2pix. Drawn from torch's global random state."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, maps: Tensor) -> Tensor:
        return F.dropout(maps, self.probability, training=True)


def normalization(norm: Norm, channels: int) -> nn.Module:
    """The layer that normalizes (batch, channels, h, w) activations."""
    if norm == "batch":
        return BatchNorm(channels)
    layer = nn.InstanceNorm2d(channels, affine=norm == "instance-affine")
    if layer.affine:
        nn.init.normal_(layer.weight, 1.0, SPREAD)
    return layer


def has_bias(norm: Norm) -> bool:
    """Whether convolutions before this norm have a bias, as in the papers' implementations."""
    return norm != "batch"


def drawn(layer: Convolution) -> Convolution:
    """The layer with its initial weights, from torch's global random state."""
    nn.init.normal_(layer.weight, 0.0, SPREAD)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
