"""The device that benchmarks compute on."""

from __future__ import annotations

import functools
import os

import torch

ENVIRONMENT = "GANBENCH_BENCH_DEVICE"


@functools.cache
def bench_device() -> torch.device:
    """``$GANBENCH_BENCH_DEVICE``, else the GPU if there is one, else the CPU."""
    name = os.environ.get(ENVIRONMENT) or ("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def wait_for_device() -> None:
    """Return when the device has finished its work."""
    device = bench_device()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
