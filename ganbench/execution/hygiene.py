"""What a trial's components may have changed in their process, put back before the next trial.

Only what is global and what results depend on; a plugin that wants to break its process can.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ganbench.backends import Switches

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD)


@dataclass(frozen=True)
class ProcessState:
    """The state of this process when `take` was called."""

    folder: str
    environment: dict[str, str]
    path: list[str]
    threads: int
    handlers: dict[int, Any]
    filters: list[Any]
    streams: tuple[Any, Any]
    blocked: set[signal.Signals | int]
    recursion: int
    umask: int
    numpy_errors: dict[str, Any]
    switches: Switches

    @classmethod
    def take(cls) -> ProcessState:
        """Remember the state."""
        return cls(
            folder=os.getcwd(),
            environment=dict(os.environ),
            path=list(sys.path),
            threads=torch.get_num_threads(),
            handlers={number: signal.getsignal(number) for number in _SIGNALS},
            filters=list(warnings.filters),
            streams=(sys.stdout, sys.stderr),
            blocked=set(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            recursion=sys.getrecursionlimit(),
            umask=_umask(),
            numpy_errors=dict(np.geterr()),
            switches=Switches.take(),
        )

    def restore(self) -> None:
        """Put everything back as it was; random states are each trial's own affair."""
        if os.getcwd() != self.folder:
            os.chdir(self.folder)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)
        sys.path[:] = self.path
        sys.stdout, sys.stderr = (
            _open(stream, number) for number, stream in enumerate(self.streams, 1)
        )
        sys.setrecursionlimit(self.recursion)
        os.umask(self.umask)
        np.seterr(**self.numpy_errors)
        gc.enable()
        self._restore_signals()
        _restore_torch(self.threads)
        self.switches.restore()
        warnings.filters[:] = self.filters  # type: ignore[index]

    def _restore_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may, and did
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)


def _open(stream: Any, descriptor: int) -> Any:
    """The stream, or another on its descriptor if a component has closed it."""
    if not getattr(stream, "closed", False):
        return stream
    return open(descriptor, "w", buffering=1, errors="backslashreplace", closefd=False)


def _umask() -> int:
    """There is no other way to read it than to set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _restore_torch(threads: int) -> None:
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    torch.set_flush_denormal(False)
