"""Precision modes: what fp32, tf32 and bf16 mean for the networks' arithmetic."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from ganbench.base.backends import allow_tf32, float32_arithmetic, set_defaults
from ganbench.grid.settings import TrainingSettings


def configure_backends(precision: str) -> None:
    """Set the process-wide switches: TensorFloat-32 only on request, algorithms deterministic."""
    set_defaults()
    if precision == "tf32":
        allow_tf32(True)


class Arithmetic:
    """The precision of one trial's forward passes; parameters, losses and penalties stay fp32."""

    def __init__(self, settings: TrainingSettings, device: torch.device) -> None:
        self._bf16, self._tf32 = settings.precision == "bf16", settings.precision == "tf32"
        self._device = device

    def autocast(self, enabled: bool = True) -> contextlib.AbstractContextManager[Any]:
        """The context for a network's forward pass."""
        if not self._bf16:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=enabled)

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        """The context for sampling: the trial's precision, whatever the process is set to."""
        with float32_arithmetic(self._tf32, self._device), self.autocast():
            yield


def memory_format(settings: TrainingSettings, device: torch.device) -> torch.memory_format:
    """The layout of the networks' weights and inputs.

    ``auto`` takes channels_last where tensor cores run in it: on a GPU, below fp32.
    """
    chosen = settings.memory_format
    if chosen == "auto":
        wins = device.type == "cuda" and settings.precision != "fp32"
        chosen = "channels_last" if wins else "contiguous"
    return torch.channels_last if chosen == "channels_last" else torch.contiguous_format
