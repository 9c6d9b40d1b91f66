"""Minibatch discrimination: a discriminator that looks at several samples together."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MinibatchDiscrimination(nn.Module):
    """(batch, features) to (batch, kernels): how close each sample is to the rest of its batch.

    With M_i = f(x_i) T, where T is a tensor of features x kernels x dim, the output is

        o(x_i)_b = Σ_j exp(-‖M_i,b - M_j,b‖₁)

    over all samples j of the batch (Salimans et al. 2016, arXiv:1606.03498, section 3.2). As in the
    paper, j = i is among them and adds 1 to every output. Real and generated batches are judged
    apart, so o compares samples of one kind.

    T starts from N(0, 1/features), which keeps the scale of the features; the paper does not state
    its initialization. The distances of a batch take batch² · kernels · dim numbers.
    """

    def __init__(self, features: int, kernels: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features, kernels, dim))
        nn.init.normal_(self.weight, 0.0, 1 / math.sqrt(features))

    def forward(self, features: Tensor) -> Tensor:
        # The exponentials need more digits than a low-precision product has.
        projected = torch.tensordot(features, self.weight, dims=1).to(self.weight.dtype)
        # In the order (kernels, dim, batch), subtractions and sums are fast.
        rows = projected.permute(1, 2, 0).contiguous()
        distances = (rows.unsqueeze(3) - rows.unsqueeze(2)).abs().sum(1)
        closeness: Tensor = distances.neg().exp().sum(2)
        return closeness.T
