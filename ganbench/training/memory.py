"""Peak memory of a trial: the device's own count on a GPU, the process's resident set on the CPU.

What lives through both phases, such as resident data and real features, counts in both.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def reset_peak(device: torch.device) -> None:
    """Start a new measurement, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):
            _CLEAR.write_text(_RESET_PEAK)


def peak_megabytes(device: torch.device) -> float:
    """Peak MiB since `reset_peak`; on the CPU, of the whole process with its interpreter."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(OSError, StopIteration, ValueError):
        line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


class PeakMemory:
    """The peaks of training and of evaluation, apart.

    Where the system cannot start a new measurement, both are the peak of the whole process.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._training = 0.0
        self._evaluation: float | None = None
        reset_peak(device)

    @property
    def training(self) -> float:
        """MiB so far, outside `evaluating`."""
        return max(self._training, peak_megabytes(self._device))

    @property
    def evaluation(self) -> float | None:
        """MiB within `evaluating`; None before the first evaluation."""
        return self._evaluation

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """What happens within is evaluation."""
        self._training = self.training
        reset_peak(self._device)
        try:
            yield
        finally:
            self._evaluation = max(self._evaluation or 0.0, peak_megabytes(self._device))
            reset_peak(self._device)
