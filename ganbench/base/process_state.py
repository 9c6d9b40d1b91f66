"""The process-wide state that components may change, taken and put back.

This covers what results depend on. A plugin can still break its process if it wants to.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ganbench.base.backends import Switches, float32_proper

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD)


def _set_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _umask() -> int:
    """The mask can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


#: Functions that read a part of the state, and those that put it back.
_Parts = tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...]
_TORCH: _Parts = (
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
)
_PROCESS: _Parts = (
    (os.getcwd, os.chdir),
    (lambda: dict(os.environ), _set_environment),
    (lambda: list(sys.path), lambda path: sys.path.__setitem__(slice(None), path)),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (_umask, os.umask),
    (np.geterr, lambda errors: np.seterr(**errors)),
    *_TORCH,
)


def _restore(parts: _Parts, values: list[Any]) -> None:
    for (read, write), value in zip(parts, values, strict=True):
        if read() != value:
            write(value)


@contextlib.contextmanager
def guarded_torch() -> Iterator[None]:
    """Compute in float32 proper, and put PyTorch's defaults back: other code depends on them."""
    before = [read() for read, _ in _TORCH]
    with float32_proper():
        try:
            yield
        finally:
            _restore(_TORCH, before)


@dataclass(frozen=True)
class ProcessState:
    """The state of this process when `take` was called.

    :ivar values: of the parts in `_PROCESS`.
    """

    values: list[Any]
    handlers: dict[int, Any]
    filters: list[Any]
    streams: tuple[Any, Any]
    blocked: set[signal.Signals | int]
    switches: Switches

    @classmethod
    def take(cls) -> ProcessState:
        """Read the state."""
        return cls(
            values=[read() for read, _ in _PROCESS],
            handlers={number: signal.getsignal(number) for number in _SIGNALS},
            filters=list(warnings.filters),
            streams=(sys.stdout, sys.stderr),
            blocked=set(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            switches=Switches.take(),
        )

    def restore(self) -> None:
        """Put everything back; each trial sets the random states itself."""
        _restore(_PROCESS, self.values)
        self.restore_torch()
        sys.stdout, sys.stderr = (
            _open(stream, number) for number, stream in enumerate(self.streams, 1)
        )
        gc.enable()
        self._restore_signals()
        warnings.filters[:] = self.filters  # type: ignore[index]

    def restore_torch(self) -> None:
        """Put back what PyTorch keeps for the process."""
        _restore(_TORCH, self.values[-len(_TORCH) :])
        torch.set_default_device(None)
        torch.autograd.set_detect_anomaly(False)
        torch.set_flush_denormal(False)
        self.switches.restore()
        if torch.cuda.is_initialized():
            torch.cuda.set_sync_debug_mode("default")
            if torch.cuda.current_stream() != torch.cuda.default_stream():
                torch.cuda.set_stream(torch.cuda.default_stream())

    def _restore_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread can change them
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)


def _open(stream: Any, descriptor: int) -> Any:
    """The stream, or a new one on its descriptor if a component closed it."""
    if not getattr(stream, "closed", False):
        return stream
    return open(descriptor, "w", buffering=1, errors="backslashreplace", closefd=False)
