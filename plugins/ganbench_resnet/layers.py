"""Layers with their initial weights, with spectral norm if the player uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

Weighted = TypeVar("Weighted", nn.Linear, nn.Conv2d, nn.Embedding)

#: Power iterations for a layer's norm, as many as PyTorch does for a new layer.
ITERATIONS = 15


@dataclass(frozen=True)
class Layers:
    """Makes the layers of one player, with weights from torch's global random state.

    Spectral norm divides a weight, as a matrix with a row for each output, by an estimate of its
    largest singular value, which one power iteration in each training pass keeps up (Miyato et al.
    2018, section 2.1 and algorithm 1).

    :ivar spectral: whether weights are spectrally normalized.
    :ivar orthogonal: draw orthogonal weights; else uniform ones with the variance of Glorot & Bengio
        (2010).
    """

    spectral: bool
    orthogonal: bool

    def conv(
        self, inputs: int, outputs: int, kernel: int, *, gain: float = 1.0, bias: bool = True
    ) -> nn.Module:
        """A convolution that keeps the map's size; ``gain`` scales weights that are not orthogonal."""
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        return self._finished(self._drawn(layer, gain))

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Module:
        return self._finished(self._drawn(nn.Linear(inputs, outputs, bias=bias)))

    def embedding(self, count: int, width: int) -> nn.Module:
        return self._finished(self._drawn(nn.Embedding(count, width)))

    def _drawn(self, layer: Weighted, gain: float = 1.0) -> Weighted:
        if self.orthogonal:
            nn.init.orthogonal_(layer.weight)
        else:
            nn.init.xavier_uniform_(layer.weight, gain)
        if not isinstance(layer, nn.Embedding) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
        return layer

    def _finished(self, layer: nn.Module) -> nn.Module:
        return spectral_norm(layer) if self.spectral else layer


@torch.no_grad()
def settle_spectral_norms(network: nn.Module) -> None:
    """Refresh every estimate of a spectral norm, without changing anything else.

    In an averaged copy of a network the singular vectors are averages, too: they do not fit the weight
    and are shorter than 1, so the weights would be divided by too little.
    """
    for module in network.modules():
        if is_parametrized(module, "weight"):
            parametrization = module.get_submodule("parametrizations.weight")
            device = parametrization.get_parameter("original").device
            training = parametrization.training
            parametrization.train()
            with torch.autocast(device.type, enabled=False):
                for _ in range(ITERATIONS):  # each computation of the weight is one iteration
                    parametrization()
            parametrization.train(training)
