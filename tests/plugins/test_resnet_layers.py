"""The residual designs' parts against their papers' formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ganbench import DataSpec
from ganbench_resnet.biggan import BigGAN
from ganbench_resnet.blocks import DownBlock, SelfAttention, UpBlock, _largest
from ganbench_resnet.critic import Discriminator
from ganbench_resnet.layers import Layers, settle_spectral_norms
from ganbench_resnet.norms import ClassNorm, LearnedNorm, VectorNorm
from ganbench_resnet.plans import sngan_plan
from ganbench_resnet.sagan import SAGAN
from ganbench_resnet.sngan import SNGAN

PLAIN = Layers(spectral=False, orthogonal=False)
SPECTRAL = Layers(spectral=True, orthogonal=False)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def largest_singular_value(weight: Tensor) -> float:
    return torch.linalg.svdvals(weight.detach().flatten(1))[0].item()


def test_spectral_norm_divides_by_the_largest_singular_value() -> None:
    layers = (SPECTRAL.conv(5, 7, 3), SPECTRAL.linear(6, 9), SPECTRAL.embedding(4, 8))
    for layer in layers:
        original = layer.get_parameter("parametrizations.weight.original")
        with torch.no_grad():
            original.normal_()
        for _ in range(200):  # training passes
            weight = layer.weight
        assert largest_singular_value(weight) == pytest.approx(1, rel=1e-4)
        assert isinstance(weight, Tensor)
        torch.testing.assert_close(weight, original / largest_singular_value(original))


def test_only_a_training_pass_moves_the_estimate() -> None:
    layer = SPECTRAL.linear(6, 9)
    layer.eval()
    vector = layer.get_buffer("parametrizations.weight.0._u")
    before = vector.clone()
    layer(torch.randn(2, 6))
    assert torch.equal(vector, before)
    layer.train()(torch.randn(2, 6))
    assert not torch.equal(vector, before)


def test_estimates_of_an_averaged_network_are_made_to_fit_its_weights() -> None:
    """The average of two networks' singular vectors is too short, and belongs to neither."""
    generator, other = (
        SAGAN(g_width=8).build(DataSpec(1, 8, 8)).generator.eval() for _ in range(2)
    )
    theirs = other.state_dict()
    for name, mine in generator.state_dict().items():
        if mine.is_floating_point():
            mine.lerp_(theirs[name], 0.5)
    weights = [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert max(largest_singular_value(m.weight) for m in weights) > 1.5
    settle_spectral_norms(generator)
    for layer in weights:
        assert largest_singular_value(layer.weight) == pytest.approx(1, abs=0.1)
    assert not any(module.training for module in generator.modules())


def test_initial_weights_are_glorots_or_orthogonal() -> None:
    uniform = PLAIN.conv(20, 30, 3, gain=math.sqrt(2)).weight
    assert isinstance(uniform, Tensor)
    assert uniform.std().item() == pytest.approx(math.sqrt(4 / (9 * (20 + 30))), rel=0.05)
    orthogonal = Layers(spectral=False, orthogonal=True).conv(20, 30, 3).weight
    assert isinstance(orthogonal, Tensor)
    rows = orthogonal.flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(30), atol=1e-5, rtol=0)


def test_self_attention_is_the_papers_sum_over_places() -> None:
    attention = SelfAttention(16, PLAIN)
    maps = torch.randn(2, 16, 4, 6)
    assert torch.equal(attention(maps), maps)  # before the gain has moved
    nn.init.constant_(attention.gain, 0.7)
    q, k, v, out = (
        module.weight[:, :, 0, 0]
        for module in (attention.queries, attention.keys, attention.values, attention.output)
    )
    result = attention(maps)
    for sample in range(2):
        pixels = maps[sample]
        keys, values = [], []
        for row in range(0, 4, 2):
            for column in range(0, 6, 2):
                patch = pixels[:, row : row + 2, column : column + 2].reshape(16, 4)
                keys.append((k @ patch).amax(dim=1))
                values.append((v @ patch).amax(dim=1))
        for row in range(4):
            for column in range(6):
                pixel = pixels[:, row, column]
                scores = [torch.exp((q @ pixel) @ key).item() for key in keys]
                seen = sum(
                    score / sum(scores) * value for score, value in zip(scores, values, strict=True)
                )
                torch.testing.assert_close(
                    result[sample, :, row, column], pixel + 0.7 * (out @ seen)
                )


@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (2, 2)])
def test_the_largest_of_each_square_is_what_max_pooling_gives(shape: tuple[int, int]) -> None:
    maps = torch.randn(2, 3, *shape, requires_grad=True)
    mine, theirs = _largest(maps), nn.functional.max_pool2d(maps, 2)
    assert torch.equal(mine, theirs)
    slopes = [torch.autograd.grad(answer.square().sum(), maps)[0] for answer in (mine, theirs)]
    assert torch.equal(*slopes)


def test_equal_values_of_a_square_share_the_gradient() -> None:
    maps = torch.tensor([[[[1.0, 1.0], [0.0, 1.0]]]], requires_grad=True)
    _largest(maps).sum().backward()
    assert maps.grad is not None
    torch.testing.assert_close(maps.grad.flatten(), torch.tensor([1.0, 1.0, 0.0, 1.0]) / 3)


