"""Losses of the original GAN, in which the discriminator is a logistic classifier.

With logits r = C(x) of real samples, f = C(G(z)) of generated ones, and D = sigmoid(C),
softplus(-t) = -log sigmoid(t) and softplus(t) = -log(1 - sigmoid(t)) keep every term finite for
logits of any size.

Neither loss recommends settings: the paper trains small maxout networks with momentum SGD and
states no rates. The architecture's settings apply.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ganbench import Loss, option


def classification_loss(real: Tensor, fake: Tensor, smoothing: float) -> Tensor:
    """Cross entropy of a classifier whose targets are ``1 - smoothing`` for real and 0 for fake.

    E[softplus(-r) + smoothing · r] + E[softplus(f)], where the first term is
    -(1 - smoothing) log D - smoothing log(1 - D), written in logits.
    """
    loss = softplus(-real).mean()
    if smoothing:
        loss = loss + smoothing * real.mean()
    return loss + softplus(fake).mean()


class Logistic(Loss):
    """A loss whose discriminator is the classifier of `classification_loss`."""

    smoothing: float = option(0.0, "real samples get the target 1 - smoothing", ge=0, lt=1)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return classification_loss(real, fake, self.smoothing)


class Minimax(Logistic):
    """Zero-sum game of the original GAN (Goodfellow et al. 2014, equation 1).

    The discriminator minimizes -E[log D(x)] - E[log(1 - D(G(z)))]; the generator minimizes
    E[log(1 - D(G(z)))], which saturates where the discriminator wins. One-sided label smoothing is
    Salimans et al. 2016, arXiv:1606.03498, section 3.4.
    """

    paper = "Goodfellow et al. 2014, arXiv:1406.2661"
    generator_uses_real: ClassVar[bool] = False

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()


class NonSaturating(Logistic):
    """Practical loss of the original GAN (Goodfellow et al. 2014, section 3).

    The discriminator minimizes -E[log D(x)] - E[log(1 - D(G(z)))]; the generator minimizes
    -E[log D(G(z))], whose gradient is strong where the discriminator wins. One-sided label
    smoothing is Salimans et al. 2016, arXiv:1606.03498, section 3.4.
    """

    paper = "Goodfellow et al. 2014, arXiv:1406.2661"
    generator_uses_real: ClassVar[bool] = False

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()
