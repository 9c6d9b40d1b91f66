"""The generator of pix2pix."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganbench import DataSpec
from ganbench_translation.layers import LEAK, Noise, Norm, drawn, has_bias, normalization

WIDEST = 8  # times the width at the image
NOISY = 3  # decoder blocks with dropout, from the innermost on


class UNet(nn.Module):
    """(batch, c', h, w) sources to (batch, c, h, w) images in [-1, 1].

    Isola et al. 2017, section 3.2.1 and appendix 6.1.1: 4x4 convolutions of stride 2 down to one
    pixel on the shorter side and back, where every decoder block sees the encoder's map of its size
    beside its predecessor's. The outermost and the innermost encoder maps are not normalized:
    normalization would set a single pixel to zero.
    """

    def __init__(self, data: DataSpec, width: int, norm: Norm, dropout: float) -> None:
        super().__init__()
        bias = has_bias(norm)
        widths = encoder_widths(min(data.height, data.width), width)
        innermost = len(widths) - 1
        self.encoder = nn.ModuleList()
        for level, (inputs, outputs) in enumerate(pairwise([data.source_channels, *widths])):
            activation = [nn.LeakyReLU(LEAK)] if level else []
            convolution = drawn(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=bias))
            normalized = [normalization(norm, outputs)] if 0 < level < innermost else []
            self.encoder.append(nn.Sequential(*activation, convolution, *normalized))
        self.decoder = nn.ModuleList()
        for block, (inputs, outputs) in enumerate(pairwise(widths[::-1])):
            wide = inputs if block == 0 else 2 * inputs
            convolution_up = drawn(nn.ConvTranspose2d(wide, outputs, 4, 2, 1, bias=bias))
            noise = [Noise(dropout)] if block < NOISY and dropout else []
            self.decoder.append(
                nn.Sequential(nn.ReLU(), convolution_up, normalization(norm, outputs), *noise)
            )
        last = drawn(nn.ConvTranspose2d(2 * widths[0], data.channels, 4, 2, 1))
        self.output = nn.Sequential(nn.ReLU(), last, nn.Tanh())

    def forward(self, source: Tensor) -> Tensor:
        maps = []
        for encode in self.encoder:
            source = encode(source)
            maps.append(source)
        decoded = maps.pop()
        for decode in self.decoder:
            decoded = torch.cat([decode(decoded), maps.pop()], 1)
        images: Tensor = self.output(decoded)
        return images


def encoder_widths(size: int, width: int) -> list[int]:
    """Channels of the encoder's maps for a power of two: the size is halved down to one pixel."""
    return [width * min(2**level, WIDEST) for level in range(size.bit_length() - 1)]
