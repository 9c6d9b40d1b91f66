"""DCGAN: exact sizes, initialization, and what its discriminator promises to penalties."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

import ganbench
from ganbench import PER_SAMPLE_CRITIC, DataSpec
from ganbench_classic.dcgan import DCGAN

CLAIMING = ("layer", "instance", "spectral", "none")


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def images(data: DataSpec, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    random = torch.Generator().manual_seed(7)
    return torch.rand(4, *data.shape, generator=random, dtype=dtype) * 2 - 1


def test_the_published_pair_has_the_published_number_of_parameters() -> None:
    generator, discriminator = ganbench.get("architecture", "dcgan").build(DataSpec(3, 64, 64))
    assert parameters(generator) == 3_576_704
    assert parameters(discriminator) == 2_765_568


@pytest.mark.parametrize(("size", "stages"), [(8, 1), (16, 2), (28, 3), (32, 3), (64, 4), (128, 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_parameter_counts_follow_the_geometric_series(
    size: int, stages: int, channels: int
) -> None:
    width, latent_dim = 6, 10
    hidden = 32 * width**2 * (4 ** (stages - 1) - 1) // 3  # Σ 16 · (w 2^i) · (w 2^(i+1))
    outer = 16 * channels * width
    inner = 16 * width * 2 ** (stages - 1)
    generator, discriminator = DCGAN(width=width, latent_dim=latent_dim).build(
        DataSpec(channels, size, size)
    )
    assert parameters(generator) == hidden + outer + latent_dim * inner + 2 * width * (
        2**stages - 1
    )
    assert parameters(discriminator) == hidden + outer + inner + 2 * width * (2**stages - 2)


@pytest.mark.parametrize("size", [8, 16, 27, 28, 32, 48, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_have_the_size_of_the_data_and_every_sample_gets_one_logit(
    size: int, channels: int
) -> None:
    data = DataSpec(channels, size, size)
    generator, discriminator = DCGAN(width=4).build(data)
    samples = generator(100 * torch.randn(3, 100))
    assert samples.shape == (3, *data.shape)
    assert samples.abs().max() <= 1
    critique = discriminator(samples)
    assert critique.logits.shape == (3,)
    assert critique.features.shape == (3, parameters(discriminator.layers[-1]))
    assert discriminator(samples[:1], torch.zeros(1, dtype=torch.long)).logits.shape == (1,)


def test_the_discriminator_looks_at_every_pixel_of_a_padded_image() -> None:
    data = DataSpec(1, 28, 28)
    discriminator = DCGAN(width=4, d_norm="none").build(data).discriminator
    pixels = images(data).requires_grad_()
    discriminator(pixels).logits.sum().backward()
    assert pixels.grad is not None
    assert (pixels.grad != 0).all()


def test_the_generator_crops_the_middle_of_the_next_power_of_two() -> None:
    torch.manual_seed(0)
    whole = DCGAN(width=4).build(DataSpec(1, 32, 32)).generator
    cropped = DCGAN(width=4).build(DataSpec(1, 28, 28)).generator
    cropped.load_state_dict(whole.state_dict())
    latents = torch.randn(3, 100)
    torch.testing.assert_close(cropped(latents), whole(latents)[..., 2:-2, 2:-2])


def test_the_discriminator_pads_with_zeros_all_around() -> None:
    torch.manual_seed(0)
    whole = DCGAN(width=4).build(DataSpec(1, 32, 32)).discriminator
    padding = DCGAN(width=4).build(DataSpec(1, 28, 28)).discriminator
    padding.load_state_dict(whole.state_dict())
    pixels = images(DataSpec(1, 28, 28))
    padded = nn.functional.pad(pixels, (2, 2, 2, 2))
    torch.testing.assert_close(padding(pixels).logits, whole(padded).logits)


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "spectral", "none"])
def test_initial_weights_are_those_of_the_paper(norm: str) -> None:
    torch.manual_seed(0)
    pair = DCGAN(d_norm=norm, g_norm="none" if norm == "spectral" else norm).build(
        DataSpec(3, 32, 32)
    )
    for network in pair:
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                assert (parameter == 0).all(), name
                continue
            gain = parameter.ndim == 1
            tolerance = 4 * 0.02 / math.sqrt(parameter.numel())  # four standard errors
            assert abs(parameter.mean().item() - gain) < tolerance, name
            assert abs(parameter.std().item() - 0.02) < tolerance, name


@pytest.mark.parametrize("norm", ["batch", *CLAIMING])
@pytest.mark.parametrize("size", [8, 32])
def test_every_parameter_gets_a_gradient(norm: str, size: int) -> None:
    torch.manual_seed(0)
    pair = DCGAN(width=4, d_norm=norm, g_norm="none" if norm == "spectral" else norm).build(
        DataSpec(3, size, size)
    )
    pair.discriminator(pair.generator(torch.randn(4, 100))).logits.square().mean().backward()
    for network in pair:
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("norm", CLAIMING)
@pytest.mark.parametrize("size", [8, 28, 32])
def test_a_gradient_penalty_has_the_right_gradient(norm: str, size: int) -> None:
    """Double backward through in-place activations, against a central difference.

    Its step is tiny, lest a leaky ReLU bends in between.
    """
    torch.manual_seed(0)
    data = DataSpec(1, size, size)
    discriminator = DCGAN(width=4, d_norm=norm).build(data).discriminator.double().eval()
    weights = list(discriminator.parameters())

    def penalty() -> torch.Tensor:
        leaf = images(data, dtype=torch.float64).requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(leaf).logits.sum(), leaf, create_graph=True)
        return slope.square().sum()

    directions = [torch.randn_like(weight) for weight in weights]
    slopes = torch.autograd.grad(penalty(), weights, allow_unused=True)
    expected = sum(
        (slope * direction).sum().item()
        for slope, direction in zip(slopes, directions, strict=True)
        if slope is not None
    )
    values = []
    with torch.no_grad():
        for step in (1e-9, -2e-9):
            torch._foreach_add_(weights, directions, alpha=step)
            with torch.enable_grad():
                values.append(penalty().item())
    assert (values[0] - values[1]) / 2e-9 == pytest.approx(expected, rel=1e-4)


def test_spectral_norm_bounds_every_layer_by_one() -> None:
    torch.manual_seed(0)
    discriminator = DCGAN(width=4, d_norm="spectral").build(DataSpec(3, 32, 32)).discriminator
    for _ in range(50):  # power iterations
        discriminator(images(DataSpec(3, 32, 32)))
    layers = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = [torch.linalg.matrix_norm(m.weight.detach().flatten(1), ord=2) for m in layers]
    torch.testing.assert_close(torch.stack(norms), torch.ones(4), rtol=0.05, atol=0)


def change_from_companions(norm: str) -> float:
    """How far a sample's logit moves in training when the rest of its batch is another."""
    torch.manual_seed(0)
    data = DataSpec(3, 16, 16)
    discriminator = DCGAN(width=8, d_norm=norm).build(data).discriminator
    batch = images(data)
    other = torch.cat([batch[:1], -batch[1:]])
    before, after = (copy.deepcopy(discriminator)(pixels).logits[0] for pixels in (batch, other))
    return ((before - after).abs() / before.abs()).item()


