"""The classic designs: the original GAN's fully connected pair and DCGAN."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_architectures(register: Callable[..., None]) -> None:
    register(
        "mlp",
        "ganbench_classic.mlp:MLP",
        summary="Fully connected pair of the original GAN, for images and points",
    )
    register(
        "dcgan",
        "ganbench_classic.dcgan:DCGAN",
        summary="Strided convolutions with normalization, for images of 8 to 128 pixels a side",
    )
