"""Adversarial losses, each as its paper states it."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_losses(register: Callable[..., None]) -> None:
    register(
        "minimax",
        "ganbench_losses.logistic:Minimax",
        summary="The original game: the generator minimizes what the discriminator maximizes",
    )
    register(
        "non-saturating",
        "ganbench_losses.logistic:NonSaturating",
        summary="The original GAN's practical loss: the generator maximizes log D(G(z))",
    )
    register(
        "lsgan",
        "ganbench_losses.least_squares:LeastSquares",
        summary="Least squares towards target codes",
    )
    register(
        "hinge",
        "ganbench_losses.hinge:Hinge",
        summary="Hinge loss of geometric GAN and SNGAN",
    )
    register(
        "wgan",
        "ganbench_losses.wasserstein:WGAN",
        summary="Wasserstein distance, with a critic of clipped weights",
    )
    register(
        "wgan-gp",
        "ganbench_losses.wasserstein:WGANGP",
        summary="Wasserstein distance, with a gradient penalty on the critic",
    )
    register(
        "relativistic",
        "ganbench_losses.relativistic:RelativisticPairing",
        summary="Logistic loss on the difference between a real and a fake sample's logits",
    )
    register(
        "feature-matching",
        "ganbench_losses.feature_matching:FeatureMatching",
        summary="The generator matches the discriminator's mean features of real samples",
    )
    register(
        "acgan",
        "ganbench_losses.auxiliary_classifier:AuxiliaryClassifier",
        summary="Logistic or hinge loss with a classifier in the discriminator, for labelled data",
    )
