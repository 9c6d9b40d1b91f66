"""The processes that train one trial together, as its training step sees them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class Replicas:
    """A trial that one process trains: it has the whole batch, and nothing to agree about.

    `ganbench.training.replica_group` has the several processes.

    :ivar rank: the number of this process, from 0. Process 0 evaluates and writes.
    :ivar count: how many processes train the trial.
    """

    rank = 0
    count = 1

    def share(self, batch: torch.Tensor, dim: int = 0) -> torch.Tensor:
        """This process's part of what belongs to a whole batch."""
        return batch

    def gather(self, part: torch.Tensor) -> torch.Tensor:
        """The whole batch of which every process has an equal part; not in the graph."""
        return part

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace gradients by their mean over all processes."""

    def agree(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace floating-point tensors by their mean over all processes, in place."""

    def start_alike(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give all processes the tensors of process 0."""

    def together(
        self, steps: int, train_seconds: float, synchronized: bool
    ) -> AbstractContextManager[Any]:
        """The context of steps that all processes do.

        :param steps: how many; 0 for a warm-up.
        :param train_seconds: of process 0, whose clock counts.
        :param synchronized: whether batch norm takes its statistics over the whole batch.
        """
        return contextlib.nullcontext()

    def others_random_states(self) -> list[dict[str, Any]]:
        """The random states of processes 1, 2, … for a checkpoint; asked by process 0."""
        return []

    def restored(self, steps: int) -> None:
        """Process 0 has restored the newest checkpoint, made after so many steps; others follow."""


#: A trial of one process.
ALONE = Replicas()
