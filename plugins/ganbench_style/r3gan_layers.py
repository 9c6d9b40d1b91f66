"""R3GAN's residual blocks without normalization, and their initial weights."""

from __future__ import annotations

import math
from typing import TypeVar

from torch import Tensor, nn

LEAK = 0.2
#: The gain that keeps the second moment through a leaky rectifier (He et al. 2015, equation 15).
RECTIFIER_GAIN = math.sqrt(2 / (1 + LEAK**2))

Affine = TypeVar("Affine", nn.Linear, nn.Conv2d)


class ResidualBlock(nn.Module):
    """x + f(x), where f is an inverted bottleneck: 1x1, grouped 3x3 and 1x1 convolutions.

    The first two have a bias and a leaky rectifier after them; the last has neither, so x only gains
    sums. Initialized after Fixup (Zhang et al. 2019, arXiv:1901.09321,
    section 3.2): the last layer starts from zero, the m - 1 = 2 others from He's initialization times
    L^(-1/(2m - 2)), where L is the number of blocks of the network.

    :param hidden: channels between the 1x1 convolutions.
    :param groups: of the 3x3 convolution, its cardinality.
    :param depth: L.
    """

    def __init__(self, channels: int, hidden: int, groups: int, depth: int) -> None:
        super().__init__()
        gain = RECTIFIER_GAIN * depth**-0.25
        self.branch = nn.Sequential(
            drawn(nn.Conv2d(channels, hidden, 1), gain),
            nn.LeakyReLU(LEAK, inplace=True),
            drawn(nn.Conv2d(hidden, hidden, 3, padding=1, groups=groups), gain),
            nn.LeakyReLU(LEAK, inplace=True),
            drawn(nn.Conv2d(hidden, channels, 1, bias=False), 0.0),
        )

    def forward(self, maps: Tensor) -> Tensor:
        branch: Tensor = self.branch(maps)
        return maps + branch


def drawn(layer: Affine, gain: float = 1.0) -> Affine:
    """The layer with weights from N(0, gain² / fan-in) and biases of zero."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def matched(channels: int, wanted: int) -> list[nn.Module]:
    """A 1x1 convolution if two stages differ in width, else the identity."""
    if channels == wanted:
        return []
    return [drawn(nn.Conv2d(channels, wanted, 1, bias=False))]


def class_table(classes: int, width: int, gain: float = 1.0) -> nn.Embedding:
    """An embedding that starts as a linear map of one-hot vectors does: N(0, gain² / classes).

    The fan-in of such a map is the number of classes.
    """
    table = nn.Embedding(classes, width)
    nn.init.normal_(table.weight, 0.0, gain / math.sqrt(classes))
    return table
