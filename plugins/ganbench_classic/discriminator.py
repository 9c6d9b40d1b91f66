"""The shared forward pass of both designs' discriminators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench import Critique


class Discriminator(nn.Module):
    """(batch, c, h, w) samples to (batch,) logits and the (batch, d) features before the last layer.

    :param layers: all but the last make the features, the last one makes the logit.
    :param minibatch: makes further inputs of the last layer from the features of a whole batch; they
        are not among the returned features.
    """

    def __init__(self, *layers: nn.Module, minibatch: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.minibatch = minibatch

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Critique:
        *hidden, last = self.layers
        features = samples
        for layer in hidden:
            features = layer(features)
        seen = features
        if self.minibatch is not None:
            seen = torch.cat([features, self.minibatch(features)], 1)
        return Critique(last(seen).squeeze(1), features)
