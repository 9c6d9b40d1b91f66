"""The penalty of WGAN-GP."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import relu

from ganbench import Regularizer, View, option
from ganbench_regularizers.gradients import NEEDS, gradient_norms, random_share, seen_real


class GradientPenalty(Regularizer):
    """weight · E[(‖∇C(x̂)‖₂ - target)²] between real and generated samples.

    Each x̂ = ε x + (1 - ε) G(z) has its own ε ~ U(0, 1), and the norm is taken for each sample over
    all its values (Gulrajani et al. 2017, algorithm 1). With ``one_sided`` only norms beyond the
    target are penalized: (max(0, ‖∇C(x̂)‖₂ - target))², the paper's section 4 and Petzka et al.
    2018, arXiv:1709.08894.
    """

    paper = "Gulrajani et al. 2017, arXiv:1704.00028"
    needs: ClassVar[dict[str, str]] = NEEDS

    weight: float = option(10.0, "λ", ge=0)
    target: float = option(1.0, "target norm of the gradients", ge=0)
    one_sided: bool = option(False, "penalize only norms above the target")

    def discriminator(self, view: View) -> Tensor:
        excess = gradient_norms(view, between(view)) - self.target
        if self.one_sided:
            excess = relu(excess)
        return self.weight * excess.square().mean()


def between(view: View) -> Tensor:
    """(batch, c, h, w): for each pair of a real and a fake sample a random point on their line.

    The samples are augmented, as the critic saw them, because it must be smooth there.
    """
    real = seen_real(view).detach()
    share = random_share(view, real)
    return torch.lerp(view.seen_fake.detach(), real, share)
