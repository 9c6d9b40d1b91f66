"""The least time of a step on a device: its arithmetic at the peak rate, its bytes at the peak rate.

Both rates are measured on the spot with a large matrix product and a large copy. Bytes count what
operations one by one read and write; operations whose data stays in a cache may be quicker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ganbench.execution.selftest.race import timed

_ROUNDS = 20


@dataclass(frozen=True)
class Peaks:
    """What the device can do at most: FLOP and bytes in a second."""

    flops: float
    bytes: float


@dataclass(frozen=True)
class Work:
    """What a step has to do.

    :ivar operations: of the device, views and allocations left aside.
    """

    flops: int
    bytes: int
    operations: int

    def seconds(self, peaks: Peaks) -> float:
        """The floor of the step's time."""
        return max(self.flops / peaks.flops, self.bytes / peaks.bytes)

    def bound(self, peaks: Peaks) -> str:
        """What decides the floor."""
        arithmetic = self.flops / peaks.flops > self.bytes / peaks.bytes
        return "arithmetic" if arithmetic else "memory"


def measure_peaks(device: torch.device, dtype: torch.dtype) -> Peaks:
    """The rates of a large product of matrices and of a large copy.

    :param dtype: of the matrices; the backends' switches are left as they are.
    """
    size = 8192 if device.type == "cuda" else 1024
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(one)
    flops = 2 * size**3 / _seconds(lambda: torch.mm(one, other, out=out), device)
    source = torch.empty(
        2**30 if device.type == "cuda" else 2**26, dtype=torch.uint8, device=device
    )
    target = torch.empty_like(source)
    moved = 2 * source.numel() / _seconds(lambda: target.copy_(source), device)
    return Peaks(flops, moved)


def work_of(step: Callable[[], object]) -> Work:
    """Count what a step does; it runs once."""
    counter = _Counter()
    with FlopCounterMode(display=False) as flops, counter:
        step()
    return Work(int(flops.get_total_flops()), counter.bytes, counter.operations)


class _Counter(TorchDispatchMode):
    """Counts operations and the bytes that they read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        read = _tensors((args, kwargs or {}))
        written = _tensors(result)
        if _moves_nothing(func, read, written):
            return result
        self.operations += 1
        self.bytes += sum(map(_bytes, read)) + sum(map(_bytes, written))
        return result


def _moves_nothing(func: Any, read: list[torch.Tensor], written: list[torch.Tensor]) -> bool:
    """Views, detachments and allocations."""
    if "empty" in func.__name__ or not written:
        return True
    if func._schema.is_mutable:
        return False
    storages = {tensor.untyped_storage().data_ptr() for tensor in read}
    return all(tensor.untyped_storage().data_ptr() in storages for tensor in written)


def _tensors(nest: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(nest) if isinstance(leaf, torch.Tensor)]


def _bytes(tensor: torch.Tensor) -> int:
    """Of an expanded tensor, only what is stored."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """The least seconds of the work, so that other programs on the device count little."""

    def once(steps: int) -> None:
        work()

    timed(once, 1, device)
    return min(timed(once, 1, device) for _ in range(_ROUNDS))
