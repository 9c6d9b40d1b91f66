"""Differentiable augmentations of everything that the discriminator sees."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_augmentations(register: Callable[..., None]) -> None:
    register(
        "diffaugment",
        "ganbench_augmentations.diffaugment:DiffAugment",
        summary="Color, translation and cutout on every image",
    )
    register(
        "ada",
        "ganbench_augmentations.ada:ADA",
        summary="Many transformations, with a probability that follows the overfitting",
    )
