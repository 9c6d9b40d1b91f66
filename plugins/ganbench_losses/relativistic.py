"""Relativistic losses, which judge samples in pairs."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ganbench import Loss


class RelativisticPairing(Loss):
    """Relativistic GAN (Jolicoeur-Martineau 2018, section 4.1), with the logistic function.

    Each real sample is paired with a generated one. The discriminator minimizes
    E[softplus(C(G(z)) - C(x))], the negative log-probability that the real one is more realistic;
    the generator minimizes E[softplus(C(x) - C(G(z)))]. Real and generated batches must have one
    size.

    It recommends no settings: the paper compares losses under the settings of several others. The
    architecture's settings apply.
    """

    paper = "Jolicoeur-Martineau 2018, arXiv:1807.00734"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - fake).mean()
