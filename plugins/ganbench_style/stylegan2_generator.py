"""StyleGAN2's generator."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganbench_style.resampling import Upsample
from ganbench_style.stylegan2_layers import StyledLayer, ToImage
from ganbench_style.stylegan2_mapping import Mapping


class Synthesis(nn.Module):
    """(batch, layers, w_dim) styles to (batch, c, s, s) images of unbounded range.

    A learned 4x4 map goes through two styled layers for each size, one for the first size, the first
    of which doubles it. Each size adds its image to the doubled image of the size before (Karras et
    al. 2020, section 4.1, the design with output skips). The layer that makes a size's image shares
    its style with the convolution that comes next.

    :param widths: channels of the maps, from the first one outwards.
    :param first: height and width of that map.
    """

    def __init__(
        self, channels: int, widths: list[int], w_dim: int, first: tuple[int, int] = (4, 4)
    ) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.randn(widths[0], *first))
        self.first = StyledLayer(widths[0], widths[0], w_dim)
        self.doubling = nn.ModuleList(
            StyledLayer(inner, outer, w_dim, upsample=True) for inner, outer in pairwise(widths)
        )
        self.keeping = nn.ModuleList(StyledLayer(width, width, w_dim) for width in widths[1:])
        self.to_image = nn.ModuleList(ToImage(width, channels, w_dim) for width in widths)
        self.upsample = Upsample()
        self.layers = 2 * len(widths)

    def forward(self, styles: Tensor) -> Tensor:
        each = styles.unbind(1)
        maps = self.first(self.constant.expand(styles.shape[0], -1, -1, -1), each[0])
        images: Tensor = self.to_image[0](maps, each[1])
        sizes = zip(self.doubling, self.keeping, self.to_image[1:], strict=True)
        for place, (double, keep, to_image) in enumerate(sizes, 1):
            first, second, third = each[2 * place - 1 : 2 * place + 2]
            maps = keep(double(maps, first), second)
            images = self.upsample(images) + to_image(maps, third)
        return images


class Generator(nn.Module):
    """(batch, latent_dim) latents, and (batch,) labels if it is conditional, to (batch, c, s, s) images.

    Images have an unbounded range in training, as published, unless a tanh has ``squashed`` them; in
    evaluation they are clamped to [-1, 1].

    In training, the share ``mixing`` of the batches takes the styles of their later layers from second
    latents (Karras et al. 2019, section 3.1), and ``w_avg`` follows the mean style. As in the authors'
    program, the layer at which styles change is drawn once for a batch. Random numbers come from
    torch's global random state and stay on the device.

    :param shape: height and width; the middle of what the synthesis makes.
    """

    w_avg: Tensor

    def __init__(
        self,
        mapping: Mapping,
        synthesis: Synthesis,
        shape: tuple[int, int],
        *,
        squashed: bool,
        mixing: float,
        decay: float,
    ) -> None:
        super().__init__()
        self.mapping, self.synthesis = mapping, synthesis
        self.shape, self.squashed = shape, squashed
        self.mixing, self.decay = mixing, decay
        self.register_buffer("w_avg", torch.zeros(mapping.w_dim))

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        w = self.mapping(latents, labels)
        if self.training:
            self._track(w)
        return self._images(self._mixed(w, latents, labels))

    def with_styles(self, latents: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The images, and the (batch, layers, w_dim) styles in their graph."""
        styles = self._mixed(self.mapping(latents, labels), latents, labels)
        return self._images(styles), styles

    def truncated(self, latents: Tensor, labels: Tensor | None, psi: float) -> Tensor:
        """Images of styles at ``psi`` of their distance from the mean style (2019, appendix B)."""
        w = torch.lerp(self.w_avg, self.mapping(latents, labels), psi)
        return self._images(self._repeated(w))

    def _track(self, w: Tensor) -> None:
        with torch.no_grad():
            self.w_avg.lerp_(w.detach().mean(0), 1 - self.decay)

    def _mixed(self, w: Tensor, latents: Tensor, labels: Tensor | None) -> Tensor:
        """(batch, layers, w_dim): each sample's style for every layer."""
        styles = self._repeated(w)
        if not self.training or not self.mixing:
            return styles
        others = self._repeated(self.mapping(torch.randn_like(latents), labels))
        layers = torch.arange(styles.shape[1], device=w.device)
        cut = torch.randint(1, len(layers), (), device=w.device)
        mixes = torch.rand((), device=w.device) < self.mixing
        return torch.where((mixes & (layers >= cut))[:, None], others, styles)

    def _repeated(self, w: Tensor) -> Tensor:
        return w[:, None].expand(-1, self.synthesis.layers, -1)

    def _images(self, styles: Tensor) -> Tensor:
        images: Tensor = self.synthesis(styles)
        height, width = self.shape
        top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
        images = images[..., top : top + height, left : left + width]
        if self.squashed:
            return images.tanh()
        return images if self.training else images.clamp(-1, 1)
