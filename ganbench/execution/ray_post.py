"""The driver's end of the mailbox through which tasks and driver talk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganbench.execution import ray_remote
from ganbench.execution.ray_cluster import Cluster

_LISTEN = 10.0  # seconds that the mailbox waits for news


class Post:
    """A mailbox on the driver's node; a new one should that be lost.

    :ivar box: for tasks to write to.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._ray = cluster, cluster.ray
        self._news: Any = None
        self._open()

    def order(self, box: Any, task: str, message: Mapping[str, Any]) -> None:
        """Leave an order for a task that writes to ``box``."""
        box.order.remote(task, dict(message))

    def wait(self, tasks: Sequence[Any], seconds: float) -> list[Any]:
        """Wait for news or for the end of a task, at most this long; the tasks that have ended."""
        first, _ = self._ray.wait([self._news, *tasks], timeout=seconds)
        if not first or not tasks:
            return []
        ended, _ = self._ray.wait(list(tasks), num_returns=len(tasks), timeout=0)
        return list(ended)

    def news(self, all_of_it: bool) -> list[tuple[str, Any]]:
        """Tasks and what they told, in order.

        :param all_of_it: whatever has been told by now; otherwise what has arrived here.
        """
        if all_of_it:
            self.box.ring.remote()
        elif not self._ray.wait([self._news], timeout=0)[0]:
            return []
        try:
            told: list[tuple[str, Any]] = self._ray.get(self._news)
            if all_of_it:  # more may have been told since that answer was given
                told += self._ray.get(self.box.collect.remote(0))
        except self._ray.exceptions.RayActorError:
            # Its tasks cannot reach it either, and end by themselves.
            self.close()
            self._open()
            return []
        self._news = self.box.collect.remote(_LISTEN)
        return told

    def close(self) -> None:
        """Nobody has anything to say any more."""
        self._ray.kill(self.box)

    def _open(self) -> None:
        here = self._cluster.on_node(self._cluster.here())
        mailbox = self._cluster.remote(ray_remote.Mailbox, num_cpus=0, scheduling_strategy=here)
        self.box = mailbox.remote()
        self._news = self.box.collect.remote(_LISTEN)