def test_gains_of_classes_are_centred_at_1() -> None:
    norm = ClassNorm(3, 4)
    maps = 5 + 2 * torch.randn(64, 3, 4, 4)
    labels = torch.arange(64) % 4
    torch.testing.assert_close(norm(maps, labels), nn.BatchNorm2d(3)(maps))
    with torch.no_grad():
        norm.gain.weight.copy_(torch.arange(12.0).view(4, 3))
        norm.shift.weight.copy_(-torch.arange(12.0).view(4, 3))
    normalized, result = nn.BatchNorm2d(3)(maps), norm(maps, labels)
    for label in range(4):
        for channel in range(3):
            table = 3 * label + channel
            expected = (1 + table) * normalized[labels == label, channel] - table
            torch.testing.assert_close(result[labels == label, channel], expected)


def test_gains_of_a_vector_are_1_and_linear_in_it() -> None:
    norm = VectorNorm(3, 5, PLAIN)
    maps, vectors = torch.randn(8, 3, 4, 4), torch.randn(8, 5)
    gain = 1 + vectors @ norm.gain.weight.T
    shift = vectors @ norm.shift.weight.T
    expected = gain[:, :, None, None] * nn.BatchNorm2d(3)(maps) + shift[:, :, None, None]
    torch.testing.assert_close(norm(maps, vectors), expected)
    torch.testing.assert_close(norm(maps, torch.zeros(8, 5)), nn.BatchNorm2d(3)(maps))


def test_an_up_blocks_shortcut_is_a_convolution_of_the_doubled_map() -> None:
    """The block computes it the other way round, which costs a quarter."""
    block = UpBlock(4, 6, PLAIN, LearnedNorm)
    maps = torch.randn(2, 4, 3, 3)
    nn.init.zeros_(block.second.weight)  # the residual
    doubled = maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(block(maps, None), block.shortcut(doubled))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("rectified", [True, False])
def test_a_down_block_is_the_mean_of_its_sum_before_halving(first: bool, rectified: bool) -> None:
    block = DownBlock(4, 5, 6, PLAIN, first=first, halve=True, rectified_skip=rectified)
    maps = torch.randn(2, 4, 6, 6)
    before = maps.clone()
    entered = maps if first else maps.relu()
    whole = block.second(block.first(entered).relu())
    whole = whole + block.shortcut(entered if rectified else maps)
    means = whole.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
    torch.testing.assert_close(block(maps), means)
    assert torch.equal(maps, before), "the block changes its input"


@pytest.mark.parametrize("rectified", [True, False])
def test_a_skip_without_a_convolution_carries_the_input_or_what_a_relu_leaves(
    rectified: bool,
) -> None:
    block = DownBlock(4, 5, 4, PLAIN, first=False, halve=False, rectified_skip=rectified)
    nn.init.zeros_(block.second.weight)
    maps = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(maps), maps.relu() if rectified else maps)


@pytest.mark.parametrize("design", [SNGAN, SAGAN, BigGAN])
def test_a_design_can_rectify_the_skips_of_all_blocks_but_the_first(
    design: type[SNGAN] | type[SAGAN] | type[BigGAN],
) -> None:
    """The first one's input is the image, which has no ReLU before its convolutions."""
    data = DataSpec(1, 8, 8, classes=3)
    asked = {"d_skip": "rectified", "latent_dim": 8}
    plain, rectified = (
        design(**options).build(data).discriminator for options in ({"latent_dim": 8}, asked)
    )
    rectified.load_state_dict(plain.state_dict())
    blocks = [
        [module for module in network.modules() if isinstance(module, DownBlock)]
        for network in (plain.eval(), rectified.eval())
    ]
    for number, (one, other) in enumerate(zip(*blocks, strict=True)):
        maps = torch.randn(2, one.first.weight.shape[1], 8, 8)
        assert torch.equal(one(maps), other(maps)) == (number == 0)


def critic(condition: str) -> Discriminator:
    return Discriminator(
        sngan_plan((8, 8), 4, 4),
        1,
        PLAIN,
        wide=False,
        rectified_skips=False,
        attended=0,
        classes=3,
        condition=condition,
    )


def test_features_are_the_last_map_summed_and_the_logit_is_linear_in_them() -> None:
    network, images = critic("none"), torch.randn(5, 1, 8, 8)
    critique = network(images)
    features = network.blocks(images).clamp(min=0).flatten(2).sum(dim=2)
    torch.testing.assert_close(critique.features, features)
    torch.testing.assert_close(critique.logits, network.judge(features)[:, 0])


def test_the_projection_is_the_product_of_the_features_and_the_classes_embedding() -> None:
    network, images = critic("projection"), torch.randn(5, 1, 8, 8)
    labels = torch.tensor([0, 1, 2, 2, 0])
    critique = network(images, labels)
    for number, label in enumerate(labels):
        features = critique.features[number]
        projection = torch.dot(network.embedding.weight[label], features)
        expected = network.judge(features)[0] + projection
        torch.testing.assert_close(critique.logits[number], expected)
    assert critique.class_logits is None
    with pytest.raises(ValueError, match="labels"):
        network(images)


def test_the_classifiers_logits_are_linear_in_the_features() -> None:
    network, images = critic("classifier"), torch.randn(5, 1, 8, 8)
    critique = network(images, torch.zeros(5, dtype=torch.int64))
    torch.testing.assert_close(critique.class_logits, network.classify(critique.features))
    assert critique.class_logits.shape == (5, 3)
    torch.testing.assert_close(critique.logits, network(images).logits)  # no class in them
