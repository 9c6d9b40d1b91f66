"""StyleGAN2: styles that scale the weights of a generator's convolutions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ganbench import (
    CRITIC_FEATURES,
    MINIBATCH_STATISTICS,
    PER_SAMPLE_CRITIC,
    STYLES,
    Architecture,
    DataSpec,
    Networks,
    image_problem,
    option,
)
from ganbench_style.minibatch import MinibatchDeviation
from ganbench_style.stylegan2_discriminator import Discriminator
from ganbench_style.stylegan2_generator import Generator, Synthesis
from ganbench_style.stylegan2_mapping import Mapping

SMALLEST, LARGEST = 8, 1024


class StyleGAN2(Architecture):
    """StyleGAN2 (Karras et al. 2020), for any square of 8 to 1024 pixels.

    A mapping network makes a style of the latent, and each of the generator's modulated convolutions,
    with noise at every pixel, takes its own linear function of it; every size adds its image to the
    doubled image of the size before. The discriminator is residual, or plain as in the first StyleGAN,
    and sees the minibatch standard deviation. All layers have an equalized learning rate. Maps of s
    pixels a side have min(channel_base / s, channel_max) channels.

    The defaults are those of the paper's configuration F for 1024 pixels. Others that were published
    (Karras et al. 2020, arXiv:2006.06676, appendix), of which some parts are training settings:

    - 256 pixels: ``channel_base=16384,mbstd_group=8``, learning rate 2.5e-3, r1 with γ = 1;
    - CIFAR-10: ``conditional=true,mapping_layers=2,mixing=0,d_design=plain,mbstd_group=32``, learning
      rate 2.5e-3, ema_images 500 000, r1 with γ = 0.01, no path-length regularization.

    With ``conditional`` the mapping also gets an embedding of the label, and the discriminator's
    logit is its projection on a mapped label.

    For a size that is not a power of two, such as 28, the generator makes the next power and crops
    it; the discriminator pads with zeros.

    As published, the generator's images have no bounded range in training; they are clamped to [-1, 1]
    in evaluation. On simple data this takes several thousand updates to become good, as it does with
    the authors' program: in one comparison on the same data, Fréchet distances after each 10 000 images
    were 31.2, 22.0, 30.7, 24.7, 22.6, 17.4 and 13.0 here, and 33.6, 27.3, 30.2, 28.2, 21.5, 15.8 and
    11.5 there. ``output=tanh`` gives bounded images, unlike the published design.
    """

    paper = "Karras et al. 2020, arXiv:1912.04958"
    recommends: ClassVar[dict[str, Any]] = {
        "g_optimizer": "adam",
        "d_optimizer": "adam",
        "g_lr": 2e-3,
        "d_lr": 2e-3,
        "g_betas": (0.0, 0.99),
        "d_betas": (0.0, 0.99),
        "ema_images": 20_000,
        "ema_rampup": 0.05,
        "first_player": "generator",
    }
    truncates: ClassVar[bool] = True

    channel_base: int = option(
        32_768, "channels of a map times its height, up to channel_max", ge=8
    )
    channel_max: int = option(512, "the most channels of a map", ge=1)
    latent_dim: int = option(512, "length of the standard normal latents", ge=1)
    w_dim: int = option(512, "length of the styles", ge=1)
    mapping_layers: int = option(8, "layers of the mapping network", ge=1)
    mapping_lr: float = option(
        0.01, "learning rate of the mapping networks, as a share of the others'", gt=0
    )
    conditional: bool = option(False, "make images of a given class")
    mixing: float = option(0.9, "share of training batches with styles of two latents", ge=0, le=1)
    w_decay: float = option(0.995, "how slowly the mean style follows", ge=0, lt=1)
    output: Literal["linear", "tanh"] = option("linear", "last activation of the generator")
    d_design: Literal["residual", "plain"] = option("residual", "blocks of the discriminator")
    d_mapping_layers: int = option(8, "layers of the mapping of the judged label", ge=0)
    mbstd_group: int = option(4, "samples in a minibatch standard deviation; 0: none", ge=0)
    mbstd_channels: int = option(1, "maps of the minibatch standard deviation", ge=1)

    @property
    def task(self) -> Literal["unconditional", "class-conditional"]:
        return "class-conditional" if self.conditional else "unconditional"

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        widths = self._widths(data)
        classes = data.classes if self.conditional else 0
        mapping = Mapping(
            self.latent_dim, classes, self.w_dim, self.mapping_layers, self.mapping_lr
        )
        synthesis = Synthesis(data.channels, widths, self.w_dim, _first_map(data, widths))
        generator = Generator(
            mapping,
            synthesis,
            (data.height, data.width),
            squashed=self.output == "tanh",
            mixing=self.mixing,
            decay=self.w_decay,
        )
        return Networks(generator, self._discriminator(data, widths, classes))

    def _discriminator(self, data: DataSpec, widths: list[int], classes: int) -> Discriminator:
        deviation = mapping = None
        if self.mbstd_group:
            deviation = MinibatchDeviation(self.mbstd_group, self.mbstd_channels)
        if classes:
            mapping = Mapping(0, classes, widths[0], self.d_mapping_layers, self.mapping_lr)
        residual = self.d_design == "residual"
        shape, first = (data.height, data.width), _first_map(data, widths)
        return Discriminator(data.channels, shape, first, widths, residual, deviation, mapping)

    def _widths(self, data: DataSpec) -> list[int]:
        """Channels of the maps, from 4x4 outwards."""
        shorter = min(data.height, data.width)
        sizes = [4 << stage for stage in range((shorter - 1).bit_length() - 1)]
        return [max(1, min(self.channel_base // size, self.channel_max)) for size in sizes]

    def problem(self, data: DataSpec) -> str | None:
        problem = image_problem("stylegan2", data, SMALLEST, LARGEST)
        if problem:
            return problem
        if self.conditional and not data.classes:
            return f"stylegan2[conditional=true] needs classes, not {data}: set conditional=false"
        parts = self.mbstd_channels if self.mbstd_group else 1
        if self._widths(data)[0] % parts:
            return (
                f"mbstd_channels={parts} does not divide the {self._widths(data)[0]} innermost "
                "channels: set it to 1"
            )
        return None

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        tied = {MINIBATCH_STATISTICS} if self.mbstd_group else set()
        return frozenset({CRITIC_FEATURES, PER_SAMPLE_CRITIC, STYLES} | tied)

    def truncated(
        self,
        generator: torch.nn.Module,
        latents: Tensor,
        labels: Tensor | None,
        truncation: float,
    ) -> Tensor:
        assert isinstance(generator, Generator)
        return generator.truncated(latents, labels, truncation)


def _first_map(data: DataSpec, widths: list[int]) -> tuple[int, int]:
    """Height and width of the first map: 4 on the shorter side, and in proportion on the longer one."""
    unit = 2 ** (len(widths) - 1)
    return max(4, -(-data.height // unit)), max(4, -(-data.width // unit))
