"""Image-to-image translation: pix2pix for pairs, CycleGAN for two sets of images without pairs."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_architectures(register: Callable[..., None]) -> None:
    register(
        "pix2pix",
        "ganbench_translation.pix2pix:Pix2Pix",
        summary="U-Net against a PatchGAN with an L1 term, for pairs of images of 8, 16, 32, … pixels",
    )
    register(
        "cyclegan",
        "ganbench_translation.cyclegan:CycleGAN",
        summary="Two ResNet generators and two PatchGANs with cycle consistency, without pairs",
    )
