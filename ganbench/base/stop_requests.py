"""Requests to stop, heard in the middle of long work: between two batches or two metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_asked: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)


class StopRequested(BaseException):
    """A person wants the work to stop. Like KeyboardInterrupt, it passes guards of third-party code."""


@contextlib.contextmanager
def stoppable(should_stop: Callable[[], bool]) -> Iterator[None]:
    """Let `check_stop` ask this function, in this thread, as long as the context lasts."""
    token = _asked.set(should_stop)
    try:
        yield
    finally:
        _asked.reset(token)


def check_stop() -> None:
    """Raise StopRequested if the work is to stop; long work calls it at least once a second."""
    asked = _asked.get()
    if asked is not None and asked():
        raise StopRequested
