"""Images of any number of channels, and images that are not square, in every family of designs."""

from __future__ import annotations

import pytest
import torch

import ganbench as gb

FAMILIES = [
    "mlp",
    "dcgan[width=4]",
    "dcgan[width=4,d_norm=spectral]",
    "sngan[g_width=8,d_width=8]",
    "sagan[g_width=8,d_width=8]",
    "biggan[width=4]",
    "progan[fmap_base=64]",
    "stylegan2[channel_base=128,w_dim=16]",
    "r3gan[width=16,cardinality=4]",
]


@pytest.mark.parametrize("spec", FAMILIES)
@pytest.mark.parametrize(
    "shape", [(3, 16, 24), (4, 24, 16), (13, 8, 32), (2, 20, 28), (16, 16, 16)]
)
def test_every_family_makes_and_judges_images_of_the_shape(
    spec: str, shape: tuple[int, int, int]
) -> None:
    data = gb.DataSpec(*shape, classes=3)
    architecture = gb.get("architecture", spec)
    assert architecture.problem(data) is None
    architecture = architecture.resolve(frozenset(), data)
    generator, discriminator = architecture.build(data)
    labels = torch.arange(3) if architecture.task == "class-conditional" else None
    images = generator(torch.randn(3, architecture.latent_dim), labels)
    assert images.shape == (3, *shape)
    critique = discriminator(images, labels)
    logits = getattr(critique, "logits", critique)
    logits.sum().backward()
    assert logits.shape[0] == 3
    # Every pixel, the border too, is seen and made.
    seen = torch.randn(2, *shape, requires_grad=True)
    judged = discriminator.eval()(seen, None if labels is None else labels[:2])
    getattr(judged, "logits", judged).square().sum().backward()
    assert (seen.grad.abs().sum((0, 1)) > 0).float().mean() > 0.5


@pytest.mark.parametrize("spec", ["pix2pix[width=4]", "cyclegan[width=4]"])
def test_translations_keep_the_shape_of_their_sources(spec: str) -> None:
    data = gb.DataSpec(5, 32, 64, source_channels=2, pairing="paired")
    architecture = gb.get("architecture", spec)
    assert architecture.problem(data) is None
    generator = architecture.build(data).generator
    assert generator(torch.randn(2, 2, 32, 64)).shape == (2, 5, 32, 64)


@pytest.mark.parametrize("channels", [2, 4, 13])
@pytest.mark.parametrize("spec", ["ada[p=1.0]", "diffaugment"])
def test_augmentations_take_any_number_of_channels(spec: str, channels: int) -> None:
    augmentation = gb.get("augmentation", spec)
    assert augmentation.problem(gb.DataSpec(channels, 12, 16)) is None
    images = torch.rand(4, channels, 12, 16)
    state = augmentation.initial_state(torch.device("cpu"))
    changed = augmentation.apply(images, torch.Generator().manual_seed(0), state)
    assert changed.shape == images.shape
    assert not torch.equal(changed, images)
