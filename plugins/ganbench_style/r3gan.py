"""R3GAN: residual pairs without normalization, for a regularized relativistic loss."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from ganbench import CRITIC_FEATURES, PER_SAMPLE_CRITIC, Architecture, DataSpec, Networks, option
from ganbench_style.pyramid import pyramid, size_problem
from ganbench_style.r3gan_networks import Discriminator, Generator, Stage


class R3GAN(Architecture):
    """The modern baseline of "The GAN is dead; long live the GAN!" (Huang et al. 2025, Config E).

    Both players are stages of residual blocks (1x1, grouped 3x3 and 1x1 convolution, leaky ReLU of
    slope 0.2, no normalization), one stage for each size from 4x4 to the image. Between stages maps
    are doubled and halved by the filter [1, 3, 3, 1], which is the authors' parameter [1, 2, 1]
    convolved with [1, 1]: doubling is bilinear but for the border. The generator scales a learned 4x4
    map by a linear map of its latents; its output is a 1x1 convolution without a squashing function,
    and is clamped to [-1, 1] when images are sampled. The discriminator mirrors it, and ends in a
    depthwise 4x4 convolution and a linear layer. Images of 8 to 1024 pixels a side that are 5, 6 or 7
    times a power of two have an innermost map of that size instead of 4x4. Of an image that is not
    square, sizes are those of the shorter side; the longer one is doubled and halved with it.

    With ``conditional``, an embedding of the class as long as the latents stands beside them, and the
    discriminator's linear layer gives ``width`` numbers, whose inner product with an embedding of the
    class is the logit.

    Maps up to ``wide_to`` pixels a side have ``width`` channels in ``cardinality`` groups; beyond,
    both are halved with each doubling, so that groups keep their size. The paper's models are

    - CIFAR-10: ``conditional=true``
    - FFHQ at 64 and 256 pixels: the defaults
    - ImageNet at 32 pixels: ``conditional=true, width=1536``
    - ImageNet at 64 pixels: ``conditional=true, width=1536, wide_to=64``

    They are trained with the loss ``relativistic`` and the regularizers ``r1+r2``, whose γ falls
    with the learning rate (see there). As in the authors' program the generator's update compares
    with a real batch of its own: see the setting ``reals``. Recommends the paper's optimizer, and its
    schedule in shares of the 250 million images of CIFAR-10, of which the first 20 million are the
    schedule's.
    """

    paper = "Huang et al. 2025, arXiv:2501.05441"
    recommends: ClassVar[dict[str, Any]] = {
        "g_optimizer": "adam",
        "d_optimizer": "adam",
        "g_lr": 2e-4,
        "d_lr": 2e-4,
        "g_betas": (0.0, 0.9),
        "d_betas": (0.0, 0.9),
        "lr_decay": "cosine",
        "lr_decay_from": 0.0,
        "lr_decay_to": 0.08,
        "lr_final": 0.25,
        "beta2_final": 0.99,
        "ema_images": 5_000_000,
        "ema_rampup": 0.25,
        "reals": "fresh",
    }

    width: int = option(768, "channels of the maps up to wide_to pixels a side", ge=1)
    wide_to: int = option(32, "the largest map, in pixels a side, with all channels", ge=4)
    blocks: int = option(2, "residual blocks of each stage", ge=1)
    cardinality: int = option(96, "groups of the 3x3 convolutions where maps have width", ge=1)
    expansion: int = option(2, "inner width of a block, as a multiple of its width", ge=1)
    latent_dim: int = option(64, "length of the standard normal latents", ge=1)
    conditional: bool = option(False, "use the classes of the data")

    @property
    def sampling_pixels(self) -> int:
        """A pass takes 4 GiB at most: the maps inside a block are wide at every size."""
        return min(2**19, 2**18 * 1536 // (self.width * self.expansion))

    def __post_init__(self) -> None:
        if self.width * self.expansion % self.cardinality:
            raise ValueError(
                f"cardinality={self.cardinality} does not divide the {self.width * self.expansion} "
                "channels inside a block, width · expansion"
            )

    @property
    def task(self) -> Literal["unconditional", "class-conditional"]:
        return "class-conditional" if self.conditional else "unconditional"

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        base, stages = pyramid(data.height, data.width).base, self._stages(data)
        classes = data.classes if self.conditional else 0
        return Networks(
            generator=Generator(data.channels, base, stages, self.latent_dim, classes),
            discriminator=Discriminator(data.channels, base, stages, classes),
        )

    def problem(self, data: DataSpec) -> str | None:
        problem = size_problem("r3gan", data)
        if problem:
            return problem
        if self.conditional and not data.classes:
            return "r3gan[conditional=true] needs data with classes: set conditional=false"
        size = min(data.height, data.width)
        thinnest = 2 ** self._halvings(size)
        if self.width % thinnest or self.cardinality % thinnest:
            return (
                f"r3gan halves width and cardinality to {thinnest} parts at {size} pixels: "
                f"set width={self.width} and cardinality={self.cardinality} to multiples of "
                f"{thinnest}, or set wide_to={size}"
            )
        return None

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        return frozenset({PER_SAMPLE_CRITIC, CRITIC_FEATURES})

    def _stages(self, data: DataSpec) -> list[Stage]:
        """From the innermost map to the image."""
        stages = []
        for size in pyramid(data.height, data.width).sizes:
            width = self.width >> self._halvings(size)
            groups = self.cardinality >> self._halvings(size)
            stages.append(Stage(width, width * self.expansion, groups, self.blocks))
        return stages

    def _halvings(self, size: int) -> int:
        """How often a map of ``size`` pixels has been doubled beyond ``wide_to``."""
        halvings = 0
        while size > self.wide_to:
            size, halvings = size // 2, halvings + 1
        return halvings
