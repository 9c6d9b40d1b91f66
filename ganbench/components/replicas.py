"""What a component may ask of the other replicas that train its trial with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch


class Others(NamedTuple):
    """How to reach the other replicas."""

    processes: int
    gather: Callable[[torch.Tensor], torch.Tensor]


_others: ContextVar[Others | None] = ContextVar("others", default=None)


def replica_count() -> int:
    """How many replicas train the trial of this step, each with as many samples as this one."""
    others = _others.get()
    return 1 if others is None else others.processes


def all_replicas(values: torch.Tensor) -> torch.Tensor:
    """(replicas, …): these values as every replica of the trial has them, part of the graph.

    With ``training.replicas=4`` four processes train a trial, each with a quarter of the batch. A
    layer that needs a statistic of the whole batch combines those of all replicas:
    ``all_replicas(maps.mean((0, 2, 3))).mean(0)``. It can be differentiated any number of times. All
    replicas must call it in the same order. In a trial of one process, and outside of training steps,
    there is one replica.
    """
    others = _others.get()
    return values[None] if others is None else others.gather(values)


@contextlib.contextmanager
def reached_by(others: Others) -> Iterator[None]:
    """Let components reach the other replicas within."""
    token = _others.set(others)
    try:
        yield
    finally:
        _others.reset(token)
