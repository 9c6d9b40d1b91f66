"""A loss. This file and one line in pyproject.toml are the whole plugin."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ganbench import Loss, hookimpl, option


class SoftHinge(Loss):
    """The hinge loss with a softplus in place of its kink."""

    paper = "after Lim and Ye 2017, arXiv:1705.02894"
    generator_uses_real = False  # saves the discriminator's pass over real images

    margin: float = option(1.0, "logits beyond the margin are good enough", gt=0)

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return F.softplus(self.margin - real).mean() + F.softplus(self.margin + fake).mean()

    def generator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return -fake.mean()


@hookimpl
def ganbench_losses(register: Callable[..., None]) -> None:
    register("soft-hinge", SoftHinge, summary="Hinge loss that is smooth everywhere")
