"""Feature matching: the generator matches the discriminator's features of real samples."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ganbench import CRITIC_FEATURES, View
from ganbench_losses.logistic import Logistic


class FeatureMatching(Logistic):
    """Feature matching (Salimans et al. 2016, section 3.1).

    The generator minimizes ‖E[f(x)] - E[f(G(z))]‖₂², where f are the discriminator's features and the
    means are over a real and a generated batch. It does not use the logits.
    The discriminator is trained as usual: it minimizes -E[log D(x)] - E[log(1 - D(G(z)))], with
    one-sided label smoothing (section 3.4).

    Called with logits alone, `generator` matches the logits.

    It recommends no settings, because the paper states no rates. The architecture's settings apply.
    """

    paper = "Salimans et al. 2016, arXiv:1606.03498"
    needs: ClassVar[dict[str, str]] = {
        CRITIC_FEATURES: "feature matching compares the discriminator's features of real and "
        "generated samples"
    }

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return mean_distance(real, fake)

    def generator_loss(self, view: View) -> Tensor:
        real, fake = view.real_critique, view.fake_critique
        if real is None or fake is None or real.features is None or fake.features is None:
            raise ValueError(
                "feature-matching needs a discriminator that returns its features: "
                "Critique(logits, features=…)"
            )
        return mean_distance(real.features, fake.features)


def mean_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Squared Euclidean distance between two batches' means, each with the batch first."""
    return (real.mean(0) - fake.mean(0)).square().sum()
