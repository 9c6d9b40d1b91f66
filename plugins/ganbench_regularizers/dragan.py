"""The penalty of DRAGAN."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ganbench import Regularizer, View, option
from ganbench_regularizers.gradients import NEEDS, gradient_norms, random_share, seen_real


class DRAGAN(Regularizer):
    """weight · E[(‖∇C(x + δ)‖₂ - target)²] around real samples (Kodali et al. 2017).

    As in the authors' experiments, δ = α · scale · σ · u: σ is the standard deviation of all values
    of the real batch, u ~ U(0, 1) is drawn for each value and α ~ U(0, 1) for each sample.
    """

    paper = "Kodali et al. 2017, arXiv:1705.07215"
    needs: ClassVar[dict[str, str]] = NEEDS

    weight: float = option(10.0, "λ", ge=0)
    target: float = option(1.0, "target norm of the gradients", ge=0)
    scale: float = option(0.5, "the most noise, in standard deviations of the data", ge=0)

    def discriminator(self, view: View) -> Tensor:
        norms = gradient_norms(view, perturbed(view, self.scale))
        return self.weight * (norms - self.target).square().mean()


def perturbed(view: View, scale: float) -> Tensor:
    """(batch, c, h, w): the real images, as the critic saw them, with the class's noise."""
    real = seen_real(view).detach()
    noise = torch.rand(real.shape, generator=view.random, device=real.device, dtype=real.dtype)
    share = random_share(view, real)
    return real + scale * real.std(correction=0) * share * noise
