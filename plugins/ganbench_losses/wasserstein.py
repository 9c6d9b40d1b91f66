"""Losses that estimate the Wasserstein distance with a critic of bounded slope."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ganbench import Loss, Regularizer, option
from ganbench_regularizers.gradient_penalty import GradientPenalty


class Wasserstein(Loss):
    """E[C(G(z))] - E[C(x)] for the critic and -E[C(G(z))] for the generator.

    By Kantorovich-Rubinstein duality the first is minus the Wasserstein-1 distance if the critic is
    the best of all 1-Lipschitz functions; subclasses say how they keep it Lipschitz.
    """

    generator_uses_real: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


class WGAN(Wasserstein):
    """Wasserstein GAN with weight clipping (Arjovsky, Chintala & Bottou 2017, algorithm 1).

    After each update every parameter of the critic is clipped to [-clip, clip]. Recommends the
    algorithm's own settings: RMSprop with a learning rate of 5e-5 and five critic updates.
    """

    paper = "Arjovsky et al. 2017, arXiv:1701.07875"
    recommends: ClassVar[dict[str, Any]] = {
        "g_optimizer": "rmsprop",
        "d_optimizer": "rmsprop",
        "g_lr": 5e-5,
        "d_lr": 5e-5,
        "d_steps": 5,
    }

    clip: float = option(0.01, "bound of the critic's parameters", gt=0)

    def project(self, discriminator: nn.Module) -> None:
        parameters: list[Tensor] = list(discriminator.parameters())
        torch._foreach_clamp_min_(parameters, -self.clip)
        torch._foreach_clamp_max_(parameters, self.clip)


class WGANGP(Wasserstein):
    """Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, algorithm 1).

    The critic's loss gains weight · E[(‖∇C(x̂)‖₂ - 1)²], at random points x̂ between real and
    generated samples (see the regularizer ``gradient-penalty``). Recommends the algorithm's own
    settings: Adam with a learning rate of 1e-4 and β = (0, 0.9), and five critic updates.

    With ``drift`` the loss also gains drift · E[C(x)²] over real samples, which keeps the critic's
    values near 0; the rest of the loss does not depend on their level. ProGAN uses
    ``drift=0.001`` (Karras et al. 2018, arXiv:1710.10196, appendix A.1).
    """

    paper = "Gulrajani et al. 2017, arXiv:1704.00028"
    recommends: ClassVar[dict[str, Any]] = {
        "g_optimizer": "adam",
        "d_optimizer": "adam",
        "g_lr": 1e-4,
        "d_lr": 1e-4,
        "g_betas": (0.0, 0.9),
        "d_betas": (0.0, 0.9),
        "d_steps": 5,
    }
    needs: ClassVar[dict[str, str]] = GradientPenalty.needs

    weight: float = option(10.0, "λ, the weight of the gradient penalty", ge=0)
    drift: float = option(0.0, "weight of the mean square of the critic's real values", ge=0)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        loss = super().discriminator(real, fake)
        return loss + self.drift * real.square().mean() if self.drift else loss

    def penalties(self) -> tuple[Regularizer, ...]:
        return (GradientPenalty(weight=self.weight),)
