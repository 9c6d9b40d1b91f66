"""ProGAN: a pair that grows from its smallest images to the full size while it trains."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ganbench import (
    CRITIC_FEATURES,
    MINIBATCH_STATISTICS,
    PER_SAMPLE_CRITIC,
    Architecture,
    DataSpec,
    Networks,
    Progress,
    option,
)
from ganbench_style.progan_growth import Growing, at_level, stage_at
from ganbench_style.progan_networks import Discriminator, Generator
from ganbench_style.pyramid import pyramid, size_problem


class ProGAN(Architecture):
    """Progressive growing of GANs (Karras et al. 2018), for images of 8 to 1024 pixels a side.

    Training begins with images of 4x4 pixels. The size doubles repeatedly, by blocks of two
    3x3 convolutions in either player, each of which fades in: its weight α grows linearly while that
    of the old output (the old input, in the discriminator) falls. Real images are scaled and blended
    alike. Up to the share ``growth`` of the budget, each size and each fade has the same share of it;
    the rest is trained at the full size. All layers are there from the start, and their optimizer is
    never reset, unlike the paper's; its batch size falls with the image size, here it stays.

    Layers have an equalized learning rate, the generator normalizes each pixel's features (of the
    latents, too), and the discriminator's last block sees the standard deviation of its minibatch, in
    groups of ``group``. The generator's output is a 1x1 convolution without a squashing function; it
    is clamped to [-1, 1], and enlarged to the full size, when images are sampled.

    A map doubled k times has ``fmap_base`` / 2^(k+1) channels, ``fmap_max`` at the most. Images
    that are 5, 6 or 7 times a power of two start from that many pixels a side instead of 4. Of an image
    that is not square the shorter side counts, and the longer one starts from as many more.

    Recommends the paper's settings (appendix A.1). The paper's loss is ``wgan-gp[drift=0.001]``, but
    that loss recommends other settings. To use the paper's, add
    ``--set training.d_steps=1 --set training.lr=1e-3 --set training.betas=[0,0.99]``.
    """

    paper = "Karras et al. 2018, arXiv:1710.10196"
    recommends: ClassVar[dict[str, Any]] = {
        "g_optimizer": "adam",
        "d_optimizer": "adam",
        "g_lr": 1e-3,
        "d_lr": 1e-3,
        "g_betas": (0.0, 0.99),
        "d_betas": (0.0, 0.99),
        "d_steps": 1,
        "ema_images": 11_085,  # 0.999 in each step of 16 images: 16 · ln 0.5 / ln 0.999
    }

    fmap_base: int = option(8192, "channels at the image's size, times half of the size", ge=1)
    fmap_max: int = option(512, "the most channels of a map", ge=1)
    latent_dim: int = option(512, "length of the standard normal latents", ge=1)
    growth: float = option(
        0.6, "share of the budget until it reaches its full size; 0: full size at once", ge=0, le=1
    )
    group: int = option(4, "samples in a minibatch standard deviation; 0: the batch", ge=0)

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        base, doublings = pyramid(data.height, data.width)
        widths = [self._width(doubling) for doubling in range(doublings + 1)]
        return Networks(
            generator=Generator(data.channels, base, widths, self.latent_dim),
            discriminator=Discriminator(data.channels, base, widths, self.group),
        )

    def problem(self, data: DataSpec) -> str | None:
        return size_problem("progan", data)

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        return frozenset({PER_SAMPLE_CRITIC, MINIBATCH_STATISTICS, CRITIC_FEATURES})

    def advance(self, network: nn.Module, progress: Progress) -> None:
        assert isinstance(network, Growing)
        network.set_stage(stage_at(progress.share, self.growth, network.doublings))

    def variant(self, data: DataSpec, progress: Progress) -> tuple[int, bool]:
        stage = stage_at(progress.share, self.growth, pyramid(data.height, data.width).doublings)
        return stage.level, stage.fading

    def real_images(self, images: Tensor, progress: Progress) -> Tensor:
        doublings = pyramid(*images.shape[2:]).doublings
        stage = stage_at(progress.share, self.growth, doublings)
        return at_level(images, doublings - stage.level, stage.alpha if stage.fading else None)

    def judged_images(self, images: Tensor, discriminator: nn.Module, progress: Progress) -> Tensor:
        assert isinstance(discriminator, Growing)
        halvings = discriminator.doublings - discriminator.level
        return at_level(images, halvings, discriminator.alpha if discriminator.fading else None)

    def _width(self, doubling: int) -> int:
        return max(1, min(self.fmap_base >> (doubling + 1), self.fmap_max))
