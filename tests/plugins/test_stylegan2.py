"""StyleGAN2: published sizes, what its options change, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import ganbench
from ganbench import (
    MINIBATCH_STATISTICS,
    PER_SAMPLE_CRITIC,
    STYLES,
    Critique,
    DataSpec,
    Networks,
)
from ganbench.testing import ArchitectureTests
from ganbench_style.stylegan2 import StyleGAN2

SMALL: dict[str, Any] = {"channel_base": 64, "latent_dim": 6, "w_dim": 5, "mapping_layers": 2}
CIFAR = "stylegan2[conditional=true,mapping_layers=2,mixing=0.0,d_design=plain,mbstd_group=32]"


class TestUnconditional(ArchitectureTests):
    component = StyleGAN2(**SMALL)
    data = (DataSpec(1, 8, 8), DataSpec(3, 28, 28, classes=3))


class TestConditional(ArchitectureTests):
    component = StyleGAN2(
        **SMALL, conditional=True, mixing=0.0, d_design="plain", mbstd_group=0, d_mapping_layers=1
    )
    data = (DataSpec(3, 16, 16, classes=3),)


def parameters(networks: Networks) -> list[int]:
    return [sum(p.numel() for p in network.parameters()) for network in networks]


def on_meta(spec: str, data: DataSpec) -> Networks:
    with torch.device("meta"):
        return ganbench.get("architecture", spec).build(data)


@pytest.mark.parametrize(
    ("spec", "data", "counts"),
    [
        (CIFAR, DataSpec(3, 32, 32, classes=10), [20_215_315, 23_089_664]),
        (
            "stylegan2[channel_base=16384,mbstd_group=8]",
            DataSpec(3, 256, 256),
            [24_767_458, 24_001_089],
        ),
        ("stylegan2", DataSpec(3, 1024, 1024), [30_370_060, 29_012_513]),
    ],
)
def test_published_configurations_have_the_published_number_of_parameters(
    spec: str, data: DataSpec, counts: list[int]
) -> None:
    assert parameters(on_meta(spec, data)) == counts


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def mapped(inputs: int, classes: int, width: int, layers: int) -> int:
    total = dense(classes, width) if classes else 0
    first = inputs + (width if classes else 0)
    return total + sum(dense(width if layer else first, width) for layer in range(layers))


@pytest.mark.parametrize("size", [8, 28, 32, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [0, 4])
@pytest.mark.parametrize("design", ["residual", "plain"])
def test_parameter_counts_follow_from_the_layers(
    size: int, channels: int, classes: int, design: str
) -> None:
    base, most, z, w, depth, d_depth = 160, 10, 7, 5, 3, 2
    sizes = [2**power for power in range(2, math.ceil(math.log2(size)) + 1)]
    width = {s: min(base // s, most) for s in sizes}
    g = mapped(z, classes, w, depth) + 16 * width[4]
    d = channels * width[sizes[-1]] + width[sizes[-1]]
    for s in sizes:
        layers = [(width[s], width[s], 3)] + ([(width[s // 2], width[s], 3)] if s > 4 else [])
        for inputs, outputs, kernel in layers:  # weight, bias, noise strength, styles
            g += inputs * outputs * kernel**2 + outputs + 1 + dense(w, inputs)
        g += width[s] * channels + channels + dense(w, width[s])
        if s > 4:
            d += 9 * width[s] ** 2 + width[s] + 9 * width[s] * width[s // 2] + width[s // 2]
            d += width[s] * width[s // 2] if design == "residual" else 0
    inner = width[4]
    d += 9 * (inner + 2) * inner + inner + dense(16 * inner, inner)
    d += dense(inner, inner) + mapped(0, classes, inner, d_depth) if classes else dense(inner, 1)
    architecture = StyleGAN2(
        channel_base=base,
        channel_max=most,
        latent_dim=z,
        w_dim=w,
        mapping_layers=depth,
        d_mapping_layers=d_depth,
        conditional=bool(classes),
        d_design=design,
        mbstd_channels=2,
    )
    assert parameters(architecture.build(DataSpec(channels, size, size, classes))) == [g, d]


def built(data: DataSpec, **options: Any) -> Networks:
    torch.manual_seed(0)
    return StyleGAN2(**SMALL | options).build(data)


@pytest.mark.parametrize("size", [8, 27, 28, 33])
def test_other_sizes_are_cropped_from_the_next_power_of_two_and_padded_to_it(size: int) -> None:
    whole_size = 2 ** math.ceil(math.log2(size))
    whole = built(DataSpec(1, whole_size, whole_size), mixing=0.0)
    part = built(DataSpec(1, size, size), mixing=0.0)
    start = (whole_size - size) // 2
    window = slice(start, start + size)
    latents = torch.randn(2, 6)
    cropped = part.generator(latents)
    torch.testing.assert_close(cropped, whole.generator(latents)[..., window, window])
    padded = torch.zeros(2, 1, whole_size, whole_size)
    padded[..., window, window] = cropped.detach()
    torch.testing.assert_close(
        part.discriminator(cropped).logits, whole.discriminator(padded).logits
    )


def test_images_are_linear_in_training_and_clamped_in_evaluation_or_squashed() -> None:
    generator = built(DataSpec(3, 16, 16), mixing=0.0).generator
    latents = torch.randn(20, 6)
    images = generator(latents)
    assert images.abs().max() > 1
    torch.testing.assert_close(generator.eval()(latents), images.clamp(-1, 1))
    squashing = built(DataSpec(3, 16, 16), mixing=0.0, output="tanh").generator
    for training in (True, False):
        torch.testing.assert_close(squashing.train(training)(latents), images.tanh())


def test_activations_keep_their_scale_through_both_players() -> None:
    torch.manual_seed(0)
    data = DataSpec(3, 64, 64)
    sizes = {"channel_base": 2048, "mapping_layers": 8, "latent_dim": 64, "w_dim": 64}
    for design in ("residual", "plain"):
        generator, discriminator = StyleGAN2(**sizes, d_design=design).build(data)
        with torch.no_grad():
            images = generator(torch.randn(16, 64))
            features = discriminator(images).features
        assert 0.5 < images.std() < 4
        assert 0.5 < features.square().mean().sqrt() < 4


def test_labels_choose_what_a_conditional_pair_does() -> None:
    generator, discriminator = built(
        DataSpec(1, 8, 8, classes=3), conditional=True, mixing=0.0, mbstd_group=0
    )
    latents, labels = torch.randn(1, 6).expand(3, -1), torch.arange(3)
    images = generator(latents, labels)
    assert (images[0] - images[1]).abs().max() > 1e-3
    critique = discriminator(images[:1].expand(3, -1, -1, -1), labels)
    assert critique.logits.unique().numel() == 3
    torch.testing.assert_close(critique.features, critique.features[:1].expand(3, -1))
    for network, first in ((generator, latents), (discriminator, images)):
        with pytest.raises(ValueError, match="needs labels"):
            network(first)


def test_the_logit_of_a_label_is_a_projection_on_its_mapping() -> None:
    discriminator = built(DataSpec(1, 8, 8, classes=3), conditional=True).discriminator
    labels = torch.tensor([2, 0, 1, 1])
    critique = discriminator(torch.randn(4, 1, 8, 8), labels)
    answers = discriminator.last(critique.features)
    mapping = discriminator.mapping(None, labels)
    for row in range(4):
        expected = (answers[row] @ mapping[row]) / math.sqrt(len(mapping[row]))
        torch.testing.assert_close(critique.logits[row], expected)


def test_a_penalty_on_gradients_can_be_differentiated_through_both_designs() -> None:
    """As with ``r1[every=16]``, against a central difference in double precision."""
    for design in ("residual", "plain"):
        data = DataSpec(1, 8, 8)
        discriminator = built(data, d_design=design).discriminator.double()
        weights = list(discriminator.parameters())
        pixels = torch.randn(4, 1, 8, 8, dtype=torch.float64)

        def penalty(
            discriminator: nn.Module = discriminator, pixels: torch.Tensor = pixels
        ) -> torch.Tensor:
            leaf = pixels.clone().requires_grad_()
            critique = discriminator(leaf)
            assert isinstance(critique, Critique)
            (slope,) = torch.autograd.grad(critique.logits.sum(), leaf, create_graph=True)
            return slope.square().sum()

        directions = [torch.randn_like(weight) for weight in weights]
        slopes = torch.autograd.grad(penalty(), weights, allow_unused=True)
        pairs = zip(slopes, directions, strict=True)
        expected = sum((s * direction).sum().item() for s, direction in pairs if s is not None)
        values = []
        with torch.no_grad():
            for step in (1e-8, -2e-8):
                torch._foreach_add_(weights, directions, alpha=step)
                with torch.enable_grad():
                    values.append(penalty().item())
        assert (values[0] - values[1]) / 2e-8 == pytest.approx(expected, rel=1e-4)


def test_capabilities_follow_the_minibatch_deviation() -> None:
    data = DataSpec(1, 8, 8)
    tied = StyleGAN2().capabilities(data)
    assert {PER_SAMPLE_CRITIC, MINIBATCH_STATISTICS, STYLES} <= tied
    assert tied - StyleGAN2(mbstd_group=0).capabilities(data) == {MINIBATCH_STATISTICS}


def test_the_task_follows_the_option() -> None:
    assert StyleGAN2().task == "unconditional"
    assert StyleGAN2(conditional=True).task == "class-conditional"


@pytest.mark.parametrize(
    ("options", "data", "way_out"),
    [
        ({}, DataSpec(2, 1, 1, kind="points"), "mlp"),
        ({}, DataSpec(3, 32, 2000), "resize"),
        ({}, DataSpec(3, 7, 7), "resize"),
        ({}, DataSpec(3, 1025, 1025), "resize"),
        ({"conditional": True}, DataSpec(3, 32, 32), "conditional=false"),
        ({"mbstd_channels": 3}, DataSpec(3, 32, 32), "set it to 1"),
    ],
)
def test_data_that_cannot_be_made_is_refused_with_a_way_out(
    options: dict[str, Any], data: DataSpec, way_out: str
) -> None:
    problem = StyleGAN2(**options).problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match=way_out):
        StyleGAN2(**options).build(data)
