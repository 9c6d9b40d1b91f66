"""Generators of the simulated GPU."""

from __future__ import annotations

from typing import Any

import torch

from ganbench.testing.simulated_gpu.tensors import GPU, is_gpu

_Real = torch.Generator


class GpuGenerator(_Real):
    """A generator that says it draws on the GPU."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return GPU

    def clone_state(self) -> GpuGenerator:
        """Another generator that goes on from here."""
        other = GpuGenerator()
        other.set_state(self.get_state())
        return other

    def graphsafe_set_state(self, state: torch.Generator) -> GpuGenerator:
        """Go on as another generator would."""
        self.set_state(state.get_state())
        return self


class _GeneratorType(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, _Real)


class Generator(metaclass=_GeneratorType):
    """Stands in for `torch.Generator`."""

    def __new__(cls, device: Any = "cpu") -> Any:
        return GpuGenerator() if is_gpu(device) else _Real()
