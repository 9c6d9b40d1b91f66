"""Connecting to Ray: a cluster that is there, or one on this machine for as long as it is needed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.errors import UsageError
from ganbench.execution import ray_remote
from ganbench.execution.import_path import import_path
from ganbench.execution.options import RunOptions
from ganbench.execution.placement import cores
from ganbench.execution.ray_versions import versions
from ganbench.registry.guard import one_line

_OBJECTS = 256 << 20  # bytes; on one machine files need not travel
_REACH = 10.0  # seconds to connect to an address
_LOOK = 60.0  # seconds that nodes may take to say what they have


@dataclass(frozen=True)
class Need:
    """What a trial takes of a node."""

    cpus: int
    gpus: float

    def __str__(self) -> str:
        cpus = f"{self.cpus} CPU{'s' if self.cpus > 1 else ''}"
        return f"{cpus} and {self.gpus:g} of a GPU" if self.gpus else cpus

    def times(self, resources: Mapping[str, float]) -> int:
        """How many trials a node with these resources has room for."""
        room = int(resources.get("CPU", 0) / self.cpus + 1e-6)
        if self.gpus:
            # Ray gives a trial its share of one GPU, never of two.
            room = min(room, int(resources.get("GPU", 0)) * int(1 / self.gpus + 1e-6))
        return room


class Cluster:
    """A connection to Ray, and what is known of the nodes.

    :param address: of a cluster; else what ``RAY_ADDRESS`` says, else one is started here.
    :ivar ray: the package.
    :raises UsageError: if Ray is not installed or the cluster is not to be reached.
    """

    def __init__(self, address: str | None) -> None:
        self.ray = _load()
        self._unfit: dict[str, str] = {}
        self._connected = False
        self._started = False
        if self.ray.is_initialized():
            self._join(address)
        else:
            self._connect(address or os.environ.get("RAY_ADDRESS") or "local")

    def close(self) -> None:
        """Let go of what was connected or started here, and of nothing else."""
        if self._connected:
            with _own_signals():
                self.ray.shutdown()
            _hush(self.ray, False)

    def remote(self, code: Any, **options: Any) -> Any:
        """A function or class of `ray_remote`, for Ray to run once and never again by itself."""
        if not isinstance(code, type):
            options |= {"max_retries": 0, "retry_exceptions": False}
        return self.ray.remote(**options)(code)

    def on_node(self, node: str) -> Any:
        """The scheduling strategy that leads to a node."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node_id=node, soft=False)

    def here(self) -> str:
        """The id of the driver's node."""
        node: str = self.ray.get_runtime_context().get_node_id()
        return node

    def rooms(self, need: Need) -> dict[str, int]:
        """How many trials each node could run that can run any.

        :raises UsageError: if there are nodes, and none of them can.
        """
        rooms = {
            node["NodeID"]: need.times(node["Resources"])
            for node in self.ray.nodes()
            if node["Alive"]
        }
        large = {node: room for node, room in rooms.items() if room}
        fit = {node: room for node, room in large.items() if node not in self._unfit}
        if large and not fit:
            why = self._unfit[next(iter(large))]
            raise UsageError(f"no node of the Ray cluster can run trials; {why}")
        return fit

    def leave_out(self, node: str, host: str, why: str) -> str:
        """Run nothing on a node any more; a sentence about it."""
        self._unfit[node] = f"node {host} is left out: {why}"
        return self._unfit[node]

    @property
    def uniform(self) -> bool:
        """Whether any node will do that has room."""
        return not self._unfit

    def need(self, options: RunOptions) -> Need:
        """What each trial takes: a core for each thread, and a GPU by default where there are any."""
        gpus = options.gpus_per_trial
        if gpus is None and options.device != "cpu":
            some = options.device == "cuda" or self.ray.cluster_resources().get("GPU", 0)
            gpus = 1.0 if some else None
        return Need(options.threads or 1, gpus or 0.0)

    def check(self, need: Need) -> list[str]:
        """Look at all nodes; a sentence for each one that has room but cannot run trials.

        :raises UsageError: if no node can run any.
        """
        rooms = self.rooms(need)
        if not rooms:
            raise UsageError(f"no node of the Ray cluster has {need}, which a trial takes")
        if self._started:
            return []
        hosts = {node["NodeID"]: node["NodeManagerHostname"] for node in self.ray.nodes()}
        problems = self._look(rooms)
        sentences = [self.leave_out(node, hosts[node], why) for node, why in problems.items()]
        self.rooms(need)
        return sentences

    def _look(self, nodes: Iterable[str]) -> dict[str, str]:
        """Why nodes cannot run trials."""
        enter, wanted = self.remote(ray_remote.enter, num_cpus=0), json.dumps(versions())
        answers = {
            enter.options(scheduling_strategy=self.on_node(node)).remote(
                import_path(), "look", wanted
            ): node
            for node in nodes
        }
        done, silent = self.ray.wait(list(answers), num_returns=len(answers), timeout=_LOOK)
        found = {answers[one]: f"it does not answer within {_LOOK:g} seconds" for one in silent}
        for one in done:
            try:
                problem = self.ray.get(one)
            except self.ray.exceptions.TaskUnschedulableError:
                continue  # it has just come, or gone; its first task will tell
            except Exception as error:
                problem = f"ganbench does not start there: {last_line(error)}"
            if problem is not None:
                found[answers[one]] = problem
        return found

    def _join(self, address: str | None) -> None:
        """Use the connection that this process has already."""
        there = self.ray.get_runtime_context().gcs_address
        if address not in (None, "auto", there):
            raise UsageError(f"Ray address {address}: this process is connected to {there} already")

    def _connect(self, address: str) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if address == "local":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            options |= {"num_cpus": cores(), "include_dashboard": False}
            options |= {"object_store_memory": _OBJECTS}
            self._started = True
        else:
            _check_address(address)
        try:
            with _own_signals():
                self.ray.init(address=address, **options)
        except Exception as error:
            what = "Ray does not start" if self._started else f"Ray address {address}"
            raise UsageError(f"{what}: {one_line(error)}") from None
        self._connected = True
        _hush(self.ray, True)


def last_line(error: Exception) -> str:
    """What a task raised: Ray puts a traceback before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _load() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("executor ray needs Ray: pip install 'ganbench[ray]'") from None
    ray.cloudpickle.register_pickle_by_value(ray_remote)
    return ray


def _check_address(address: str) -> None:
    """Ray itself would try for minutes to reach an address where nobody is."""
    host, _, port = address.rpartition(":")
    if "://" in address:
        raise UsageError(
            f"Ray address {address}: give that of the cluster itself, such as 10.0.0.1:6379, "
            "on a machine that belongs to it"
        )
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACH).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"Ray address {address}: nobody answers there: {reason}") from None


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Ray replaces what this process does on SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


def _hush(ray: Any, quiet: bool) -> None:
    """Ray prints what its daemons have to say on standard output, and has no setting for it."""
    with contextlib.suppress(AttributeError):
        if hasattr(ray._private.worker, "_worker_logs_enabled"):
            ray._private.worker._worker_logs_enabled = not quiet
