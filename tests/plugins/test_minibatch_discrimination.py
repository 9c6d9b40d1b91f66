"""Minibatch discrimination against its formula, and what it means for a discriminator."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import ganbench as gb
from ganbench import CRITIC_FEATURES, PER_SAMPLE_CRITIC, DataSpec
from ganbench.testing import ArchitectureTests
from ganbench.testing.harness import make_cell
from ganbench.testing.partners import PartnerLoss
from ganbench_classic.dcgan import DCGAN
from ganbench_classic.minibatch import MinibatchDiscrimination
from ganbench_classic.mlp import MLP
from ganbench_losses.wasserstein import WGANGP

DATA = DataSpec(1, 8, 8)
PAIRS = [
    MLP(g_widths=(8,), d_widths=(8,), minibatch=3, minibatch_dim=2),
    MLP(g_widths=(8,), d_widths=(8,), d_norm="spectral", minibatch=3),
    DCGAN(width=4, minibatch=3, minibatch_dim=2),
    DCGAN(width=4, d_norm="spectral", minibatch=3),
]


class TestTogetherWithTheDesigns(ArchitectureTests):
    data = (DATA, DataSpec(3, 16, 16, classes=3))

    @pytest.fixture(autouse=True, params=PAIRS, ids=str)
    def choose(self, request: pytest.FixtureRequest) -> None:
        self.component = request.param


def test_outputs_are_sums_of_closeness_over_the_whole_batch() -> None:
    torch.manual_seed(0)
    features, kernels, dim, batch = 5, 4, 3, 6
    layer = MinibatchDiscrimination(features, kernels, dim)
    seen = torch.randn(batch, features)
    tensor = layer.weight.tolist()
    rows = [
        [
            [sum(f * tensor[a][b][c] for a, f in enumerate(sample)) for c in range(dim)]
            for b in range(kernels)
        ]
        for sample in seen.tolist()
    ]
    expected = [
        [
            sum(
                math.exp(-sum(abs(x - y) for x, y in zip(rows[i][b], rows[j][b], strict=True)))
                for j in range(batch)
            )
            for b in range(kernels)
        ]
        for i in range(batch)
    ]
    torch.testing.assert_close(layer(seen), torch.tensor(expected))


def test_a_sample_is_at_distance_zero_from_itself_and_from_its_copies() -> None:
    layer = MinibatchDiscrimination(5, 4, 3)
    one = torch.randn(1, 5)
    torch.testing.assert_close(layer(one), torch.ones(1, 4))
    torch.testing.assert_close(layer(one.expand(7, 5)), torch.full((7, 4), 7.0))


def test_gradients_are_right_twice_over() -> None:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(3, 2, 2).double()
    seen = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, seen)
    assert torch.autograd.gradgradcheck(layer, seen)


def test_closeness_is_computed_in_full_precision() -> None:
    layer = MinibatchDiscrimination(5, 4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(2, 5)).dtype == torch.float32


@pytest.mark.parametrize("pair", [MLP(), DCGAN(width=4)], ids=str)
def test_the_last_layer_sees_closeness_beside_the_features(pair: MLP | DCGAN) -> None:
    plain = pair.build(DATA).discriminator
    counts = sum(p.numel() for p in plain.parameters())
    features = plain(torch.randn(2, 1, 8, 8)).features.shape[1]
    wider = type(pair)(**{**vars(pair), "minibatch": 10, "minibatch_dim": 3})
    discriminator = wider.build(DATA).discriminator
    more = sum(p.numel() for p in discriminator.parameters()) - counts
    assert more == features * 10 * 3 + 10
    critique = discriminator(torch.randn(2, 1, 8, 8))
    assert critique.logits.shape == (2,)
    assert critique.features.shape == (2, features), "closeness is no feature of a sample"


@pytest.mark.parametrize("pair", [MLP(), DCGAN(width=4)], ids=str)
def test_the_other_weights_are_drawn_as_without_it(pair: MLP | DCGAN) -> None:
    states = []
    for minibatch in (0, 5):
        torch.manual_seed(0)
        networks = type(pair)(**{**vars(pair), "minibatch": minibatch}).build(DATA)
        states.append([network.state_dict() for network in networks])
    (generator, critic), (same_generator, other_critic) = states
    assert all(torch.equal(generator[name], same_generator[name]) for name in generator)
    *hidden, last = [name for name in critic if name.endswith("weight")]
    assert all(torch.equal(critic[name], other_critic[name]) for name in hidden)
    assert other_critic[last].shape[1] == critic[last].shape[1] + 5
    assert set(other_critic) - set(critic) == {"minibatch.weight"}


def test_the_tensor_starts_at_the_scale_of_the_features() -> None:
    torch.manual_seed(0)
    weight = MinibatchDiscrimination(400, 20, 5).weight.detach()
    assert weight.std().item() == pytest.approx(1 / 20, rel=0.02)
    assert abs(weight.mean().item()) < 1e-3


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_samples_are_no_longer_judged_alone_and_the_way_out_is_named(name: str) -> None:
    alone = {"dcgan": "dcgan[d_norm=layer]"}.get(name, name)
    together = gb.get(
        "architecture", alone.rstrip("]") + (",minibatch=2]" if "[" in alone else "[minibatch=2]")
    )
    assert gb.get("architecture", alone).capabilities(DATA) == {PER_SAMPLE_CRITIC, CRITIC_FEATURES}
    assert together.capabilities(DATA) == {CRITIC_FEATURES}
    assert together.advice(PER_SAMPLE_CRITIC) == "minibatch=0"
    reason = make_cell(DATA, together, WGANGP()).reason
    assert reason is not None
    assert "minibatch=0" in reason
    assert make_cell(DATA, together, PartnerLoss()).reason is None


def test_advice_names_every_option_that_is_in_the_way() -> None:
    both = DCGAN(d_norm="batch", minibatch=2).advice(PER_SAMPLE_CRITIC)
    assert "minibatch=0" in both
    assert "d_norm" in both
    assert "minibatch" not in DCGAN(d_norm="batch").advice(PER_SAMPLE_CRITIC)


@pytest.mark.parametrize("pair", PAIRS[::2], ids=str)
def test_networks_can_be_counted_without_memory(pair: MLP | DCGAN) -> None:
    with torch.device("meta"):
        discriminator = pair.build(DATA).discriminator
    assert all(parameter.is_meta for parameter in discriminator.parameters())
    assert isinstance(discriminator.minibatch, nn.Module)
