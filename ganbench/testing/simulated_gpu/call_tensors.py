"""The tensors of one call of an operation."""

from __future__ import annotations

from typing import Any

import torch

from ganbench.testing.simulated_gpu.tensors import GpuTensor


class CallTensors:
    """The tensors of a call.

    :ivar wrappers: tensors of the GPU, by the id of what they hold.
    :ivar host: tensors of the CPU.
    """

    def __init__(self) -> None:
        self.wrappers: dict[int, GpuTensor] = {}
        self.host: list[torch.Tensor] = []

    def plain(self, value: Any) -> Any:
        """The value with what tensors of the GPU hold in their places."""
        if isinstance(value, GpuTensor):
            self.wrappers[id(value.held)] = value
            return value.held
        if isinstance(value, torch.Tensor):
            self.host.append(value)
            return value
        if isinstance(value, (list, tuple)):
            return [self.plain(one) for one in value]
        return value
