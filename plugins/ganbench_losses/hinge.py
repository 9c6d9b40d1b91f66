"""Hinge loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu

from ganbench import Loss


class Hinge(Loss):
    """Maximum margin loss (Lim & Ye 2017; Miyato et al. 2018, arXiv:1802.05957, equations 16, 17).

    The discriminator minimizes E[max(0, 1 - C(x))] + E[max(0, 1 + C(G(z)))], the generator
    -E[C(G(z))].

    It recommends no settings: five discriminator updates and Adam with β = (0, 0.9), which often come
    with it, are SNGAN's choice for its residual networks and belong to that architecture.
    """

    paper = "Lim & Ye 2017, arXiv:1705.02894"
    generator_uses_real: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()
