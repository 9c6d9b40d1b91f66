"""Batch statistics over the batches of all replicas, differentiable any number of times.

PyTorch's SyncBatchNorm needs a GPU and cannot be differentiated twice. These functions need nothing but
a sum over the replicas.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ganbench.components.replicas import Others, all_replicas, reached_by

#: Adds up a tensor over all replicas, in place.
AddUp = Callable[[torch.Tensor], None]


@contextlib.contextmanager
def synchronized_statistics(
    rank: int, count: int, add_up: AddUp, batch_norm: bool
) -> Iterator[None]:
    """Let components reach the other replicas within.

    :param batch_norm: whether batch norm in training takes its statistics over all replicas, wherever
        a module calls `torch.nn.functional.batch_norm`.
    """

    def gather(values: torch.Tensor) -> torch.Tensor:
        gathered: torch.Tensor = _Gather.apply(values, rank, count, add_up)
        return gathered

    with (
        reached_by(Others(count, gather)),
        _SynchronizedBatchNorm() if batch_norm else contextlib.nullcontext(),
    ):
        yield


class _SynchronizedBatchNorm(TorchFunctionMode):
    """Replaces batch norm, in whatever module it is called."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        call = batch_norm if func is F.batch_norm else func
        return call(*args, **(kwargs or {}))


def batch_norm(
    input: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """`torch.nn.functional.batch_norm` with the statistics of all replicas' batches.

    Every replica has as many samples. Their means and variances are combined as by Chan et al. 1983,
    which does not subtract large numbers from each other.
    """
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    values = input.to(torch.promote_types(input.dtype, torch.float32))
    dims = [0, *range(2, input.ndim)]
    means, variances = all_replicas(_moments(values, dims)).unbind(1)
    mean = means.mean(0)
    variance = (variances + (means - mean).square()).mean(0)
    if running_mean is not None and running_var is not None:
        samples = len(means) * values.numel() // values.shape[1]
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            unbiased = variance * (samples / max(1, samples - 1))
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
    scale = (variance + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = [1, -1, *[1] * (input.ndim - 2)]
    return torch.addcmul(shift.view(shape), values, scale.view(shape)).to(input.dtype)


def _moments(values: torch.Tensor, dims: list[int]) -> torch.Tensor:
    """(2, channels): mean and variance of this replica's batch."""
    variance, mean = torch.var_mean(values, dims, correction=0)
    return torch.stack([mean, variance])


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all replicas. Its gradient is the sum of the gradients."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, add_up: AddUp) -> torch.Tensor:
        ctx.add_up = add_up
        total = values.contiguous().clone()
        add_up(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return _Sum.apply(gradient, ctx.add_up), None


class _Gather(torch.autograd.Function):
    """(replicas, …): a tensor of every replica; the others' places are filled by a sum."""

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, rank: int, count: int, add_up: AddUp
    ) -> torch.Tensor:
        ctx.rank, ctx.add_up = rank, add_up
        return placed(values, rank, count, add_up)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        total: torch.Tensor = _Sum.apply(gradient, ctx.add_up)
        return total[ctx.rank], None, None, None


def placed(values: torch.Tensor, rank: int, count: int, add_up: AddUp) -> torch.Tensor:
    """(replicas, …): the tensor of every replica, outside of the graph."""
    gathered = values.new_zeros((count, *values.shape))
    gathered[rank] = values
    add_up(gathered)
    return gathered
