"""What stands in for ``torch.cuda`` while a GPU is simulated."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch

from ganbench.testing.simulated_gpu.graphs import CUDAGraph, graph
from ganbench.testing.simulated_gpu.rules import SYNC_MODES
from ganbench.testing.simulated_gpu.tensors import GPU, is_gpu

if TYPE_CHECKING:
    from ganbench.testing.simulated_gpu.device import SimulatedGpu

NAME = "Simulated GPU"
_AT_HOST = "it waits for all work of the device; leave it to the end of a stretch of steps"


class Stream:
    """Stands in for `torch.cuda.Stream`: all work is done at once, so there is nothing to order."""

    _gpu: SimulatedGpu
    device = GPU

    def __init__(self, device: Any = None, priority: int = 0, **options: Any) -> None:
        self.cuda_stream = id(self)

    def synchronize(self) -> None:
        self._gpu.wait("Stream.synchronize", _AT_HOST)

    def wait_stream(self, stream: Any) -> None:
        return None

    def wait_event(self, event: Any) -> None:
        return None

    def record_event(self, event: Any = None) -> Any:
        event = event or torch.cuda.Event()
        event.record(self)
        return event

    def query(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return self._gpu.capture is not None


class Event:
    """Stands in for `torch.cuda.Event`."""

    _gpu: SimulatedGpu

    def __init__(self, enable_timing: bool = False, **options: Any) -> None:
        self._time = time.perf_counter()

    def record(self, stream: Any = None) -> None:
        self._time = time.perf_counter()

    def wait(self, stream: Any = None) -> None:
        return None

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        self._gpu.wait("Event.synchronize", _AT_HOST)

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds."""
        return 1e3 * (end._time - self._time)


def _check(device: Any) -> None:
    """Raise for a device that the simulated machine does not have."""
    if device is not None:
        is_gpu(device)


class CudaModule:
    """The functions of ``torch.cuda`` that ask or change the device."""

    def __init__(self, gpu: SimulatedGpu) -> None:
        self._gpu = gpu
        self._stream = self._default = _bound(Stream, gpu)()

    def replacements(self) -> dict[str, Any]:
        """Name in ``torch.cuda`` -> what stands in for it."""
        gpu = self._gpu
        return {
            **_known(),
            **self._memory(),
            **self._random(),
            **self._streams(),
            "Stream": _bound(Stream, gpu),
            "Event": _bound(Event, gpu),
            "CUDAGraph": _bound(CUDAGraph, gpu),
            "graph": graph,
            "graph_pool_handle": lambda: (0, 0),
            "is_current_stream_capturing": lambda: gpu.capture is not None,
            "get_device_properties": self._properties,
            "set_sync_debug_mode": self._set_sync_debug,
            "get_sync_debug_mode": lambda: gpu.sync_debug,
        }

    def accelerator(self) -> dict[str, Any]:
        """Name in ``torch.accelerator`` -> what stands in for it."""
        return {
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "current_accelerator": lambda check_available=False: torch.device("cuda"),
            "current_device_index": lambda: 0,
            "set_device_index": _check,
            "current_stream": lambda device=None: self._stream,
            "synchronize": lambda device=None: torch.cuda.synchronize(),
        }

    def _memory(self) -> dict[str, Any]:
        memory = self._gpu.memory

        def set_fraction(fraction: float, device: Any = None) -> None:
            if not 0 <= fraction <= 1:
                raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
            memory.fraction = fraction

        return {
            "memory_allocated": lambda device=None: memory.used,
            "memory_reserved": lambda device=None: memory.used,
            "max_memory_allocated": lambda device=None: memory.peak,
            "max_memory_reserved": lambda device=None: memory.peak,
            "reset_peak_memory_stats": lambda device=None: memory.reset_peak(),
            "mem_get_info": lambda device=None: (memory.total - memory.used, memory.total),
            "set_per_process_memory_fraction": set_fraction,
            "get_per_process_memory_fraction": lambda device=None: memory.fraction,
            "empty_cache": lambda: None,
            "ipc_collect": lambda: None,
        }

    def _random(self) -> dict[str, Any]:
        generator = self._gpu.generator

        def set_state(state: torch.Tensor, device: Any = None) -> None:
            if state.device.type != "cpu":
                raise TypeError("RNG state must be a torch.ByteTensor")
            generator.set_state(state)

        return {
            "get_rng_state": lambda device=None: generator.get_state(),
            "set_rng_state": set_state,
            "get_rng_state_all": lambda: [generator.get_state()],
            "set_rng_state_all": lambda states: set_state(states[0]),
            "manual_seed": lambda seed: generator.manual_seed(seed) and None,
            "manual_seed_all": lambda seed: generator.manual_seed(seed) and None,
            "initial_seed": generator.initial_seed,
            "default_generators": (generator,),
        }

    def _streams(self) -> dict[str, Any]:
        @contextlib.contextmanager
        def on(stream: Any) -> Iterator[None]:
            before, self._stream = self._stream, stream or self._stream
            try:
                yield
            finally:
                self._stream = before

        @contextlib.contextmanager
        def chosen(device: Any) -> Iterator[None]:
            _check(device)
            yield

        return {
            "stream": on,
            "current_stream": lambda device=None: self._stream,
            "default_stream": lambda device=None: self._default,
            "device": chosen,
            "set_device": _check,
            "synchronize": lambda device=None: self._gpu.wait("torch.cuda.synchronize", _AT_HOST),
        }

    def _properties(self, device: Any = None) -> SimpleNamespace:
        _check(device)
        return SimpleNamespace(
            name=NAME,
            uuid="00000000-simulated",
            total_memory=self._gpu.memory.total,
            major=9,
            minor=0,
            multi_processor_count=1,
        )

    def _set_sync_debug(self, mode: int | str) -> None:
        self._gpu.sync_debug = SYNC_MODES.index(mode) if isinstance(mode, str) else int(mode)


def _known() -> dict[str, Any]:
    """What is the same of every simulated GPU."""

    def name(device: Any = None) -> str:
        _check(device)
        return NAME

    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "init": lambda: None,
        "_lazy_init": lambda: None,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": name,
        "get_device_capability": lambda device=None: (9, 0),
        "is_bf16_supported": lambda *args, **kwargs: True,
    }


def _bound(cls: type[Any], gpu: SimulatedGpu) -> type[Any]:
    """The class for one device."""
    return type(cls.__name__, (cls,), {"_gpu": gpu})
