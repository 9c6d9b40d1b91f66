"""A process's part of a GPU's memory, when several trials share the GPU."""

from __future__ import annotations

import contextlib
import gc

import torch

#: Memory that a process takes beside PyTorch's: CUDA's own, kernels, and cuBLAS's and cuDNN's.
CONTEXT = 640 * 2**20


def limit_memory(device: torch.device, share: float | None) -> None:
    """Let PyTorch take no more than its share of the GPU's memory, less `CONTEXT`.

    A trial that wants more ends as ``oom``, and those beside it keep theirs.

    :param share: above 0, up to 1; None for all that is there.
    """
    if device.type != "cuda":
        return
    total = torch.cuda.get_device_properties(device).total_memory
    fraction = 1.0 if share is None else max(0.01, share - CONTEXT / total)
    torch.cuda.set_per_process_memory_fraction(fraction, device)


def release_memory(device: torch.device) -> None:
    """Give memory that nothing refers to back to the GPU, for the trials beside this process."""
    gc.collect()
    if device.type == "cuda" and torch.cuda.is_initialized():
        with contextlib.suppress(RuntimeError):  # an earlier error may have spoiled CUDA
            torch.cuda.empty_cache()
