"""Zero-centered gradient penalties.

They differentiate the logits that the step has already computed, without another forward pass. The
gradient is by the images before augmentation, as in the programs of Karras et al. 2020,
arXiv:2006.06676, and Huang et al. 2025, arXiv:2501.05441.
"""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from typing import ClassVar

import torch
from torch import Tensor

from ganbench import Progress, Regularizer, View, option
from ganbench_regularizers.gradients import NEEDS, sample_gradients


class ZeroCentered(Regularizer):
    """γ/2 times the mean squared norm of the logits' gradients; γ may fall in the training.

    With ``gamma_final``, γ moves from ``gamma`` to it by half a cosine over the first ``anneal`` of
    the budget, and stays there.
    """

    paper = "Mescheder et al. 2018, arXiv:1801.04406"
    needs: ClassVar[dict[str, str]] = NEEDS

    gamma: float = option(10.0, "γ; use less for small images", ge=0)
    gamma_final: float | None = option(None, "γ at the end of its fall; none: constant γ", ge=0)
    anneal: float = option(1.0, "share of the budget in which γ falls", gt=0, le=1)

    def initial_state(self, device: torch.device) -> dict[str, Tensor]:
        if self.gamma_final is None:
            return {}
        return {"gamma": torch.tensor(self.gamma, device=device)}

    @property
    def follows_budget(self) -> bool:
        return self.gamma_final is not None

    def advance(self, state: MutableMapping[str, Tensor], progress: Progress) -> None:
        if self.gamma_final is None:
            return
        done = min(progress.share / self.anneal, 1.0)
        remaining = 0.5 * (1 + math.cos(math.pi * done))
        state["gamma"].fill_(self.gamma_final + (self.gamma - self.gamma_final) * remaining)

    def penalty(self, view: View, logits: Tensor, images: Tensor) -> Tensor:
        gamma = self.gamma if self.gamma_final is None else view.state["gamma"]
        return 0.5 * gamma * sample_gradients(logits, images).square().sum(1).mean()


class R1(ZeroCentered):
    """γ/2 · E[‖∇C(x)‖₂²] over real samples (Mescheder, Geiger & Nowozin 2018, equation 9).

    γ = 10 is the paper's choice for its images of 128 to 1024 pixels a side. The gradient has as
    many entries as the image, so small images need much less: Karras et al. 2020, arXiv:2006.06676,
    start from 0.0002 · height · width / batch size.

    With ``gamma_final``, γ moves from ``gamma`` to it by half a cosine over the first ``anneal`` of
    the budget, and stays there. R3GAN (Huang et al. 2025, arXiv:2501.05441) is trained with
    ``r1+r2``, both falling to a tenth: from γ = 0.05 on CIFAR-10, 0.5 and 1 on ImageNet at 32 and 64
    pixels, 2 and 150 on FFHQ at 64 and 256. On CIFAR-10 they fall in 20 of 250 million images, an
    ``anneal`` of 0.08.
    """

    differentiates: ClassVar[frozenset[str]] = frozenset({"real"})

    def discriminator(self, view: View) -> Tensor:
        if view.real is None or view.real_logits is None:
            raise ValueError("r1 needs the real images of a discriminator's step")
        return self.penalty(view, view.real_logits, view.real)


class R2(ZeroCentered):
    """γ/2 · E[‖∇C(G(z))‖₂²] over generated samples (Mescheder et al. 2018, equation 10).

    See ``r1`` for γ and its fall.
    """

    differentiates: ClassVar[frozenset[str]] = frozenset({"fake"})

    def discriminator(self, view: View) -> Tensor:
        return self.penalty(view, view.fake_logits, view.fake)
