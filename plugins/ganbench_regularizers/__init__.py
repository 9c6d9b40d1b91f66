"""Penalties on gradients and on weights, and the components that do nothing."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_regularizers(register: Callable[..., None]) -> None:
    register("none", "ganbench_regularizers.none:NoRegularizer", summary="No regularization")
    register(
        "gradient-penalty",
        "ganbench_regularizers.gradient_penalty:GradientPenalty",
        summary="Gradient norm of 1 between real and generated samples, as in WGAN-GP",
    )
    register(
        "r1",
        "ganbench_regularizers.zero_centred:R1",
        summary="Squared gradient norm at real samples",
    )
    register(
        "r2",
        "ganbench_regularizers.zero_centred:R2",
        summary="Squared gradient norm at generated samples",
    )
    register(
        "dragan",
        "ganbench_regularizers.dragan:DRAGAN",
        summary="Gradient norm of 1 around real samples",
    )
    register(
        "path-length",
        "ganbench_regularizers.path_length:PathLength",
        summary="Equal steps in the images for equal steps of the styles, as in StyleGAN2",
    )
    register(
        "historical-averaging",
        "ganbench_regularizers.historical_averaging:HistoricalAveraging",
        summary="Distance of the weights from the mean of their past",
    )
    register(
        "orthogonal",
        "ganbench_regularizers.orthogonal:Orthogonal",
        summary="Products between different filters of a layer, as in BigGAN",
    )


@hookimpl
def ganbench_augmentations(register: Callable[..., None]) -> None:
    register(
        "none",
        "ganbench_regularizers.augmentation_none:NoAugmentation",
        summary="No augmentation",
    )
