"""R3GAN: published sizes, the start from the identity, filters, and which widths go together."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import ganbench
from ganbench import CRITIC_FEATURES, PER_SAMPLE_CRITIC, DataSpec, Networks
from ganbench.grid.settings import resolve_training
from ganbench.testing import ArchitectureTests
from ganbench_style.r3gan import R3GAN
from ganbench_style.r3gan_layers import ResidualBlock, matched
from ganbench_style.resampling import Downsample, Upsample

SMALL = R3GAN(width=8, cardinality=4, blocks=1, latent_dim=6)


class TestR3GAN(ArchitectureTests):
    component = SMALL
    data = (DataSpec(3, 16, 16), DataSpec(1, 28, 28, classes=10))


class TestConditionalR3GAN(ArchitectureTests):
    component = dataclasses.replace(SMALL, conditional=True, wide_to=8)
    data = (DataSpec(3, 16, 16, classes=10),)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def built(architecture: R3GAN, data: DataSpec, seed: int = 0) -> Networks:
    torch.manual_seed(seed)
    return architecture.build(data)


def test_the_published_conditional_pair_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        architecture = ganbench.get("architecture", "r3gan[conditional=true]")
        generator, discriminator = architecture.build(DataSpec(3, 32, 32, classes=10))
    assert parameters(generator) == 20_781_952
    assert parameters(discriminator) == 21_280_512


def test_the_published_pair_for_faces_has_the_published_millions_of_parameters() -> None:
    with torch.device("meta"):
        generator, discriminator = R3GAN().build(DataSpec(3, 256, 256))
    assert round(parameters(generator) / 1e6, 3) == 23.058
    assert round(parameters(discriminator) / 1e6, 3) == 23.010


@pytest.mark.parametrize("classes", [0, 7])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "base", "widths"),
    [
        (8, 4, [24, 24]),
        (16, 4, [24, 24, 24]),
        (28, 7, [24, 24, 12]),
        (32, 4, [24, 24, 24, 12]),
        (64, 4, [24, 24, 24, 12, 6]),
    ],
)
def test_parameter_counts_are_sums_over_blocks_and_what_joins_them(
    size: int, base: int, widths: list[int], channels: int, classes: int
) -> None:
    blocks, expansion, latents, cardinality = 3, 2, 10, 8
    inner = 24 * expansion // cardinality  # channels of a group, the same in all stages
    shared = sum(
        blocks * (2 * w * w * expansion + 9 * w * expansion * inner + 2 * w * expansion)
        for w in widths
    )
    shared += sum(a * b for a, b in pairwise(widths) if a != b)
    shared += channels * widths[-1] + 24 * base**2
    architecture = R3GAN(
        width=24,
        wide_to=16,
        blocks=blocks,
        cardinality=cardinality,
        expansion=expansion,
        latent_dim=latents,
        conditional=classes > 0,
    )
    with torch.device("meta"):
        pair = architecture.build(DataSpec(channels, size, size, classes=classes))
    if classes:
        assert parameters(pair.generator) == shared + 24 * 2 * latents + classes * latents
        assert parameters(pair.discriminator) == shared + 24 * 24 + classes * 24
    else:
        assert parameters(pair.generator) == shared + 24 * latents
        assert parameters(pair.discriminator) == shared + 24


def test_blocks_start_as_the_identity() -> None:
    pair = built(dataclasses.replace(SMALL, blocks=2), DataSpec(3, 16, 16))
    for network in pair:
        blocks = [module for module in network.modules() if isinstance(module, ResidualBlock)]
        assert len(blocks) == 6
        for block in blocks:
            maps = torch.randn(2, 8, 5, 5)
            assert torch.equal(block(maps), maps)


@pytest.mark.parametrize("depth", [1, 8])
def test_branches_keep_the_second_moment_but_for_the_factor_of_fixup(depth: int) -> None:
    torch.manual_seed(0)
    layers = ResidualBlock(64, 256, 16, depth).branch
    maps = torch.randn(16, 64, 12, 12)
    narrow, wide = layers[:2](maps), layers[:4](maps)[..., 1:-1, 1:-1]  # no zeros of the border
    factor = 1 / math.sqrt(depth)  # (L^(-1/4))² for each layer
    assert narrow.square().mean().item() == pytest.approx(factor, rel=0.05)
    assert wide.square().mean().item() == pytest.approx(factor**2, rel=0.05)


def test_signals_start_with_unit_variance_at_both_ends() -> None:
    """Where they depend on no class; an embedding adds the variance of one among 50 inputs."""
    data = DataSpec(3, 8, 8, classes=50)
    pair = built(R3GAN(width=256, cardinality=32, conditional=True), data)
    labels = torch.arange(50).repeat(4)
    inputs = torch.cat([torch.randn(200, 64), pair.generator.embed(labels)], 1)
    maps = pair.generator.scale(inputs)[..., None, None] * pair.generator.basis
    assert maps.var().item() == pytest.approx((1 + 1 / 50) / 2, rel=0.1)
    head = pair.discriminator
    features = head.layers[-2:](torch.randn(200, 256, 4, 4))
    logits = (head.judge(features) * head.embed(labels)).sum(1)
    assert features.var().item() == pytest.approx(1, rel=0.2)
    assert logits.var().item() == pytest.approx(1 / 50, rel=0.5)


def test_biases_start_from_zero_and_are_only_where_a_rectifier_follows() -> None:
    for network in built(SMALL, DataSpec(3, 16, 16)):
        biases = {name: p for name, p in network.named_parameters() if name.endswith("bias")}
        blocks = sum(isinstance(module, ResidualBlock) for module in network.modules())
        rectifiers = sum(isinstance(module, nn.LeakyReLU) for module in network.modules())
        assert len(biases) == rectifiers == 2 * blocks
        assert not any(bias.any() for bias in biases.values())


def test_stages_are_joined_by_the_filters_that_keep_the_grid_centred() -> None:
    generator, discriminator = built(SMALL, DataSpec(3, 16, 16))
    assert sum(isinstance(module, Upsample) for module in generator.modules()) == 2
    assert sum(isinstance(module, Downsample) for module in discriminator.modules()) == 2


@pytest.mark.parametrize("resample", [Upsample(), Downsample()])
def test_filters_and_mixtures_of_channels_commute(resample: nn.Module) -> None:
    """So that channels are mixed where there are fewer pixels, in both networks."""
    (mix,) = matched(4, 6)
    maps = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(resample(mix(maps)), mix(resample(maps)))


def test_filters_are_no_part_of_a_networks_state() -> None:
    for network in built(SMALL, DataSpec(3, 16, 16)):
        assert network.state_dict().keys() == dict(network.named_parameters()).keys()


@pytest.mark.parametrize("classes", [3, 200])
def test_class_embeddings_start_as_linear_maps_of_one_hot_vectors(classes: int) -> None:
    """Whose fan-in is the number of classes; the logit sums over the width besides."""
    architecture = dataclasses.replace(SMALL, conditional=True, width=512, latent_dim=800)
    pair = built(architecture, DataSpec(3, 8, 8, classes=classes))
    expected = {"generator": 1 / classes, "discriminator": 1 / (512 * classes)}
    for player, network in pair._asdict().items():
        weights = network.embed.weight.detach()
        assert weights.mean().item() == pytest.approx(0, abs=0.1 * expected[player] ** 0.5)
        assert weights.square().mean().item() == pytest.approx(expected[player], rel=0.1)


def classes_matter(network: nn.Module, inputs: Tensor) -> bool:
    answers = [network(inputs, torch.full((len(inputs),), label)) for label in (0, 1)]
    first, second = (getattr(answer, "logits", answer) for answer in answers)
    return not torch.allclose(first, second)


def test_both_players_use_the_class() -> None:
    pair = built(dataclasses.replace(SMALL, conditional=True), DataSpec(3, 16, 16, classes=3))
    assert classes_matter(pair.generator, torch.randn(4, 6))
    assert classes_matter(pair.discriminator, torch.randn(4, 3, 16, 16))


def test_evaluated_images_are_clamped_and_trained_ones_are_linear() -> None:
    generator = built(SMALL, DataSpec(3, 16, 16)).generator
    latents = 3 * torch.randn(8, 6)
    trained, evaluated = generator.train()(latents), generator.eval()(latents)
    assert trained.abs().max() > 1
    assert torch.equal(evaluated, trained.clamp(-1, 1))


def test_features_are_what_the_linear_layer_judges() -> None:
    discriminator = built(SMALL, DataSpec(3, 16, 16)).discriminator
    critique = discriminator(torch.randn(5, 3, 16, 16))
    assert critique.features.shape == (5, 8)
    assert torch.equal(critique.logits, discriminator.judge(critique.features).squeeze(1))


def test_the_discriminator_looks_at_every_pixel() -> None:
    for size in (16, 28):
        discriminator = built(SMALL, DataSpec(1, size, size)).discriminator
        pixels = torch.randn(2, 1, size, size).requires_grad_()
        discriminator(pixels).logits.sum().backward()
        assert pixels.grad is not None
        assert (pixels.grad != 0).all()


def test_it_claims_what_penalties_and_feature_losses_want() -> None:
    assert SMALL.capabilities(DataSpec(3, 16, 16)) == {PER_SAMPLE_CRITIC, CRITIC_FEATURES}
    assert SMALL.task == "unconditional"
    assert R3GAN(conditional=True).task == "class-conditional"


def test_it_recommends_the_papers_schedules() -> None:
    settings = resolve_training([("architecture", R3GAN.recommends)]).settings
    assert settings.g_lr * settings.lr_final == pytest.approx(5e-5)
    assert settings.lr_decay_to * 250 == 20  # million images
    assert settings.g_betas == settings.d_betas == (0.0, 0.9)


@pytest.mark.parametrize("options", [{"width": 8, "cardinality": 3}, {"width": 4}])
def test_groups_that_do_not_divide_the_width_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"cardinality=\d+ does not divide"):
        R3GAN(**options)


@pytest.mark.parametrize(
    ("architecture", "data", "way_out"),
    [
        (R3GAN(), DataSpec(2, 1, 1, kind="points"), "mlp"),
        (R3GAN(), DataSpec(3, 36, 48), "32x48"),
        (R3GAN(), DataSpec(3, 7, 7), "resize them to 8x8"),
        (R3GAN(), DataSpec(3, 27, 27), "resize them to 28x28"),
        (R3GAN(), DataSpec(3, 2048, 2048), "resize them to 1024x1024"),
        (R3GAN(conditional=True), DataSpec(3, 32, 32), "conditional=false"),
        (R3GAN(width=10, cardinality=4), DataSpec(3, 128, 128), "multiples of 4, or set wide_to"),
        (R3GAN(width=12, cardinality=6), DataSpec(3, 128, 128), "multiples of 4, or set wide_to"),
    ],
)
def test_data_that_cannot_be_made_is_refused_with_a_way_out(
    architecture: R3GAN, data: DataSpec, way_out: str
) -> None:
    problem = architecture.problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match="r3gan"):
        architecture.build(data)
