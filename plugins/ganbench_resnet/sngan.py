"""SNGAN: residual networks with a spectrally normalized discriminator."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from ganbench import DataSpec, Networks, option
from ganbench_resnet.family import PlainPair
from ganbench_resnet.layers import Layers
from ganbench_resnet.synthesis import Generator


class SNGAN(PlainPair):
    """Residual GAN with spectral norm (Miyato et al., 2018), for images of 8 to 512 pixels a side.

    The generator doubles a map of 4 to 7 pixels in residual blocks with batch norm. The
    discriminator, all of whose layers are spectrally normalized, sums its last map over the pixels
    and ends in one linear unit. At 32 pixels these are the paper's networks for CIFAR-10, at 48 for
    STL-10, at 128 for ImageNet; other sizes follow the same rule, see `sngan_plan`. For a size that
    is not 4 to 7 times a power of two, the generator makes the next such size and crops it; the
    discriminator pads with zeros. Of an image that is not square, the shorter side counts.

    With ``conditional`` the generator's batch norm has gains and shifts for each class, and the
    discriminator is a projection discriminator (Miyato & Koyama 2018, arXiv:1802.05637), or has an
    auxiliary classifier.

    Weights start as Glorot's, √2-fold in residual branches; gains start from 1.
    """

    title = "sngan"
    paper = "Miyato et al. 2018, arXiv:1802.05957"
    recommends: ClassVar[dict[str, Any]] = {
        "optimizer": "adam",
        "lr": 2e-4,
        "betas": (0.0, 0.9),
        "d_steps": 5,
        "lr_decay": "linear",
    }

    d_norm: Literal["spectral", "none"] = option(
        "spectral", "normalization in the discriminator; none: for gradient penalties alone"
    )

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        plan, classes = self._plan(data), self._classes(data)
        g_layers = Layers(spectral=False, orthogonal=False)
        d_layers = Layers(spectral=self.d_norm == "spectral", orthogonal=False)
        return Networks(
            generator=Generator(plan, data.channels, self.latent_dim, g_layers, classes=classes),
            discriminator=self._discriminator(data, plan, d_layers, wide=False),
        )
