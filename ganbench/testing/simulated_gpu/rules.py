"""What a GPU refuses, waits for, or gives other bits for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ganbench.testing.simulated_gpu.call_tensors import CallTensors
from ganbench.testing.simulated_gpu.findings import Watcher
from ganbench.testing.simulated_gpu.operations import INDEXING, MASK, MIX_FREELY, Operation
from ganbench.testing.simulated_gpu.tensors import GpuTensor

if TYPE_CHECKING:
    from ganbench.testing.simulated_gpu.device import SimulatedGpu

#: Values of `torch.cuda.set_sync_debug_mode`.
SYNC_MODES = ("default", "warn", "error")
_READ = "reading a value (item, float, bool, if)"
_TO_GPU = "make the tensor on the device, or copy from pinned memory with non_blocking=True"
_TO_HOST = "keep the values on the device, and read them after the step"
_ITS_DEVICE = "draw where the generator is, as with generator=random, device=random.device"
_SAME = "make both tensors on the same device, as with device=images.device"


class Rules:
    """Looks at every operation on tensors of the GPU before it runs.

    :ivar watcher: receives what is found.
    """

    def __init__(self, gpu: SimulatedGpu) -> None:
        self._gpu, self.watcher = gpu, Watcher()

    def check(
        self,
        func: Any,
        op: Operation,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        found: CallTensors,
    ) -> None:
        """Find what a GPU would refuse, wait for, or give other bits for.

        :raises RuntimeError: where it refuses.
        """
        if self.watcher.active and torch.is_grad_enabled():
            self.watcher.remember_forward()
        if found.host:
            self._check_mix(func, op, args, kwargs, found)
        advice = op.wait(args, kwargs)
        if advice is not None:
            self.wait(_name(func), advice)
        if op.name in INDEXING and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        ):
            self.wait(_name(func), MASK)
        advice = op.unstable(args, kwargs)
        if advice is not None:
            self._unstable(op, _name(func), advice)

    def copy_to_host(self) -> None:
        """The host waits for values of the device."""
        self.wait("a copy to the host", _TO_HOST)

    def wait(self, operation: str, advice: str) -> None:
        """The host waits for the device.

        :raises RuntimeError: in a capture, or where the debug mode forbids it.
        """
        if self._gpu.capture is not None:
            self._gpu.capture.fail(
                f"operation not permitted when stream is capturing ({operation})"
            )
        if self.watcher.active:
            self.watcher.note("wait", operation, advice)
        if not self._gpu.sync_debug:
            return
        message = f"called a synchronizing CUDA operation ({operation})"
        place = self.watcher.place()
        if SYNC_MODES[self._gpu.sync_debug] == "error":
            raise RuntimeError(f"{message} @ {place}")
        if SYNC_MODES[self._gpu.sync_debug] == "warn":
            warnings.warn_explicit(message, UserWarning, place.file, place.line)

    def check_generator(self, device: Any, generator: torch.Generator) -> None:
        """Raise for a draw on ``device`` from a generator of another one, as PyTorch does."""
        wanted, given = torch.device(device).type, generator.device.type
        if wanted != given:
            place = self.watcher.note("generator", "a draw", _ITS_DEVICE)
            raise RuntimeError(
                f"Expected a '{wanted}' device type for generator but found '{given}': {_ITS_DEVICE} "
                f"@ {place}"
            )

    def _unstable(self, op: Operation, name: str, advice: str) -> None:
        """An operation gives other bits in every run: note it, and say so where PyTorch does."""
        if self.watcher.active:
            self.watcher.note("nondeterministic", name, advice)
        if not torch.are_deterministic_algorithms_enabled():
            return
        message = f"{op.name} does not have a deterministic implementation, but you set "
        if not torch.is_deterministic_algorithms_warn_only_enabled():
            raise RuntimeError(message + "'torch.use_deterministic_algorithms(True)'.")
        message += "'torch.use_deterministic_algorithms(True, warn_only=True)'."
        place = self.watcher.place()
        warnings.warn_explicit(message, UserWarning, place.file, place.line)

    def _check_mix(
        self, func: Any, op: Operation, args: Any, kwargs: dict[str, Any], found: CallTensors
    ) -> None:
        """What an operation does that has tensors of the CPU too."""
        if op.name in MIX_FREELY:
            quick = kwargs.get("non_blocking") or (op.name == "copy_" and len(args) > 2 and args[2])
            if op.name == "copy_" and not isinstance(args[0], GpuTensor):
                if not (quick and args[0] in self._gpu.pinned):
                    self.copy_to_host()
            elif not (quick and all(tensor in self._gpu.pinned for tensor in found.host)):
                self.wait("a copy from host memory that is not pinned", _TO_GPU)
            return
        indices = args[1] if op.name in INDEXING else ()
        if any(index is not None and not isinstance(index, GpuTensor) for index in indices):
            self.wait(f"{_name(func)} with indices on the CPU", _TO_GPU)
        others = [one for one in found.host if not any(one is index for index in indices)]
        if not all(one.ndim == 0 and (op.takes_numbers or indices) for one in others):
            place = self.watcher.note("mixed devices", _name(func), _SAME)
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"cuda:0 and cpu! ({_name(func)}): {_SAME} @ {place}"
            )


def _name(func: Any) -> str:
    name = str(func).removesuffix(".default")
    return _READ if name == "aten._local_scalar_dense" else name
