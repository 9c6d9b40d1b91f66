"""Networks whose weights look the same in a mirror treat mirrored images alike.

A resampling that moves the grid, by half a pixel or more at each size, breaks that: recipes that
mirror their images at random would train against it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import ganbench
from ganbench import DataSpec, Networks
from ganbench_style.resampling import Blur, Downsample, Upsample

DATA = DataSpec(3, 16, 16, classes=3)
R3GAN = "r3gan[width=8,cardinality=4,blocks=1,latent_dim=6]"
STYLES = "channel_base=64,latent_dim=6,w_dim=5,mapping_layers=2,mbstd_group=0,mixing=0"
RESIDUAL = "latent_dim=8,g_width=8,d_width=8"
AXES = pytest.mark.parametrize("axis", [-1, -2], ids=["horizontal", "vertical"])


def mirrored_pair(spec: str, axis: int) -> Networks:
    """The pair of a spec in evaluation, every kernel and map its own mirror image along an axis."""
    torch.manual_seed(0)
    architecture = ganbench.get("architecture", spec).resolve(frozenset(), DATA)
    pair = Networks(*architecture.build(DATA))
    with torch.no_grad():
        for network in pair:
            network.eval()
            for parameter in network.parameters():
                if parameter.ndim > 1:
                    parameter += 0.1 * torch.randn_like(parameter)
                if parameter.ndim > 2:
                    parameter.copy_((parameter + parameter.flip(axis)) / 2)
    return pair


@AXES
@pytest.mark.parametrize("module", [Upsample(), Downsample(), Blur(padding=2)])
def test_filters_commute_with_a_mirror(module: nn.Module, axis: int) -> None:
    maps = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(module(maps.flip(axis)), module(maps).flip(axis))


@AXES
@pytest.mark.parametrize("spec", [R3GAN, f"stylegan2[{STYLES}]"])
def test_generators_from_a_symmetric_map_make_symmetric_images(spec: str, axis: int) -> None:
    generator = mirrored_pair(spec, axis).generator
    images = generator(torch.randn(2, 6))
    assert images.std(0).max() > 0.01
    torch.testing.assert_close(images.flip(axis), images, atol=1e-5, rtol=1e-4)


def blocks(discriminator: nn.Module) -> Callable[[Tensor], Tensor]:
    """The part of StyleGAN2's discriminator that resamples; what follows flattens the map."""
    return lambda images: discriminator.blocks(discriminator.from_image(images))


def logits(discriminator: nn.Module) -> Callable[[Tensor], Tensor]:
    """As maps of a single pixel, which a mirror leaves alone."""
    return lambda images: discriminator(images).logits[:, None, None]


@AXES
@pytest.mark.parametrize(
    ("spec", "answer"),
    [
        (R3GAN, logits),
        (f"stylegan2[{STYLES}]", blocks),
        (f"stylegan2[{STYLES},d_design=plain]", blocks),
        ("progan[fmap_base=64,fmap_max=8,latent_dim=8]", logits),
        (f"sngan[{RESIDUAL}]", logits),
        (f"sagan[{RESIDUAL}]", logits),
    ],
)
def test_discriminators_judge_mirrored_images_alike(
    spec: str, answer: Callable[[nn.Module], Callable[[Tensor], Tensor]], axis: int
) -> None:
    judged = answer(mirrored_pair(spec, axis).discriminator)
    images = torch.randn(4, 3, 16, 16)
    expected = judged(images)
    assert expected.std(0).max() > 0
    torch.testing.assert_close(judged(images.flip(axis)).flip(axis), expected, atol=1e-4, rtol=1e-4)
