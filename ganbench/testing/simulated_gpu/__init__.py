"""A CUDA device that computes on the CPU, for tests on machines without a GPU.

::

    with simulated_gpu() as gpu:
        model = Model().to("cuda")
        with gpu.watching() as report:
            model(images).mean().backward()
        assert not report, report

Tensors on it say that they lie on ``cuda:0`` and hold their values in a tensor of the CPU. So code takes
the way that it takes on a GPU, two devices in one operation raise as there, memory is counted, CUDA
graphs can be captured and replayed, and a watched block reports what a GPU would wait for and what would
give other bits in every run. Results equal those of the CPU bit for bit.

What it cannot show: speed, the order of streams, the arithmetic of a GPU's kernels, and the GPU's list
of operations for autocast, in whose place the CPU's list stands.
"""

from __future__ import annotations

import contextlib
import functools
import gc
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch

from ganbench.testing.simulated_gpu.cuda_module import CudaModule
from ganbench.testing.simulated_gpu.device import SimulatedGpu
from ganbench.testing.simulated_gpu.findings import Finding, HostWaitError, Place, Report
from ganbench.testing.simulated_gpu.modes import Functions, Operations
from ganbench.testing.simulated_gpu.random_numbers import Generator
from ganbench.testing.simulated_gpu.tensors import GpuTensor

__all__ = [
    "Finding",
    "GpuTensor",
    "HostWaitError",
    "Place",
    "Report",
    "SimulatedGpu",
    "simulated_gpu",
]

_Autocast = torch.autocast
_Cached = type(functools.cache(lambda: None))
_group_tensors = torch._C._group_tensors_by_device_and_dtype


class _CpuAutocast(_Autocast):
    """Autocast of the simulated GPU: PyTorch's C++ code takes its tensors for those of the CPU."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


@contextlib.contextmanager
def simulated_gpu(total_memory: int = 16 * 2**30) -> Iterator[SimulatedGpu]:
    """One GPU for this process while the block runs; its tensors are of no use afterwards.

    :param total_memory: bytes of the GPU. What does not fit raises `torch.OutOfMemoryError`.
    """
    real = torch.cuda.is_available()
    gpu = SimulatedGpu(total_memory)
    with contextlib.ExitStack() as stack:
        module = CudaModule(gpu)
        _replace(stack, torch.cuda, module.replacements())
        _replace(stack, torch.accelerator, module.accelerator())
        _replace(stack, torch, {"Generator": Generator, "autocast": _CpuAutocast})
        _replace(stack, torch.amp, {"autocast": _CpuAutocast})
        pinning = {
            "pin_memory": lambda tensor, *args: gpu.pin(tensor),
            "is_pinned": lambda tensor, *args: tensor in gpu.pinned,
        }
        _replace(stack, torch.Tensor, pinning)
        _replace(stack, torch._C, {"_group_tensors_by_device_and_dtype": _grouped})
        _set(stack, torch._C._only_lift_cpu_tensors, torch._C._set_only_lift_cpu_tensors)
        future = torch.__future__
        _set(
            stack,
            future.get_overwrite_module_params_on_conversion,
            future.set_overwrite_module_params_on_conversion,
        )
        stack.enter_context(Functions(gpu))
        stack.enter_context(Operations(gpu))
        try:
            yield gpu
        finally:
            gpu.closed = True
            if real:
                _forget_cached()


def _forget_cached() -> None:
    """Empty the caches of functions: they may hold tensors of ``cuda:0`` that a real GPU cannot use."""
    for one in gc.get_objects():
        if type(one) is _Cached:
            one.cache_clear()


def _grouped(lists: Any, with_indices: bool = False) -> dict[Any, Any]:
    """The groups of an optimizer's tensors, which C++ takes for tensors of the CPU."""
    found = {}
    for (device, dtype), group in _group_tensors(lists, with_indices).items():
        first = next((one for one in group[0][0] if one is not None), None)
        found[device if first is None else first.device, dtype] = group
    return found


def _replace(stack: contextlib.ExitStack, owner: Any, names: dict[str, Any]) -> None:
    for name, value in names.items():
        stack.enter_context(mock.patch.object(owner, name, value, create=True))


def _set(stack: contextlib.ExitStack, read: Any, write: Any) -> None:
    """Turn a switch of PyTorch on while the GPU is simulated."""
    stack.callback(write, read())
    write(True)
