"""The auxiliary classifier GAN: a discriminator that also classifies its input."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor
from torch.nn.functional import cross_entropy

from ganbench import CRITIC_CLASSES, Critique, Loss, View, option
from ganbench_losses.hinge import Hinge
from ganbench_losses.logistic import NonSaturating


class AuxiliaryClassifier(Loss):
    """Auxiliary classifier GAN (Odena, Olah & Shlens 2017, section 3, equations 2 and 3).

    Each player adds the cross entropy of the class logits and the labels to its adversarial loss: the
    discriminator for real samples, E[-log P(c|x)], and generated ones, the generator for generated ones.

    The paper's generator maximizes L_C - L_S, where L_S is the discriminator's log-likelihood of the
    source; here it uses the non-saturating form, as usual. Later designs use ``hinge`` instead of L_S.
    Without ``fakes`` the discriminator's classifier learns only from real samples, as in some of them.

    Given logits alone, the losses are the adversarial part. Nothing is recommended: the paper's rates
    of Adam differ from one data set to the next. The architecture's settings apply.
    """

    paper = "Odena et al. 2017, arXiv:1610.09585"
    generator_uses_real: ClassVar[bool] = False
    needs: ClassVar[dict[str, str]] = {
        CRITIC_CLASSES: "the auxiliary classifier compares the discriminator's class logits with the "
        "samples' labels"
    }

    adversarial: Literal["non-saturating", "hinge"] = option(
        "non-saturating", "the loss that tells real from generated"
    )
    smoothing: float = option(
        0.0, "real samples get the target 1 - smoothing (non-saturating only)", ge=0, lt=1
    )
    d_weight: float = option(1.0, "weight of the classifier's loss in the discriminator's", ge=0)
    g_weight: float = option(1.0, "weight of the classifier's loss in the generator's", ge=0)
    fakes: bool = option(True, "whether generated samples teach the discriminator's classifier too")

    def __post_init__(self) -> None:
        if self.smoothing and self.adversarial == "hinge":
            raise ValueError(
                "smoothing changes the targets of non-saturating, but hinge has no targets"
            )

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._source().discriminator(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self._source().generator(real, fake)

    def discriminator_loss(self, view: View) -> Tensor:
        loss = super().discriminator_loss(view) + self.d_weight * _mistakes(view, "real")
        return loss + self.d_weight * _mistakes(view, "fake") if self.fakes else loss

    def generator_loss(self, view: View) -> Tensor:
        return super().generator_loss(view) + self.g_weight * _mistakes(view, "fake")

    def _source(self) -> Loss:
        """The loss that tells real from generated."""
        if self.adversarial == "hinge":
            return Hinge()
        return NonSaturating(smoothing=self.smoothing)


def _mistakes(view: View, side: Literal["real", "fake"]) -> Tensor:
    """Cross entropy of a batch's class logits with its labels: a scalar.

    :raises ValueError: without labels or class logits.
    """
    critique: Critique | None = view.real_critique if side == "real" else view.fake_critique
    if view.labels is None:
        raise ValueError(
            "acgan needs labels: a class-conditional architecture, on data with classes"
        )
    if critique is None or critique.class_logits is None:
        raise ValueError(
            "acgan needs a discriminator with class logits: Critique(logits, class_logits=…)"
        )
    return cross_entropy(critique.class_logits, view.labels)
