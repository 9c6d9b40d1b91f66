"""Penalties on gradients and on weights, and the components that do nothing."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl

#: Name -> module and class in this package, and a summary.
_REGULARIZERS = {
    "none": ("none:NoRegularizer", "No regularization"),
    "gradient-penalty": (
        "gradient_penalty:GradientPenalty",
        "Gradient norm of 1 between real and generated samples, as in WGAN-GP",
    ),
    "r1": ("zero_centered:R1", "Squared gradient norm at real samples"),
    "r2": ("zero_centered:R2", "Squared gradient norm at generated samples"),
    "dragan": ("dragan:DRAGAN", "Gradient norm of 1 around real samples"),
    "path-length": (
        "path_length:PathLength",
        "Equal steps in the images for equal steps of the styles, as in StyleGAN2",
    ),
    "historical-averaging": (
        "historical_averaging:HistoricalAveraging",
        "Distance of the weights from the mean of their past",
    ),
    "orthogonal": (
        "orthogonal:Orthogonal",
        "Products between different filters of a layer, as in BigGAN",
    ),
}

#: Name -> other words that people say for it.
_ALIASES = {
    "gradient-penalty": ("gp", "wgan-gp"),
    "path-length": ("ppl", "pl"),
    "orthogonal": ("ortho",),
}


@hookimpl
def ganbench_regularizers(register: Any) -> None:
    """Provide the regularizers; their modules are imported on first use."""
    for name, (target, summary) in _REGULARIZERS.items():
        register(
            name, f"ganbench_regularizers.{target}", summary=summary, aliases=_ALIASES.get(name, ())
        )


@hookimpl
def ganbench_augmentations(register: Any) -> None:
    register(
        "none",
        "ganbench_regularizers.none:NoAugmentation",
        summary="No augmentation",
    )
