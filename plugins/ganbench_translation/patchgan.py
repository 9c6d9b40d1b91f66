"""The discriminator of both designs, which judges patches."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganbench import Critique, DataSpec
from ganbench_translation.layers import LEAK, Norm, drawn, has_bias, normalization

WIDEST = 8  # times the width at the image
LEAST = 3  # pixels a side after the halvings, for at least one patch


class PatchGAN(nn.Module):
    """(batch, c, h, w) images to a (batch, 1, h', w') map of logits, one for each patch.

    Isola et al. 2017, section 3.3 and appendix 6.1.2: 4x4 convolutions, ``layers`` of them with
    stride 2, then two with stride 1. Each logit sees a patch of `receptive_field` pixels a side;
    neighboring patches overlap. The features are the last hidden map, averaged over the patches.
    """

    def __init__(self, channels: int, width: int, layers: int, norm: Norm) -> None:
        super().__init__()
        bias = has_bias(norm)
        widths = [width * min(2**level, WIDEST) for level in range(layers + 1)]
        hidden: list[nn.Module] = [
            drawn(nn.Conv2d(channels, widths[0], 4, 2, 1)),
            nn.LeakyReLU(LEAK, inplace=True),
        ]
        for level, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            stride = 2 if level < layers else 1
            hidden += [
                drawn(nn.Conv2d(inputs, outputs, 4, stride, 1, bias=bias)),
                normalization(norm, outputs),
                nn.LeakyReLU(LEAK, inplace=True),
            ]
        self.hidden = nn.Sequential(*hidden)
        self.judge = drawn(nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, images: Tensor) -> Critique:
        maps = self.hidden(images)
        return Critique(self.judge(maps), features=maps.mean((2, 3)))


def receptive_field(layers: int) -> int:
    """Pixels a side of the patch that a logit sees: 16, 34, 70, 142, 286, …"""
    side = 1
    for stride in (1, 1, *[2] * layers):  # from the logit back to the image
        side = (side - 1) * stride + 4
    return side


def patch_problem(name: str, data: DataSpec, layers: int) -> str | None:
    """Why images of 8 pixels or more are too small for the halvings, with a way out, or None."""
    smallest = min(data.height, data.width)
    if smallest >> layers >= LEAST:
        return None
    enough = max(fewer for fewer in range(1, layers) if smallest >> fewer >= LEAST)
    return (
        f"{name}'s discriminator with layers={layers} needs {LEAST << layers} pixels a side or more, "
        f"not {data}: use layers={enough} or larger images"
    )
