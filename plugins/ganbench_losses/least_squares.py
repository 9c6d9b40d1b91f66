"""Least squares GAN."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ganbench import Loss, option


class LeastSquares(Loss):
    """Least squares towards target codes (Mao et al. 2017, equation 2).

    The discriminator minimizes ½ E[(C(x) - b)²] + ½ E[(C(G(z)) - a)²], the generator
    ½ E[(C(G(z)) - c)²]. The default is the paper's 0-1 coding (equation 9); a=-1, b=1, c=0
    (equation 8) minimizes a Pearson χ² divergence. One-sided label smoothing (Salimans et al. 2016,
    arXiv:1606.03498) moves b towards a by the share ``smoothing``.

    It recommends no settings: the paper's Adam with β1 = 0.5 belongs to its DCGAN-like networks, and
    its learning rates differ from one data set to the next. The architecture's settings apply.
    """

    paper = "Mao et al. 2017, arXiv:1611.04076"
    generator_uses_real: ClassVar[bool] = False

    a: float = option(0.0, "the discriminator's target for generated samples")
    b: float = option(1.0, "the discriminator's target for real samples")
    c: float = option(1.0, "the generator's target for generated samples")
    smoothing: float = option(
        0.0, "moves the real target from b towards a by this share", ge=0, lt=1
    )

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise ValueError(f"a and b must differ, but both are {self.a}")

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        target = self.b + self.smoothing * (self.a - self.b)
        return 0.5 * ((real - target).square().mean() + (fake - self.a).square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (fake - self.c).square().mean()
