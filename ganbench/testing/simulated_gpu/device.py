"""The simulated GPU: runs every operation on the CPU, and watches it as a GPU would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from ganbench.testing.simulated_gpu.call_tensors import CallTensors
from ganbench.testing.simulated_gpu.capture import Capture
from ganbench.testing.simulated_gpu.findings import Place, Report
from ganbench.testing.simulated_gpu.memory import Memory, PinnedMemory
from ganbench.testing.simulated_gpu.operations import Operation, operation
from ganbench.testing.simulated_gpu.random_numbers import GpuGenerator
from ganbench.testing.simulated_gpu.rules import Rules
from ganbench.testing.simulated_gpu.tensors import GPU, GpuTensor, is_gpu


class SimulatedGpu:
    """One GPU.

    :ivar device: ``cuda:0``.
    :ivar memory: what is allocated on it.
    :ivar generator: its default generator, which layers and initializers draw from.
    :ivar sync_debug: index into `SYNC_MODES`.
    :ivar rules: what it refuses and waits for.
    :ivar closed: whether the simulation is over.
    """

    def __init__(self, total_memory: int) -> None:
        self.device = GPU
        self.memory, self.pinned = Memory(total_memory), PinnedMemory()
        self.generator = GpuGenerator()
        self.generator.manual_seed(0)
        self.sync_debug = 0
        self.capture: Capture | None = None
        #: The generator that was handed to the call that runs now.
        self.drawing_from: torch.Generator | None = None
        self.closed = self._in_call = False
        self.rules = Rules(self)

    @contextlib.contextmanager
    def watching(self, strict: bool = False) -> Iterator[Report]:
        """Report what happens within: waits, mixed devices, wrong generators, unstable operations.

        :param strict: raise `HostWaitError` where the host would wait.
        """
        with self.rules.watcher.watching(strict) as report:
            yield report

    def run(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Do one operation, whichever devices its tensors lie on."""
        if self.closed:
            raise RuntimeError("a tensor of a simulated GPU is used after the simulation")
        op, found = operation(func), CallTensors()
        plain = found.plain(args), {name: found.plain(value) for name, value in kwargs.items()}
        if not self._is_on_gpu(kwargs.get("device"), found):
            return self._on_host(func, op, found, *plain)
        self.rules.check(func, op, args, kwargs, found)
        plain_args, plain_kwargs = plain
        if "device" in plain_kwargs:
            plain_kwargs["device"] = torch.device("cpu")
        for name in ("non_blocking", "pin_memory"):
            plain_kwargs.pop(name, None)
        result = self._compute(func, op, plain_args, plain_kwargs)
        if torch.Tag.inplace_view in func.tags:
            with torch._C._DisableTorchDispatch():
                func(*args, **kwargs)
        return self._wrapped(result, found.wrappers)

    def place(self) -> Place:
        """The line outside PyTorch that runs now."""
        return self.rules.watcher.place()

    def wait(self, operation: str, advice: str) -> None:
        """See `Rules.wait`."""
        self.rules.wait(operation, advice)

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of a CPU tensor in pinned memory."""
        if self.capture is not None:
            self.capture.fail("operation not permitted when stream is capturing (cudaHostAlloc)")
        return self.pinned.pin(tensor.clone(memory_format=torch.preserve_format))

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Within, a function of PyTorch runs on tensors of the GPU: what it makes lies there too."""
        before, self._in_call = self._in_call, True
        try:
            yield
        finally:
            self._in_call = before

    def _is_on_gpu(self, device: Any, found: CallTensors) -> bool:
        if is_gpu(device):
            return True
        if device is None:
            return bool(found.wrappers)
        # PyTorch's own code takes the device from C++, for which all tensors lie on the CPU.
        backward = torch._C._current_graph_task_id() != -1
        return (backward or self._in_call) and (bool(found.wrappers) or not found.host)

    def _on_host(
        self, func: Any, op: Operation, found: CallTensors, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        """An operation whose result lies in host memory."""
        pinned = kwargs.pop("pin_memory", None)
        if found.wrappers:  # a copy from the device, which PyTorch pins if it does not wait for it
            pinned = kwargs.pop("non_blocking", False)
            if not pinned:
                self.rules.copy_to_host()
        made = func(*args, **kwargs)
        if pinned:
            made = self.pin(made)
        return made

    def _compute(self, func: Any, op: Operation, args: Any, kwargs: dict[str, Any]) -> Any:
        if self.capture is not None:
            generator = self.generator if kwargs.get("generator") is None else self.drawing_from
            return self.capture.run(func, op, args, kwargs, generator if op.draws else None)
        return self.compute(func, op, args, kwargs)

    def compute(self, func: Any, op: Operation, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """Do an operation on the values; without a generator, it draws from the device's own."""
        own = op.draws and kwargs.get("generator") is None
        with self._own_generator() if own else contextlib.nullcontext():
            try:
                return func(*args, **kwargs)
            except RuntimeError as error:
                if "DefaultCPUAllocator" not in str(error):
                    raise
                raise self.memory.out_of_memory(float("inf")) from error

    @contextlib.contextmanager
    def _own_generator(self) -> Iterator[None]:
        host = torch.default_generator
        kept = host.get_state()
        host.set_state(self.generator.get_state())
        try:
            yield
        finally:
            self.generator.set_state(host.get_state())
            host.set_state(kept)

    def _wrapped(self, value: Any, known: Mapping[int, GpuTensor]) -> Any:
        """The result as it lies on the device; what an operation wrote into is the same tensor."""
        if isinstance(value, torch.Tensor):
            if id(value) in known:
                return known[id(value)]
            self.memory.hold(value.untyped_storage())
            return GpuTensor(value, self)
        if isinstance(value, (list, tuple)):
            return type(value)(self._wrapped(one, known) for one in value)
        return value
