"""Work in background threads that keeps a bounded number of results ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_THREADS = 8


def in_background(
    work: Callable[[_Item], _Result], items: Iterable[_Item], ahead: int, at_once: int = 1
) -> Iterator[_Result]:
    """``map(work, items)`` in threads, in order, with at most ``ahead`` items in progress.

    :param at_once: items of one task; more for items of little work.
    """
    iterator = iter(items)
    waiting: deque[Future[list[_Result]]] = deque()
    with ThreadPoolExecutor(threads(), thread_name_prefix="images") as pool:
        try:
            while True:
                while len(waiting) * at_once < max(ahead, 1):
                    part = list(islice(iterator, at_once))
                    if not part:
                        break
                    waiting.append(pool.submit(lambda part: [work(item) for item in part], part))
                if not waiting:
                    return
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def threads() -> int:
    """How many threads read and decode images."""
    try:
        return min(_THREADS, len(os.sched_getaffinity(0)))
    except AttributeError:
        return min(_THREADS, os.cpu_count() or 1)
