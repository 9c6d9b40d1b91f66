"""Time several ways to do the same work in turn, so that all see the same load of the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

#: Does so many steps.
Runner = Callable[[int], object]


def race(
    runners: Mapping[str, Runner], device: torch.device, rounds: int, seconds: float
) -> dict[str, float]:
    """Median seconds of a step, by runner.

    :param seconds: of each runner in each round, about.
    """
    steps = {name: _steps(run, device, seconds) for name, run in runners.items()}
    times: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            times[name].append(timed(run, steps[name], device) / steps[name])
    return {name: statistics.median(found) for name, found in times.items()}


def timed(run: Runner, steps: int, device: torch.device) -> float:
    """Seconds of some steps, the device's work included."""
    start = synchronized(device)
    run(steps)
    return synchronized(device) - start


def synchronized(device: torch.device) -> float:
    """Seconds, read after the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _steps(run: Runner, device: torch.device, seconds: float) -> int:
    """Warm up; the number of steps that take so many seconds."""
    count = 1
    for _ in range(3):
        each = timed(run, count, device) / count
        count = max(1, round(seconds / max(each, 1e-6)))
        if each > seconds:
            break
    return count