@pytest.mark.parametrize("norm", ["batch", *CLAIMING])
def test_the_claim_to_judge_each_sample_by_itself_is_true(norm: str) -> None:
    claims = PER_SAMPLE_CRITIC in DCGAN(d_norm=norm).capabilities(DataSpec(3, 16, 16))
    change = change_from_companions(norm)
    assert change < 1e-4 if claims else change > 1e-2
    assert claims == (norm != "batch")


def test_auto_is_settled_by_what_the_cell_needs() -> None:
    data = DataSpec(1, 8, 8)
    auto = DCGAN(width=16)
    assert auto.resolve(frozenset(), data) == DCGAN(width=16, d_norm="batch")
    assert auto.resolve(frozenset({PER_SAMPLE_CRITIC}), data) == DCGAN(width=16, d_norm="layer")
    assert PER_SAMPLE_CRITIC in auto.capabilities(data)
    chosen = DCGAN(d_norm="batch")
    assert chosen.resolve(frozenset({PER_SAMPLE_CRITIC}), data) is chosen
    assert "layer" in chosen.advice(PER_SAMPLE_CRITIC)
    assert chosen.advice("critic-classes") == ""


@pytest.mark.parametrize(
    ("data", "way_out"),
    [
        (DataSpec(2, 1, 1, kind="points"), "mlp"),
        (DataSpec(3, 32, 136), "resize"),
        (DataSpec(3, 7, 7), "resize"),
        (DataSpec(3, 129, 129), "resize"),
    ],
)
def test_data_that_cannot_be_made_is_refused_with_a_way_out(data: DataSpec, way_out: str) -> None:
    problem = DCGAN().problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match="dcgan makes"):
        DCGAN().build(data)
