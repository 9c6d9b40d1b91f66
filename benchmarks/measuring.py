"""The measured device, the clock that waits for it, and the facts recorded beside times."""

from __future__ import annotations

import time
from typing import Any

import torch
from pytest_benchmark.fixture import BenchmarkFixture

from ganbench.testing.speed.device import wait_for_device


def synchronized() -> float:
    """Seconds, read after the device has finished its work.

    A benchmark that computes on the device has it in its mark, ``benchmark(timer=synchronized)``;
    ``--benchmark-timer=benchmarks.measuring.synchronized`` makes it the clock of all.
    """
    wait_for_device()
    return time.perf_counter()


def circumstances(device: torch.device) -> dict[str, Any]:
    """The facts that a time on this machine depends on."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else device.type,
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "dtype": str(torch.get_default_dtype()),
        "matmul_tf32": torch.backends.cuda.matmul.allow_tf32,
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
    }


def median_seconds(benchmark: BenchmarkFixture) -> float | None:
    """Seconds of a round; None if nothing was timed, as under ``--benchmark-disable``."""
    return None if benchmark.stats is None else float(benchmark.stats.stats.median)


def record_rate(benchmark: BenchmarkFixture, name: str, amount: float) -> None:
    """Record in ``extra_info`` the rate per second, given the ``amount`` of a round."""
    seconds = median_seconds(benchmark)
    if seconds is not None:
        benchmark.extra_info[name] = amount / seconds


def repetitions(seconds: float, wanted: float) -> int:
    """The number of repetitions of ``seconds`` that fill the wanted time; at least one."""
    return max(1, round(wanted / max(seconds, 1e-6)))
