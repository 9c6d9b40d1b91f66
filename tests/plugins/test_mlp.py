"""The fully connected pair, for images and for points."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import ganbench
from ganbench import PER_SAMPLE_CRITIC, DataSpec
from ganbench_classic.mlp import MLP, Maxout

POINTS = DataSpec(2, 1, 1, kind="points")
VARIANTS = [
    MLP(),
    MLP(g_norm="none"),
    MLP(activation="relu", maxout=3),
    MLP(d_norm="layer"),
    MLP(d_norm="layer", maxout=2),
    MLP(d_norm="spectral"),
]


def weights(*widths: int) -> int:
    """Parameters of linear layers with biases between the given widths."""
    return sum((widths[i] + 1) * widths[i + 1] for i in range(len(widths) - 1))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("mlp", VARIANTS, ids=str)
@pytest.mark.parametrize("data", [POINTS, DataSpec(1, 8, 8), DataSpec(3, 28, 20)], ids=str)
def test_shapes_gradients_and_the_claim_to_judge_each_sample_by_itself(
    mlp: MLP, data: DataSpec
) -> None:
    torch.manual_seed(0)
    generator, discriminator = mlp.build(data)
    samples = generator(torch.randn(5, mlp.latent_dim))
    assert samples.shape == (5, *data.shape)

    other = torch.cat([samples[:1], torch.zeros_like(samples[1:])])
    before, after = (copy.deepcopy(discriminator)(batch).logits for batch in (samples, other))
    assert before.shape == (5,)
    assert PER_SAMPLE_CRITIC in mlp.capabilities(data)
    torch.testing.assert_close(before[0], after[0])

    discriminator(samples).logits.square().sum().backward()
    for network in (generator, discriminator):
        assert all(parameter.grad is not None for parameter in network.parameters())
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("mlp", VARIANTS, ids=str)
def test_a_gradient_penalty_reaches_the_first_layer(mlp: MLP) -> None:
    torch.manual_seed(0)
    discriminator = mlp.build(POINTS).discriminator
    points = torch.randn(5, 2, 1, 1, requires_grad=True)
    (slopes,) = torch.autograd.grad(discriminator(points).logits.sum(), points, create_graph=True)
    slopes.square().sum().backward()
    first = next(weight for weight in discriminator.parameters() if weight.ndim == 2)
    assert first.grad is not None
    assert (first.grad != 0).any()


def test_samples_are_bounded_for_images_and_free_for_points() -> None:
    latents = 1000 * torch.randn(8, 100)
    plain = MLP(g_norm="none")
    linear = MLP(g_norm="none", output="linear")
    assert MLP().build(DataSpec(1, 8, 8)).generator(latents).abs().max() <= 1
    assert plain.build(POINTS).generator(latents).abs().max() > 1
    assert MLP(output="tanh").build(POINTS).generator(latents).abs().max() <= 1
    assert linear.build(DataSpec(1, 8, 8)).generator(latents).abs().max() > 1


def test_the_generator_is_normalized_unless_told_otherwise() -> None:
    def norms(mlp: MLP) -> list[int]:
        modules = mlp.build(POINTS).generator.modules()
        return [module.num_features for module in modules if isinstance(module, nn.BatchNorm1d)]

    assert norms(MLP()) == [256, 512]
    assert norms(MLP(g_norm="none")) == []


def test_pacgans_mixture_networks_can_be_written_down() -> None:
    mlp = ganbench.get(
        "architecture",
        "mlp[latent_dim=2,g_widths=[400,400],d_widths=[200,200,200],maxout=5]",
    )
    generator, discriminator = mlp.build(POINTS)
    # batch norm has a gain where the linear layer before it has no bias
    assert parameters(generator) == weights(2, 400, 400, 2) + 400 + 400
    assert parameters(discriminator) == (
        weights(2, 1000) + 2 * weights(200, 1000) + weights(200, 1)
    )


def test_maxout_takes_the_greatest_of_adjacent_pieces() -> None:
    values = torch.tensor([[1.0, 5.0, -3.0, -4.0], [2.0, 0.0, 7.0, 8.0]])
    assert Maxout(2)(values).tolist() == [[5.0, -3.0], [2.0, 8.0]]


def test_no_hidden_layers_make_a_linear_critic() -> None:
    discriminator = MLP(d_widths=()).build(POINTS).discriminator
    points = torch.randn(4, 2, 1, 1)
    sums = discriminator(points).logits + discriminator(-points).logits
    torch.testing.assert_close(sums, sums[:1].expand(4))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"maxout": 1}, "maxout=1"), ({"g_widths": (4, 0)}, "g_widths must be positive")],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLP(**options)
