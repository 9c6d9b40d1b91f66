"""Residual designs: SNGAN, SAGAN and BigGAN, for images from 8 pixels a side."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_architectures(register: Callable[..., None]) -> None:
    register(
        "sngan",
        "ganbench_resnet.sngan:SNGAN",
        summary="Residual blocks, spectral norm in the discriminator; with or without classes",
    )
    register(
        "sagan",
        "ganbench_resnet.sagan:SAGAN",
        summary="SNGAN with self-attention, and spectral norm in both players",
    )
    register(
        "biggan",
        "ganbench_resnet.biggan:BigGAN",
        summary="Class-conditional residual blocks with hierarchical latents and self-attention",
    )
