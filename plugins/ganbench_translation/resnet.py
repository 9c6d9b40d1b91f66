"""The generator of CycleGAN, in one direction."""

from __future__ import annotations

from torch import Tensor, nn

from ganbench_translation.layers import Norm, Reflection, drawn, has_bias, normalization

HALVINGS = 2
SMALLEST = 8  # pixels a side: after the halvings, reflection padding can still enlarge the map


class ResNet(nn.Module):
    """(batch, ``inputs``, h, w) images to (batch, ``outputs``, h, w) images in [-1, 1].

    Zhu et al. 2017, appendix 7.2, after Johnson et al. 2016: c7s1-64, d128, d256, residual blocks,
    u128, u64, c7s1. Height and width are multiples of four.
    """

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int, norm: Norm) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(HALVINGS + 1)]
        bias = has_bias(norm)
        layers: list[nn.Module] = [Reflection(3)]
        layers += _activated(drawn(nn.Conv2d(inputs, width, 7, bias=bias)), norm)
        for channels in widths[:-1]:
            down = drawn(nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=bias))
            layers += _activated(down, norm)
        layers += [Residual(widths[-1], norm) for _ in range(blocks)]
        for channels in widths[:0:-1]:
            up = nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1, bias=bias)
            layers += _activated(drawn(up), norm)
        layers += [Reflection(3), drawn(nn.Conv2d(width, outputs, 7)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        translated: Tensor = self.layers(images)
        return translated


class Residual(nn.Module):
    """Two 3x3 convolutions, the first of them activated, beside the identity."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        first, second = (
            drawn(nn.Conv2d(channels, channels, 3, bias=has_bias(norm))) for _ in range(2)
        )
        self.layers = nn.Sequential(
            Reflection(1),
            *_activated(first, norm),
            Reflection(1),
            second,
            normalization(norm, channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        change: Tensor = self.layers(maps)
        return maps + change


def _activated(layer: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> list[nn.Module]:
    return [layer, normalization(norm, layer.out_channels), nn.ReLU(inplace=True)]
