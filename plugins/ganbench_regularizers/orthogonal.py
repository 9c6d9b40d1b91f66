"""Orthogonal regularization, in the form that does not constrain the lengths of filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from ganbench import View, option
from ganbench_regularizers.weights import Player, WeightRegularizer


class Orthogonal(WeightRegularizer):
    """weight · Σ ‖WᵀW ⊙ (1 - I)‖_F² over a player's weights (Brock et al. 2019, equation 3).

    The columns of W are the filters of one layer, each flattened, so that the term is the sum of all
    squared products between two of them: it draws filters apart and does not constrain their norms.
    It covers the weights of two or more dimensions, except embeddings, which are looked up one at a
    time. For a weight under spectral norm it uses the stored weight, without the division.

    The paper adds it to the generator. Its first author's program (BigGAN-PyTorch) adds half of this
    term's gradient: its strength s is ``weight=s/2`` here.
    """

    paper = "Brock et al. 2019, arXiv:1809.11096"

    on: Literal["both", "discriminator", "generator"] = option(
        "generator", "whose weights to regularize"
    )
    weight: float = option(1e-4, "β", ge=0)

    def term(self, network: nn.Module, player: Player, view: View) -> Tensor:
        terms = [overlap(filters) for filters in filter_banks(network)]
        if not terms:
            raise ValueError(f"the {player} has no weights of two or more dimensions")
        return self.weight * torch.stack(terms).sum()


def overlap(filters: Tensor) -> Tensor:
    """Sum of (w_i · w_j)² over all i ≠ j, where w_i are the rows of (count, length) filters."""
    count, length = filters.shape
    if count <= length:
        return (filters @ filters.mT).fill_diagonal_(0).square().sum()
    # FᵀF is smaller, and has the same Frobenius norm as FFᵀ.
    squared_lengths = filters.square().sum(1)
    return (filters.mT @ filters).square().sum() - squared_lengths.square().sum()


def filter_banks(network: nn.Module) -> Iterator[Tensor]:
    """The weights of each layer with two dimensions or more, as (filters, length)."""
    for module in network.modules():
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag, ParametrizationList)):
            continue
        for weight in _raw_weights(module):
            if weight.ndim < 2:
                continue
            if isinstance(module, _ConvTransposeNd):  # its second dimension counts the filters
                groups = weight.unflatten(0, (module.groups, -1))
                weight = groups.transpose(1, 2).flatten(0, 1)
            yield weight.flatten(1)


def _raw_weights(module: nn.Module) -> Iterator[Tensor]:
    yield from (p for p in module.parameters(recurse=False) if p.requires_grad)
    if not is_parametrized(module):
        return
    for name, stored in module.parametrizations.items():  # type: ignore[union-attr,operator]
        # A weight that is stored in parts, as under weight norm, exists only here as a whole.
        yield stored.original if hasattr(stored, "original") else getattr(module, name)
