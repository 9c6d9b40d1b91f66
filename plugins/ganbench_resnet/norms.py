"""Batch normalization with gains and shifts of three kinds: learned, of a class, of a vector.

All are called with (batch, channels, h, w) maps and a condition, which the first kind ignores.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ganbench_resnet.layers import Layers

#: channels -> a normalization.
Norm = Callable[[int], nn.Module]


class LearnedNorm(nn.Module):
    """Batch norm with one gain and one shift for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor, condition: Tensor | None) -> Tensor:
        normalized: Tensor = self.norm(maps)
        return normalized


class ClassNorm(nn.Module):
    """Batch norm with gains and shifts for each class (Dumoulin et al. 2017, de Vries et al. 2017).

    Tables hold gains minus 1, and shifts; both start at 0. The condition is (batch,)
    labels.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Embedding(classes, channels)
        self.shift = nn.Embedding(classes, channels)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        return _modulated(self.norm(maps), self.gain(condition), self.shift(condition))


class VectorNorm(nn.Module):
    """Batch norm whose gains and shifts are linear in a vector (Brock et al. 2019, appendix B).

    Gains are 1 and a linear map without bias, shifts another. The condition is (batch, length).
    """

    def __init__(self, channels: int, length: int, layers: Layers) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = layers.linear(length, channels, bias=False)
        self.shift = layers.linear(length, channels, bias=False)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        return _modulated(self.norm(maps), self.gain(condition), self.shift(condition))


def _modulated(maps: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    return maps * (1 + gain)[:, :, None, None] + shift[:, :, None, None]
