"""Orthogonal regularization against products of filters, pair by pair."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from ganbench import DataSpec, Networks, View
from ganbench.testing import RegularizerTests
from ganbench_classic.dcgan import DCGAN
from ganbench_regularizers.orthogonal import Orthogonal, filter_banks, overlap


class TestOrthogonal(RegularizerTests):
    component = Orthogonal(weight=0.1)


class TestOnBothPlayers(RegularizerTests):
    component = Orthogonal(weight=0.1, on="both")
    architecture = DCGAN(width=4, d_norm="spectral")
    data = DataSpec(1, 8, 8)


def pairwise_overlap(filters: Tensor) -> float:
    rows = filters.flatten(1).tolist()
    return sum(
        sum(a * b for a, b in zip(one, other, strict=True)) ** 2
        for one, other in permutations(rows, 2)
    )


def banks(*layers: nn.Module) -> list[Tensor]:
    return list(filter_banks(nn.Sequential(*layers)))


def view_of(generator: nn.Module) -> View:
    pair, images = Networks(generator, nn.Linear(2, 2)), torch.zeros(1)
    return View(lambda x: x, None, images, None, images, torch.Generator(), networks=pair)


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (1, 3), (6, 1)])
def test_overlap_sums_the_squared_products_of_all_pairs_of_filters(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    filters = torch.randn(shape, dtype=torch.float64)
    assert overlap(filters).item() == pytest.approx(pairwise_overlap(filters), abs=1e-9)
    assert torch.autograd.gradcheck(overlap, filters.requires_grad_())


def test_the_term_adds_up_the_layers_and_leaves_lengths_alone() -> None:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Conv2d(5, 2, 3)).double()
    term = Orthogonal(weight=0.5).generator(view_of(generator))
    layers = (generator[0].weight, generator[2].weight)
    expected = sum(pairwise_overlap(w.detach()) for w in layers)
    assert term.item() == pytest.approx(0.5 * expected)
    with torch.no_grad():
        generator[0].weight.copy_(3 * torch.eye(5, 3))
        generator[2].weight.zero_()
    assert Orthogonal().generator(view_of(generator)).item() == 0


def test_half_the_papers_weight_gives_the_gradient_of_the_authors_program() -> None:
    """It adds 2 s (WWᵀ ⊙ (1 - I)) W for a strength s, without a loss."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 5, 2)
    Orthogonal(weight=0.3 / 2).generator(view_of(layer)).backward()
    w = layer.weight.detach().flatten(1)
    expected = 2 * 0.3 * ((w @ w.T) * (1 - torch.eye(5))) @ w
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad.flatten(1), expected)


def test_filters_are_what_makes_one_output_whatever_the_layer() -> None:
    linear, conv = nn.Linear(3, 5), nn.Conv2d(4, 6, 2, groups=2)
    transposed = nn.ConvTranspose2d(4, 6, 2)
    shapes = [tuple(bank.shape) for bank in banks(linear, conv, transposed)]
    assert shapes == [(5, 3), (6, 8), (6, 16)]
    (bank,) = banks(transposed)
    assert torch.equal(bank[1], transposed.weight[:, 1].flatten())


def test_groups_of_a_transposed_convolution_have_filters_of_their_own() -> None:
    grouped = nn.ConvTranspose2d(4, 6, 2, groups=2)
    (bank,) = banks(grouped)
    assert bank.shape == (6, 8)
    assert torch.equal(bank[4], grouped.weight[2:, 1].flatten())


def test_embeddings_vectors_and_what_is_not_trained_are_left_out() -> None:
    frozen = nn.Linear(3, 3).requires_grad_(False)
    assert banks(nn.Embedding(4, 3), spectral_norm(nn.Embedding(4, 3)), frozen, nn.PReLU(3)) == []
    with pytest.raises(ValueError, match="no weights"):
        Orthogonal().generator(view_of(nn.Sequential(nn.Embedding(4, 3))))


def test_a_weight_under_spectral_norm_is_taken_as_it_is_stored() -> None:
    layer = spectral_norm(nn.ConvTranspose2d(3, 4, 2))
    (bank,) = banks(layer)
    stored = layer.parametrizations.weight.original
    assert torch.equal(bank, stored.transpose(0, 1).flatten(1))
    Orthogonal().generator(view_of(layer)).backward()
    assert stored.grad is not None
    assert stored.grad.any()


def test_a_weight_that_is_stored_in_parts_is_taken_as_a_whole() -> None:
    layer = weight_norm(nn.Linear(3, 4))
    (bank,) = banks(layer)
    torch.testing.assert_close(bank, layer.weight)


def test_the_paper_regularizes_the_generator_lightly() -> None:
    assert Orthogonal().players == {"generator"}
    assert Orthogonal().weight == 1e-4
    assert not Orthogonal().per_view


def test_descending_the_term_parts_filters() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(8, 4, bias=False)
    descent = torch.optim.SGD(layer.parameters(), lr=0.1)
    before = overlap(layer.weight).item()
    lengths = layer.weight.norm(dim=1).detach()
    for _ in range(200):
        descent.zero_grad()
        Orthogonal(weight=1.0).generator(view_of(layer)).backward()
        descent.step()
    assert overlap(layer.weight).item() < 1e-3 * before
    assert (layer.weight.norm(dim=1) > 0.5 * lengths).all()
