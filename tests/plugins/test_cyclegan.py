"""CycleGAN: exact sizes, both directions in one module, and the generators' own terms."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import ganbench as gb
from ganbench import CRITIC_FEATURES, PER_SAMPLE_CRITIC, DataSpec, Translation
from ganbench.testing import ArchitectureTests
from ganbench_translation.cyclegan import CycleGAN
from ganbench_translation.layers import Reflection
from ganbench_translation.resnet import ResNet


def domains(channels: int, height: int, source_channels: int = 3, width: int = 0) -> DataSpec:
    return DataSpec(
        channels,
        height,
        width or height,
        source_channels=source_channels,
        pairing="unpaired",
    )


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class TestContract(ArchitectureTests):
    data = (domains(3, 32, 1), domains(1, 28, 1))

    @pytest.fixture(autouse=True, params=["instance", "instance-affine", "batch"])
    def choose(self, request: pytest.FixtureRequest) -> None:
        spec = f"cyclegan[width=4,blocks=1,fake_pool=6,layers=2,norm={request.param}]"
        self.component = gb.get("architecture", spec)


# --- sizes


@pytest.mark.parametrize(
    ("norm", "count"),
    [("instance", 11_378_179), ("batch", 11_383_427), ("instance-affine", 11_388_675)],
)
def test_a_published_generator_has_the_published_number_of_parameters(
    norm: str, count: int
) -> None:
    with torch.device("meta"):
        assert parameters(ResNet(3, 3, 64, 9, norm)) == count


def test_the_published_networks_have_twice_the_published_numbers_of_parameters() -> None:
    with torch.device("meta"):
        pair = CycleGAN().build(domains(3, 256))
    assert parameters(pair.generator) == 2 * 11_378_179
    assert parameters(pair.discriminator) == 2 * 2_764_737


@pytest.mark.parametrize(("a", "b"), [(3, 3), (1, 3), (2, 1)])
@pytest.mark.parametrize("blocks", [0, 2, 5])
def test_parameter_counts_follow_from_the_layers(a: int, b: int, blocks: int) -> None:
    w, layers = 6, 2
    inner = 9 * (2 * w * w + 8 * w * w) * 2 + (2 * w + 4 * w + 2 * w + w)
    residual = 2 * (9 * 16 * w * w + 4 * w)
    both_ways = sum(49 * i * w + w + inner + blocks * residual + 49 * w * o + o
                    for i, o in ((a, b), (b, a)))  # fmt: skip
    patches = sum(16 * c * w + w + 16 * 2 * w * w + 2 * w + 16 * 8 * w * w + 4 * w + 64 * w + 1
                  for c in (a, b))  # fmt: skip
    with torch.device("meta"):
        pair = CycleGAN(width=w, blocks=blocks, layers=layers).build(domains(b, 32, a))
    assert parameters(pair.generator) == both_ways
    assert parameters(pair.discriminator) == patches


@pytest.mark.parametrize(("size", "blocks"), [(8, 6), (128, 6), (252, 6), (256, 9), (512, 9)])
def test_the_number_of_blocks_follows_from_the_size(size: int, blocks: int) -> None:
    data = domains(3, size)
    settled = CycleGAN(layers=1).resolve(frozenset(), data)
    assert settled == CycleGAN(layers=1, blocks=blocks)
    assert settled.resolve(frozenset(), data) == settled


# --- both directions


@pytest.mark.parametrize(("height", "width"), [(8, 8), (28, 28), (32, 48)])
def test_images_go_both_ways_and_are_judged_in_both_domains(height: int, width: int) -> None:
    data = domains(3, height, 1, width)
    pair = CycleGAN(width=2, blocks=1, layers=1).build(data)
    source, target = torch.randn(2, *data.source.shape), torch.randn(2, *data.shape)
    for images, domain, other in ((source, "b", target), (target, "a", source)):
        translated = pair.generator(images, domain=domain)
        assert translated.shape == other.shape
        assert translated.abs().max() <= 1
        critique = pair.discriminator(translated, domain=domain)
        assert critique.logits.shape == (2, 1, height // 2 - 2, width // 2 - 2)
        assert critique.features.shape == (2, 4)
    assert torch.equal(pair.generator(source), pair.generator(source, domain="b"))
    assert torch.equal(
        pair.discriminator(target).logits, pair.discriminator(target, domain="b").logits
    )


def test_the_directions_share_no_weights() -> None:
    pair = CycleGAN(width=2, blocks=1).build(domains(3, 32))
    image = torch.randn(2, 3, 32, 32)
    (
        pair.generator(image, domain="a").sum() + pair.discriminator(image, domain="a").logits.sum()
    ).backward()
    for network, judged in ((pair.generator, "to_a"), (pair.discriminator, "of_a")):
        for name, parameter in network.named_parameters():
            assert (parameter.grad is not None) == name.startswith(judged), name


@pytest.mark.parametrize("pixels", [1, 3])
def test_reflection_is_that_of_pytorch(pixels: int) -> None:
    maps = torch.randn(2, 3, 5, 7, dtype=torch.float64).requires_grad_()
    padded = Reflection(pixels)(maps)
    assert torch.equal(padded, F.pad(maps, [pixels] * 4, mode="reflect"))
    assert torch.autograd.gradcheck(Reflection(pixels), maps)


# --- the generators' own terms


def own_terms(architecture: CycleGAN, channels: int = 1) -> float:
    """With constant images: a is 0, b is 1; translating into b adds 0.5, into a subtracts 0.25."""
    source, target = torch.zeros(1, 1, 4, 4), torch.ones(1, channels, 4, 4)

    def translate(images: torch.Tensor, domain: str) -> torch.Tensor:
        base = images.mean(1, keepdim=True)
        return (base + 0.5).expand(-1, channels, -1, -1) if domain == "b" else base - 0.25

    fake, back = translate(source, "b"), translate(target, "a")
    seen = Translation(source, target, fake, back, translate)
    return architecture.generator_terms(seen).item()


def test_cycle_and_identity_are_weighted_as_in_the_paper() -> None:
    cycle, identity = 0.25 + 0.25, 0.5 + 0.25
    assert own_terms(CycleGAN()) == pytest.approx(10 * cycle + 5 * identity)
    assert own_terms(CycleGAN(identity=0.0)) == pytest.approx(10 * cycle)
    assert own_terms(CycleGAN(cycle=2.0, identity=1.0)) == pytest.approx(2 * cycle + 2 * identity)


def test_there_is_no_identity_between_domains_of_different_channels() -> None:
    assert own_terms(CycleGAN(), channels=3) == pytest.approx(10 * 0.5)


# --- what it says of itself


def test_capabilities_follow_from_the_norm() -> None:
    data = domains(3, 32)
    assert CycleGAN().capabilities(data) == {PER_SAMPLE_CRITIC, CRITIC_FEATURES}
    batch = CycleGAN(norm="batch")
    assert batch.capabilities(data) == {CRITIC_FEATURES}
    assert "norm=instance" in batch.advice(PER_SAMPLE_CRITIC)


def test_pairs_will_do_as_well() -> None:
    assert CycleGAN().problem(DataSpec(3, 32, 32, source_channels=1, pairing="paired")) is None


@pytest.mark.parametrize(
    ("data", "way_out"),
    [
        (DataSpec(2, 1, 1, kind="points"), "points"),
        (DataSpec(3, 32, 32), "two-classes"),
        (domains(3, 30), "multiples of 4"),
        (domains(3, 32, width=30), "multiples of 4"),
        (domains(3, 4), "8 pixels"),
        (domains(3, 16), "layers=2"),
        (domains(1, 8), "layers=1"),
    ],
)
def test_data_that_cannot_be_translated_is_refused_with_a_way_out(
    data: DataSpec, way_out: str
) -> None:
    problem = CycleGAN().problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match="cyclegan"):
        CycleGAN().build(data)
