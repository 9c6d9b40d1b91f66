"""What Ray carries to the nodes as code: a node may have ganbench elsewhere than here, or not at all.

Ray pickles this module by value, so nothing in it may need another module of ganbench when it is
loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any


class Mailbox:
    """A Ray actor that keeps what nodes tell until the driver collects it, and orders until then.

    All methods are coroutines, so that waiting for one keeps no other from its turn.
    """

    def __init__(self) -> None:
        self._told: list[tuple[str, Any]] = []
        self._orders: dict[str, list[Any]] = {}
        self._bell = asyncio.Event()

    async def tell(self, task: str, messages: list[Any]) -> list[Any]:
        """What a task has to say; gives the orders that it has not seen."""
        self._told += [(task, message) for message in messages]
        if messages:
            self._bell.set()
        return self._orders.pop(task, [])

    async def order(self, task: str, message: Any) -> None:
        """Leave an order for a task."""
        self._orders.setdefault(task, []).append(message)

    async def collect(self, seconds: float) -> list[tuple[str, Any]]:
        """What was told since the last time; waits for it, at most this long."""
        if not self._told:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._bell.wait(), seconds)
        self._bell.clear()
        told, self._told = self._told, []
        return told

    async def ring(self) -> None:
        """Have whoever collects come back now."""
        self._bell.set()

    async def forget(self, task: str) -> None:
        """The task is over."""
        self._orders.pop(task, None)


def enter(path: list[str], name: str, *arguments: Any) -> Any:
    """Call a function of `ganbench.execution.ray_node`.

    :param path: the driver's import path, for nodes where ganbench lies in the same place. Its order
        is taken over: Ray puts the driver's working directory before everything else.
    """
    import importlib
    import os
    import sys

    others = [entry for entry in sys.path if entry not in path]
    sys.path[:] = others + [entry for entry in path if os.path.exists(entry)]
    module = importlib.import_module("ganbench.execution.ray_node")
    return getattr(module, name)(*arguments)
