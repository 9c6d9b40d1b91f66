"""SNGAN: what it allows, how it uses classes, and the contract of architectures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import ganbench
from ganbench import CRITIC_CLASSES, CRITIC_FEATURES, PER_SAMPLE_CRITIC, DataSpec
from ganbench.testing import ArchitectureTests
from ganbench_resnet.biggan import BigGAN
from ganbench_resnet.sagan import SAGAN
from ganbench_resnet.sngan import SNGAN

SMALL = {"g_width": 4, "d_width": 4, "latent_dim": 8}
CLAIMED = frozenset({PER_SAMPLE_CRITIC, CRITIC_FEATURES})


class TestSNGAN(ArchitectureTests):
    component = SNGAN(**SMALL)
    data = (DataSpec(1, 8, 8, classes=10),)


class TestSNGANBeyond32Pixels(ArchitectureTests):
    component = SNGAN(g_width=2, d_width=2, latent_dim=8)
    data = (DataSpec(3, 36, 36),)


class TestConditionalSNGAN(ArchitectureTests):
    component = SNGAN(conditional=True, **SMALL)
    data = (DataSpec(1, 28, 28, classes=10),)


class TestSNGANWithoutSpectralNorm(ArchitectureTests):
    component = SNGAN(d_norm="none", **SMALL)
    data = (DataSpec(1, 8, 8),)


@pytest.mark.parametrize("size", [8, 13, 16, 28, 31, 32, 48, 64, 128])
@pytest.mark.parametrize("name", ["sngan", "sagan", "biggan"])
def test_samples_have_the_size_of_the_data(name: str, size: int) -> None:
    widths = "width=1" if name == "biggan" else "g_width=1,d_width=1,conditional=true"
    architecture = ganbench.get("architecture", f"{name}[{widths},latent_dim=8]")
    data = DataSpec(1, size, size, 3)
    generator, discriminator = architecture.build(data)
    images = generator(100 * torch.randn(2, 8), torch.tensor([0, 2]))
    assert images.shape == (2, 1, size, size)
    assert images.abs().max() <= 1
    critique = discriminator(images, torch.tensor([0, 2]))
    assert critique.logits.shape == (2,)
    assert len(critique.features) == 2


def test_a_size_between_is_cropped_from_the_middle_and_padded_all_around() -> None:
    torch.manual_seed(0)
    whole, part = (SNGAN(**SMALL).build(DataSpec(1, size, size)) for size in (16, 15))
    for one, other in zip(part, whole, strict=True):
        one.load_state_dict(other.state_dict())
        one.eval(), other.eval()
    latents = torch.randn(3, 8)
    torch.testing.assert_close(part.generator(latents), whole.generator(latents)[..., :15, :15])
    images = torch.randn(3, 1, 15, 15)
    padded = nn.functional.pad(images, (0, 1, 0, 1))
    torch.testing.assert_close(
        part.discriminator(images).logits, whole.discriminator(padded).logits
    )


def test_classes_change_images_and_judgements() -> None:
    torch.manual_seed(0)
    data = DataSpec(1, 8, 8, classes=2)
    generator, discriminator = SNGAN(conditional=True, **SMALL).build(data)
    nn.init.normal_(generator.synthesis.blocks[0].first_norm.gain.weight)
    latents, images = torch.randn(4, 8), torch.randn(4, 1, 8, 8)
    zeros, ones = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    assert not torch.allclose(generator(latents, zeros), generator(latents, ones))
    judged = [discriminator.eval()(images, labels) for labels in (zeros, ones)]
    assert not torch.allclose(judged[0].logits, judged[1].logits)
    assert torch.equal(judged[0].features, judged[1].features)
    with pytest.raises(ValueError, match="labels"):
        generator(latents)


def test_labels_mean_nothing_to_the_unconditional_pair() -> None:
    generator, discriminator = (n.eval() for n in SNGAN(**SMALL).build(DataSpec(1, 8, 8, 2)))
    latents, labels = torch.randn(4, 8), torch.ones(4, dtype=torch.long)
    images = generator(latents, labels)
    assert torch.equal(images, generator(latents))
    assert torch.equal(discriminator(images, labels).logits, discriminator(images).logits)


def test_only_the_discriminator_is_spectrally_normalized() -> None:
    def normalized(network: nn.Module) -> set[bool]:
        kinds = nn.Conv2d | nn.Linear | nn.Embedding
        layers = [m for m in network.modules() if isinstance(m, kinds)]
        return {nn.utils.parametrize.is_parametrized(layer) for layer in layers}

    data = DataSpec(1, 8, 8, 2)
    pair = SNGAN(conditional=True, **SMALL).build(data)
    assert (normalized(pair.generator), normalized(pair.discriminator)) == ({False}, {True})
    assert normalized(SNGAN(d_norm="none", **SMALL).build(data).discriminator) == {False}


def test_the_task_follows_the_option() -> None:
    assert SNGAN().task == SAGAN().task == "unconditional"
    assert SNGAN(conditional=True).task == SAGAN(conditional=True).task == "class-conditional"
    assert BigGAN().task == "class-conditional"


@pytest.mark.parametrize("cls", [SNGAN, SAGAN])
def test_an_auxiliary_classifier_is_there_where_class_logits_are_needed(cls: type) -> None:
    data = DataSpec(1, 8, 8, classes=3)
    auto = cls(conditional=True, **SMALL)
    projection = auto.resolve(frozenset({CRITIC_FEATURES}), data)
    classifier = auto.resolve(frozenset({CRITIC_CLASSES}), data)
    assert projection == cls(conditional=True, d_condition="projection", **SMALL)
    assert classifier == cls(conditional=True, d_condition="classifier", **SMALL)
    assert projection.capabilities(data) == CLAIMED
    assert classifier.capabilities(data) == CLAIMED | {CRITIC_CLASSES}
    labels = torch.tensor([0, 2])
    critique = classifier.build(data).discriminator(torch.randn(2, 1, 8, 8), labels)
    assert critique.class_logits.shape == (2, 3)
    assert projection.resolve(frozenset({CRITIC_CLASSES}), data) is projection
    assert projection.advice(CRITIC_CLASSES) == "d_condition=auto or classifier"


def test_without_classes_there_is_no_classifier() -> None:
    data = DataSpec(1, 8, 8, classes=3)
    unconditional = SNGAN(**SMALL)
    assert unconditional.resolve(frozenset({CRITIC_CLASSES}), data) is unconditional
    assert unconditional.capabilities(data) == CLAIMED
    assert unconditional.advice(CRITIC_CLASSES) == "conditional=true"
    assert unconditional.advice("styles") == ""
    with pytest.raises(ValueError, match="conditional=true"):
        SNGAN(d_condition="projection")


@pytest.mark.parametrize(
    ("data", "way_out"),
    [
        (DataSpec(2, 1, 1, kind="points"), "mlp"),
        (DataSpec(3, 32, 600), "resize"),
        (DataSpec(3, 7, 7), "resize"),
        (DataSpec(3, 513, 513), "resize"),
        (DataSpec(3, 32, 32), "conditional=false"),
    ],
)
@pytest.mark.parametrize(
    "architecture", [SNGAN(conditional=True), SAGAN(conditional=True), BigGAN()]
)
def test_data_that_cannot_be_made_is_refused_with_a_way_out(
    architecture: ganbench.Architecture, data: DataSpec, way_out: str
) -> None:
    problem = architecture.problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match=architecture.title):
        architecture.build(data)
