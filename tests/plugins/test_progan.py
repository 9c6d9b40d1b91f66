"""ProGAN: published sizes, what fades in when, and the layers that keep its players in bounds."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

import ganbench
from ganbench import (
    CRITIC_FEATURES,
    MINIBATCH_STATISTICS,
    PER_SAMPLE_CRITIC,
    DataSpec,
    Networks,
    Progress,
)
from ganbench.testing import ArchitectureTests
from ganbench_style.equalized import Equalized
from ganbench_style.minibatch import MinibatchDeviation
from ganbench_style.progan import ProGAN
from ganbench_style.progan_growth import Stage, stage_at
from ganbench_style.progan_networks import InnermostMap, PixelNorm

SMALL = ProGAN(fmap_base=64, fmap_max=8, latent_dim=6)
DATA = DataSpec(3, 16, 16)


class TestProGAN(ArchitectureTests):
    # The last level still fades in at the end, so that its training uses all of the layers.
    component = ProGAN(fmap_base=64, fmap_max=8, latent_dim=6, growth=1.0)
    data = (DataSpec(3, 8, 8), DataSpec(1, 14, 14, classes=10))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def built(architecture: ProGAN = SMALL, data: DataSpec = DATA, share: float = 1.0) -> Networks:
    """A pair with biases that are not zero, at a share of the budget."""
    torch.manual_seed(0)
    pair = architecture.build(data)
    for network in pair:
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                nn.init.normal_(parameter, 0.0, 0.3)
        architecture.advance(network, Progress(0, share))
    return pair


def conv(inputs: int, outputs: int, kernel: int) -> int:
    return inputs * outputs * kernel**2 + outputs


def table(widths: list[int], channels: int, latents: int, base: int) -> tuple[int, int]:
    """Parameters of the finished networks' layers, as the paper's table 2 lists them."""
    steps = list(pairwise(widths))
    generator = conv(latents, widths[0], base) + conv(widths[0], widths[0], 3)
    generator += sum(conv(a, b, 3) + conv(b, b, 3) for a, b in steps)
    generator += conv(widths[-1], channels, 1)
    discriminator = conv(channels, widths[-1], 1)
    discriminator += sum(conv(b, b, 3) + conv(b, a, 3) for a, b in steps)
    discriminator += conv(widths[0] + 1, widths[0], 3) + conv(widths[0], widths[0], base)
    discriminator += widths[0] + 1
    return generator, discriminator


def test_the_published_pair_has_the_published_number_of_parameters() -> None:
    widths = [512, 512, 512, 512, 256, 128, 64, 32, 16]
    sizes = table(widths, 3, 512, 4)
    assert [round(size / 1e6, 1) for size in sizes] == [23.1, 23.1]
    grown_out_of = sum(3 * width for width in widths[:-1])  # 1x1 layers of the smaller images
    with torch.device("meta"):
        pair = ganbench.get("architecture", "progan").build(DataSpec(3, 1024, 1024))
    assert parameters(pair.generator) == sizes[0] + grown_out_of + 3 * (len(widths) - 1)
    assert parameters(pair.discriminator) == sizes[1] + grown_out_of + sum(widths[:-1])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "base", "widths"),
    [(8, 4, [12, 12]), (28, 7, [12, 12, 8]), (32, 4, [12, 12, 8, 4]), (48, 6, [12, 12, 8, 4])],
)
def test_parameter_counts_follow_from_the_table_at_any_size(
    size: int, base: int, widths: list[int], channels: int
) -> None:
    grown_out_of = channels * sum(widths[:-1])
    expected = table(widths, channels, 10, base)
    with torch.device("meta"):
        architecture = ProGAN(fmap_base=64, fmap_max=12, latent_dim=10)
        pair = architecture.build(DataSpec(channels, size, size))
    biases = channels * (len(widths) - 1), sum(widths[:-1])
    for network, count, bias in zip(pair, expected, biases, strict=True):
        assert parameters(network) == count + grown_out_of + bias


@pytest.mark.parametrize(
    ("share", "stage"),
    [
        (0.0, Stage(0, 1.0)),  # two doublings and a growth of 0.8: four parts of 0.2
        (0.199, Stage(0, 1.0)),
        (0.25, Stage(1, 0.25)),
        (0.35, Stage(1, 0.75)),
        (0.45, Stage(1, 1.0)),
        (0.599, Stage(1, 1.0)),
        (0.7, Stage(2, 0.5)),
        (0.79, Stage(2, 0.95)),
        (0.8, Stage(2, 1.0)),
        (1.0, Stage(2, 1.0)),
    ],
)
def test_every_size_and_every_fade_has_an_equal_share(share: float, stage: Stage) -> None:
    found = stage_at(share, 0.8, 2)
    assert found.level == stage.level
    assert found.alpha == pytest.approx(stage.alpha)
    assert found.fading == stage.fading


@pytest.mark.parametrize("growth", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("doublings", [1, 3, 8])
def test_growth_never_goes_back_and_ends_where_it_says(growth: float, doublings: int) -> None:
    stages = [stage_at(step / 1000, growth, doublings) for step in range(1001)]
    assert stages[0] == Stage(0, 1.0)
    assert stages[-1] == stage_at(growth, growth, doublings) == Stage(doublings, 1.0)
    for before, after in pairwise(stages):
        assert after.level - before.level in (0, 1)
        if after.level == before.level:
            assert after.alpha >= before.alpha
        else:
            assert before == (before.level, 1.0)
    assert all(0 <= stage.alpha <= 1 for stage in stages)


def test_without_growth_it_has_its_full_size_from_the_start() -> None:
    assert stage_at(0.0, 0.0, 3) == Stage(3, 1.0)


def at_level(network: nn.Module, level: int, alpha: float = 1.0) -> nn.Module:
    other = copy.deepcopy(network)
    other.set_stage(Stage(level, alpha))
    return other


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.9])
def test_images_in_a_fade_are_the_blend_of_those_of_both_sizes(level: int, alpha: float) -> None:
    generator = built().generator
    latents = torch.randn(4, 6)
    old, new = (at_level(generator, n)(latents) for n in (level - 1, level))
    blended = at_level(generator, level, alpha)(latents)
    expected = (1 - alpha) * interpolate(old, scale_factor=2) + alpha * new
    torch.testing.assert_close(blended, expected)


@pytest.mark.parametrize("level", [1, 2])
def test_a_discriminator_whose_newest_level_has_no_weight_judges_smaller_images(
    level: int,
) -> None:
    discriminator = built().discriminator
    images = torch.randn(4, 3, 4 << level, 4 << level)
    fading = at_level(discriminator, level, 0.0)(images).logits
    smaller = at_level(discriminator, level - 1)(avg_pool2d(images, 2)).logits
    torch.testing.assert_close(fading, smaller)


def test_the_discriminator_blends_the_maps_of_both_sizes() -> None:
    discriminator = built().discriminator
    images = torch.randn(4, 3, 16, 16)
    new = discriminator.blocks[1](discriminator.from_image[2](images))
    old = discriminator.from_image[1](avg_pool2d(images, 2))
    maps = discriminator.blocks[0](0.3 * new + 0.7 * old)
    expected = discriminator.judge(discriminator.last(maps)).squeeze(1)
    fading = at_level(discriminator, 2, 0.3)
    torch.testing.assert_close(fading(images).logits, expected)


@pytest.mark.parametrize("player", [0, 1])
def test_layers_of_smaller_images_have_no_influence_once_a_level_is_in(player: int) -> None:
    network = built()[player]
    inputs = torch.randn(4, 6) if player == 0 else torch.randn(4, 3, 16, 16)
    ends = network.to_image if player == 0 else network.from_image

    def answer(alpha: float) -> Tensor:
        given = at_level(network, 2, alpha)(inputs)
        return given if player == 0 else given.logits

    before, fading = answer(1.0), answer(0.999)
    with torch.no_grad():
        for end in ends[:2]:
            for parameter in end.parameters():
                parameter.fill_(1e9)
    assert torch.equal(answer(1.0), before)
    assert not torch.allclose(answer(0.999), fading)


def test_fades_are_continuous_at_both_ends() -> None:
    generator = built().generator
    latents = torch.randn(4, 6)
    begins, ends = (at_level(generator, 2, alpha)(latents) for alpha in (0.0, 0.999999))
    before, after = (at_level(generator, level)(latents) for level in (1, 2))
    torch.testing.assert_close(begins, interpolate(before, scale_factor=2))
    torch.testing.assert_close(ends, after, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("share", "size"), [(0.0, 4), (0.14, 4), (0.2, 8), (0.4, 8), (0.5, 16), (0.9, 16)]
)
def test_training_images_have_the_size_of_the_stage_and_evaluated_ones_that_of_the_data(
    share: float, size: int
) -> None:
    progress = Progress(0, share)
    generator, discriminator = built(share=share)
    latents = torch.randn(4, 6)
    images = generator.train()(latents)
    real = SMALL.real_images(torch.randn(4, 3, 16, 16), progress)
    assert images.shape == real.shape == (4, 3, size, size)
    assert discriminator(images).logits.shape == discriminator(real).logits.shape == (4,)
    evaluated = generator.eval()(latents)
    assert torch.equal(evaluated, interpolate(images, scale_factor=16 // size).clamp(-1, 1))


def test_every_parameter_is_trained_at_some_stage() -> None:
    """Layers of smaller images are done with when the images have grown."""
    reached = [set(), set()]
    for share in (0.0, 0.2, 0.5):
        pair = built(share=share)
        pair.discriminator(pair.generator(torch.randn(4, 6))).logits.sum().backward()
        for names, network in zip(reached, pair, strict=True):
            names |= {n for n, p in network.named_parameters() if p.grad is not None}
            assert all(p.grad.any() for p in network.parameters() if p.grad is not None)
    for names, network in zip(reached, pair, strict=True):
        assert names == dict(network.named_parameters()).keys()


def test_real_images_are_means_of_squares_and_blend_like_generated_ones() -> None:
    real = torch.rand(2, 3, 16, 16)
    stable = SMALL.real_images(real, Progress(0, 0.35))  # 8 pixels
    torch.testing.assert_close(stable[:, :, 1, 2], real[:, :, 2:4, 4:6].mean((2, 3)))
    fading = SMALL.real_images(real, Progress(0, 0.1875))  # 8 pixels, a quarter in
    coarse = avg_pool2d(real, 4).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(fading, 0.75 * coarse + 0.25 * stable)
    assert SMALL.real_images(real, Progress(0, 0.6)) is real


def test_the_stage_follows_from_the_progress_alone() -> None:
    straight, resumed = built().generator, built().generator
    for share in (0.0, 0.2, 0.5, 0.9, 0.5, 0.5):
        SMALL.advance(straight, Progress(17, share))
    SMALL.advance(resumed, Progress(0, 0.5))
    assert straight.alpha == resumed.alpha
    latents = torch.randn(3, 6)
    assert torch.equal(straight(latents), resumed(latents))
    assert straight.state_dict().keys() == dict(straight.named_parameters()).keys()


def test_a_step_reads_the_weight_of_the_newest_level_from_the_device() -> None:
    generator = built(share=0.2).generator
    alpha = generator.alpha
    SMALL.advance(generator, Progress(0, 0.25))
    assert generator.alpha is alpha
    assert alpha.item() == pytest.approx(2 / 3)


def test_pixels_are_normalized_over_their_channels() -> None:
    maps = torch.randn(2, 5, 3, 3, dtype=torch.float64)
    pixel = maps[1, :, 2, 0]
    expected = pixel / (pixel.square().mean() + 1e-8).sqrt()
    torch.testing.assert_close(PixelNorm()(maps)[1, :, 2, 0], expected)
    assert torch.equal(PixelNorm()(torch.zeros(1, 4)), torch.zeros(1, 4))


def test_the_scale_of_latents_does_not_matter() -> None:
    generator = built().generator
    latents = torch.randn(3, 6)
    torch.testing.assert_close(generator(latents), generator(5 * latents))


def test_the_innermost_map_is_a_convolution_of_one_pixel_padded_with_zeros() -> None:
    layer = InnermostMap(6, 5, (4, 4))
    nn.init.normal_(layer.bias)
    latents = torch.randn(3, 6)
    weight, bias = layer.scaled()
    whole = nn.functional.conv2d(latents[:, :, None, None], weight.flip(2, 3), bias, padding=3)
    torch.testing.assert_close(layer(latents), whole)


def test_learning_rates_are_equalized_in_every_layer() -> None:
    for network in ProGAN(fmap_base=256, fmap_max=64, latent_dim=64).build(DATA):
        layers = [module for module in network.modules() if isinstance(module, Equalized)]
        assert parameters(network) == sum(map(parameters, layers))
        for layer in layers:
            tolerance = 4 / layer.weight.numel() ** 0.5
            assert abs(layer.weight.std().item() - 1) < tolerance
            linear = layer.weight.shape[0] in (1, 3)  # at the image, or the logit
            gain = layer.weight_scale * layer.weight[0].numel() ** 0.5
            assert gain == pytest.approx(1 if linear else 2**0.5)


def test_the_minibatch_shows_in_the_last_block_only() -> None:
    discriminator = built(ProGAN(fmap_base=64, fmap_max=8, group=0)).discriminator
    deviations = [m for m in discriminator.modules() if isinstance(m, MinibatchDeviation)]
    assert deviations == [discriminator.last[0]]
    assert deviations[0].group == 0
    images = torch.randn(4, 3, 16, 16)
    alone = discriminator(images[:1].expand(4, -1, -1, -1)).logits
    together = discriminator(images).logits
    assert not torch.allclose(alone[0], together[0])


def test_the_averaged_generator_has_the_papers_decay() -> None:
    """0.999 in each step, of 16 images up to 128 pixels."""
    assert 0.5 ** (16 / ProGAN.recommends["ema_images"]) == pytest.approx(0.999, abs=1e-7)


def test_it_claims_what_its_paper_trains_it_with() -> None:
    claims = {PER_SAMPLE_CRITIC, MINIBATCH_STATISTICS, CRITIC_FEATURES}
    assert ProGAN().capabilities(DATA) == claims


@pytest.mark.parametrize(
    ("data", "way_out"),
    [
        (DataSpec(2, 1, 1, kind="points"), "mlp"),
        (DataSpec(3, 32, 50), "32x48"),
        (DataSpec(3, 7, 7), "resize them to 8x8"),
        (DataSpec(3, 36, 36), "resize them to 32x32"),
    ],
)
def test_data_that_cannot_be_made_is_refused_with_a_way_out(data: DataSpec, way_out: str) -> None:
    problem = ProGAN().problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match="progan"):
        ProGAN().build(data)
