"""Adversarial losses, each as its paper states it."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl

#: Name -> module and class in this package, and a summary.
_LOSSES = {
    "minimax": (
        "logistic:Minimax",
        "The original game: the generator minimizes what the discriminator maximizes",
    ),
    "non-saturating": (
        "logistic:NonSaturating",
        "The original GAN's practical loss: the generator maximizes log D(G(z))",
    ),
    "lsgan": ("least_squares:LeastSquares", "Least squares towards target codes"),
    "hinge": ("hinge:Hinge", "Hinge loss of geometric GAN and SNGAN"),
    "wgan": ("wasserstein:WGAN", "Wasserstein distance, with a critic of clipped weights"),
    "wgan-gp": (
        "wasserstein:WGANGP",
        "Wasserstein distance, with a gradient penalty on the critic",
    ),
    "relativistic": (
        "relativistic:RelativisticPairing",
        "Logistic loss on the difference between a real and a fake sample's logits",
    ),
    "feature-matching": (
        "feature_matching:FeatureMatching",
        "The generator matches the discriminator's mean features of real samples",
    ),
    "acgan": (
        "auxiliary_classifier:AuxiliaryClassifier",
        "Logistic or hinge loss with a classifier in the discriminator, for labeled data",
    ),
}

#: Name -> other words that people say for it.
_ALIASES = {
    "minimax": ("saturating", "original", "goodfellow"),
    "non-saturating": (
        "ns",
        "nsgan",
        "vanilla",
        "standard",
        "bce",
        "cross-entropy",
        "logistic",
        "softplus",
    ),
    "lsgan": ("ls", "mse", "least-squares"),
    "wgan": ("wasserstein", "emd"),
    "wgan-gp": ("gradient-penalty", "wasserstein-gp"),
    "relativistic": ("rpgan", "rsgan", "rgan", "ragan"),
    "acgan": ("auxiliary", "auxiliary-classifier"),
}


@hookimpl
def ganbench_losses(register: Any) -> None:
    """Provide the losses; their modules are imported on first use."""
    for name, (target, summary) in _LOSSES.items():
        register(name, f"ganbench_losses.{target}", summary=summary, aliases=_ALIASES.get(name, ()))
