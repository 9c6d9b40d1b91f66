"""ProGAN, StyleGAN2 and R3GAN."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_architectures(register: Callable[..., None]) -> None:
    register(
        "stylegan2",
        "ganbench_style.stylegan2:StyleGAN2",
        summary="Modulated convolutions under mapped latents, for square images of 8 to 1024 pixels",
    )
    register(
        "progan",
        "ganbench_style.progan:ProGAN",
        summary="A pair that grows from 4x4 pixels to the full size while it trains",
    )
    register(
        "r3gan",
        "ganbench_style.r3gan:R3GAN",
        summary="Grouped residual blocks without normalization, for a relativistic loss",
    )
