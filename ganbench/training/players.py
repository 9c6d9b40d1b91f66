"""Everything that a step updates, and the components that keep tensors between steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from ganbench.components.architecture import Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Regularizer
from ganbench.training.ema import AveragedGenerator
from ganbench.training.optimizers import PlayerOptimizer
from ganbench.training.pool import ImagePool
from ganbench.training.streams import Streams

T = TypeVar("T")
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Stateful(Generic[T]):
    """A component with the tensors that it keeps between steps."""

    component: T
    state: State


@dataclass
class Players:
    """Everything that a step updates.

    :ivar pools: the pool of generated images for each pair; empty without pools.
    """

    networks: Networks
    loss: Stateful[Loss]
    averaged: AveragedGenerator
    g_optimizer: PlayerOptimizer
    d_optimizer: PlayerOptimizer
    regularizers: list[Stateful[Regularizer]]
    augmentations: list[Stateful[Augmentation]]
    streams: Streams
    pools: list[ImagePool]

    def modules(self) -> dict[str, torch.nn.Module]:
        """The networks and the averaged generator, by name."""
        generator, discriminator = self.networks
        averaged = self.averaged.module
        return {"generator": generator, "discriminator": discriminator, "averaged": averaged}

    def parts(self) -> list[Stateful[Any]]:
        """Every component that keeps tensors between steps."""
        return [self.loss, *self.regularizers, *self.augmentations]

    def states(self) -> list[State]:
        """The tensors that components keep between steps."""
        return [part.state for part in self.parts()]

    def kept(self) -> Iterator[torch.Tensor]:
        """What networks and components keep between steps beside weights: it may follow the batch."""
        for network in self.networks:
            yield from network.buffers()
        for state in self.states():
            yield from state.values()
