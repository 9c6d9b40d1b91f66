"""The worker process that a Ray worker keeps from one task to the next."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganbench.execution.local import LocalExecutor
from ganbench.execution.orders import Event, Setup, Slot
from ganbench.paths import cache_root, data_root

#: Of the variables that ganbench reads.
PREFIX = "GANBENCH_"
_LINGER = 30.0  # seconds that a worker process waits for the next task
_TIDY = 10.0  # seconds that it may take to clean up after one


class Crew:
    """One worker process, started when it is needed and let go when it was not for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._executor: LocalExecutor | None = None
        self._told: deque[Event] = deque()
        self._farewell = threading.Timer(0, self._leave)

    @contextlib.contextmanager
    def at_work(self, task: Mapping[str, Any]) -> Iterator[tuple[LocalExecutor, deque[Event]]]:
        """An executor with one slot, and where its events arrive; it ends if the task fails."""
        with self._lock:
            self._farewell.cancel()
            try:
                yield self._hire(task), self._told
            except BaseException:
                self._dismiss()
                raise
            self._farewell = threading.Timer(_LINGER, self._leave)
            self._farewell.daemon = True
            self._farewell.start()

    def _hire(self, task: Mapping[str, Any]) -> LocalExecutor:
        """The executor that is there, if it was made for the like of this task."""
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES")  # Ray sets it for each task
        key = json.dumps([task["setup"], task["environment"], task["isolate"], gpus])
        if self._executor is None or key != self._key or not _free(self._executor):
            self._dismiss()
            _adopt(task["folder"], task["environment"])
            self._told, self._key = deque(), key
            setup = _at_home(Setup(**task["setup"]))
            slots = [Slot("ray")]
            self._executor = LocalExecutor(setup, self._told.append, slots, task["isolate"])
        return self._executor

    def _leave(self) -> None:
        # Whoever has the lock is at work, and sets a new time when done.
        if self._lock.acquire(blocking=False):
            try:
                self._dismiss()
            finally:
                self._lock.release()

    def _dismiss(self) -> None:
        if self._executor is not None:
            self._executor.close()
            self._executor = None


#: Of this Ray worker.
CREW = Crew()


def _free(executor: LocalExecutor) -> bool:
    """Whether the worker process is done with the task before, for which it has a moment."""
    end = time.monotonic() + _TIDY
    while not executor.free() and time.monotonic() < end:
        executor.poll(0.1)
    return bool(executor.free())


def _adopt(folder: str, environment: Mapping[str, str]) -> None:
    """Be where the driver is and know what it was told, but for paths that lead nowhere here."""
    if os.path.isdir(folder):
        os.chdir(folder)
    for name, value in list(os.environ.items()):
        if name.startswith(PREFIX) and not os.path.isabs(value):
            del os.environ[name]
    for name, value in environment.items():
        if not os.path.isabs(value) or os.path.exists(value):
            os.environ[name] = value


def _at_home(setup: Setup) -> Setup:
    """The setup with this node's own folders where it has not the driver's."""
    root, cache = Path(setup.root), Path(setup.cache)
    return dataclasses.replace(
        setup,
        root=str(root if root.exists() else data_root()),
        cache=str(cache if cache.exists() else cache_root()),
    )
