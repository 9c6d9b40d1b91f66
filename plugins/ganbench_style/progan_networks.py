"""ProGAN's two networks, which hold the layers of all sizes from the start."""

from __future__ import annotations

from itertools import islice, pairwise

import torch
from torch import Tensor, nn

from ganbench import Critique
from ganbench_style.equalized import (
    LEAK,
    RECTIFIER_GAIN,
    Equalized,
    EqualizedConv2d,
    EqualizedLinear,
)
from ganbench_style.minibatch import MinibatchDeviation
from ganbench_style.progan_growth import Growing, blend, doubled, enlarged, reduced

EPSILON = 1e-8


class PixelNorm(nn.Module):
    """Each pixel's features by the root of their mean square (Karras et al. 2018, section 4.2)."""

    def forward(self, maps: Tensor) -> Tensor:
        # Squares want more digits than a low-precision activation has.
        precise = maps.to(torch.promote_types(maps.dtype, torch.float32))
        normalized = precise * (precise.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        return normalized.to(maps.dtype)


class InnermostMap(Equalized):
    """(batch, latent_dim) to (batch, outputs, *base): each pixel has its own weights.

    It is the paper's first layer, a 4x4 convolution of a single pixel padded with 3 zeros all around,
    without the products with zeros; its fan-in counts all of the kernel.
    """

    def __init__(self, latent_dim: int, outputs: int, base: tuple[int, int]) -> None:
        super().__init__((outputs, latent_dim, *base), 0.0, 1.0, RECTIFIER_GAIN, 1.0)

    def forward(self, latents: Tensor) -> Tensor:
        weight, bias = self.scaled()
        assert bias is not None
        maps: Tensor = torch.tensordot(latents, weight, dims=([1], [1]))
        return maps + bias[:, None, None]


class Generator(Growing):
    """(batch, latent_dim) latents to images: of the stage's size in training, else of full size.

    :param channels: of the images.
    :param base: height and width of the innermost map.
    :param widths: channels of the maps, from the innermost to the image's.
    """

    def __init__(
        self, channels: int, base: tuple[int, int], widths: list[int], latent_dim: int
    ) -> None:
        super().__init__(len(widths) - 1)
        first = [PixelNorm(), InnermostMap(latent_dim, widths[0], base), *_activation()]
        blocks = [nn.Sequential(*first, *_normalized(widths[0], widths[0]))]
        for inner, outer in pairwise(widths):
            enlarge = nn.Upsample(scale_factor=2, mode="nearest")
            layers = [enlarge, *_normalized(inner, outer), *_normalized(outer, outer)]
            blocks.append(nn.Sequential(*layers))
        self.blocks = nn.ModuleList(blocks)
        self.to_image = nn.ModuleList(EqualizedConv2d(width, channels, 1) for width in widths)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        before = maps = latents
        for block in islice(self.blocks, self.level + 1):
            before, maps = maps, block(maps)
        images: Tensor = self.to_image[self.level](maps)
        if self.fading:
            old = self.to_image[self.level - 1](before)
            images = blend(doubled(old), images, self.alpha)
        if self.training:
            return images
        return enlarged(images, self.doublings - self.level).clamp(-1, 1)


class Discriminator(Growing):
    """Images of the stage's size to (batch,) logits and (batch, features); see `Generator`.

    :param group: of the minibatch standard deviation.
    """

    def __init__(self, channels: int, base: tuple[int, int], widths: list[int], group: int) -> None:
        super().__init__(len(widths) - 1)
        self.from_image = nn.ModuleList(
            nn.Sequential(*_rectified(channels, width, 1)) for width in widths
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *_rectified(outer, outer, 3), *_rectified(outer, inner, 3), nn.AvgPool2d(2)
            )
            for inner, outer in pairwise(widths)
        )
        width = widths[0]
        self.last = nn.Sequential(
            MinibatchDeviation(group),
            *_rectified(width + 1, width, 3),
            *_rectified(width, width, base, padding=0),
            nn.Flatten(),
        )
        self.judge = EqualizedLinear(width, 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        maps: Tensor = self.from_image[self.level](images)
        for level in range(self.level, 0, -1):
            maps = self.blocks[level - 1](maps)
            if self.fading and level == self.level:
                old = self.from_image[level - 1](reduced(images, 1))
                maps = blend(old, maps, self.alpha)
        features = self.last(maps)
        return Critique(self.judge(features).squeeze(1), features)


def _normalized(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3x3 convolution of the generator, with what follows it."""
    return [EqualizedConv2d(inputs, outputs, 3, gain=RECTIFIER_GAIN), *_activation()]


def _activation() -> list[nn.Module]:
    return [nn.LeakyReLU(LEAK, inplace=True), PixelNorm()]


def _rectified(
    inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int | None = None
) -> list[nn.Module]:
    """A convolution of the discriminator, with what follows it."""
    return [
        EqualizedConv2d(inputs, outputs, kernel, padding=padding, gain=RECTIFIER_GAIN),
        nn.LeakyReLU(LEAK, inplace=True),
    ]
