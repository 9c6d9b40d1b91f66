"""The code that Ray carries to the nodes, which may have ganbench elsewhere than here, or not at all.

Ray pickles this module by value, so it imports ganbench only when it runs on a node.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from typing import Any


class TrialWorker:
    """A Ray actor: one place for trials on a node.

    :param path: the import path of the driver.
    :param setup: the fields of `ganbench.execution.ray.node.NodeWorker` but for ``orders``.
    """

    def __init__(self, path: list[str], setup: Mapping[str, Any]) -> None:
        self._path, self._setup = path, setup
        self._orders: list[tuple[int, Mapping[str, Any] | None]] = []
        self._worker: Any = None

    def run(self, task: Mapping[str, Any], files: Any) -> Iterator[list[dict[str, Any]]]:
        """Stream ``begun`` (``host``, ``node``), then what `NodeWorker.run` gives."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        yield [{"event": "begun", "host": socket.gethostname(), "node": node}]
        try:
            self._worker = self._worker or self._load()
        except Exception as error:
            why = f"ganbench does not start there: {type(error).__name__}: {error}"
            yield [{"event": "unfit", "why": why}]
        else:
            yield from self._worker.run(task, files)

    def tell(self, key: int, ending: Mapping[str, Any] | None) -> None:
        """End the task with this key in this way; for None, ask it to save its state and stop."""
        self._orders.append((key, ending))

    def _load(self) -> Any:
        # The order counts: Ray puts the driver's working directory first.
        others = [entry for entry in sys.path if entry not in self._path]
        sys.path[:] = others + [entry for entry in self._path if os.path.exists(entry)]
        node = importlib.import_module("ganbench.execution.ray.node")
        return node.NodeWorker(self._orders, **self._setup)
