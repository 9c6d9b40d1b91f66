"""A Ray cluster: the connection to it, and how many trials its nodes have room for."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ganbench.base.errors import UsageError, one_line
from ganbench.base.machine import cores
from ganbench.execution.ray import actor
from ganbench.execution.run_options import RunOptions

_OBJECTS = 256 << 20  # bytes of Ray's object store: on one machine no file needs it
_REACH = 10.0  # seconds to connect to an address
_RESTARTS = 5  # of an actor whose node dies before it starts there


class Need(NamedTuple):
    """The resources that a trial takes, all of them on one node.

    :ivar gpus: a share of one, or whole ones.
    :ivar threads: of each process that trains the trial.
    """

    cpus: int
    gpus: float
    threads: int = 1

    def times(self, resources: Mapping[str, float]) -> int:
        """How many trials a node with these resources has room for."""
        room = int(resources.get("CPU", 0) / self.cpus + 1e-6)
        if self.gpus > 1:
            room = min(room, int(resources.get("GPU", 0) / self.gpus + 1e-6))
        elif self.gpus:
            # Ray gives a trial its share of one GPU, never of two.
            room = min(room, int(resources.get("GPU", 0)) * int(1 / self.gpus + 1e-6))
        return room


class Cluster:
    """The nodes that Ray knows, for trials with the same need.

    :param options: ``threads``, ``device`` and ``gpus_per_trial`` make the need: a core for each
        thread, and by default a GPU where the cluster has any.
    :param replicas: processes that train a trial. Ray gives an actor all its resources on one node,
        as a placement group does that is packed strictly, so one actor owns those of all replicas.
    :raises UsageError: if no node has what a trial needs.
    """

    def __init__(self, ray: Any, options: RunOptions, replicas: int = 1) -> None:
        self._ray = ray
        self._unfit: dict[str, str] = {}
        gpus = options.gpus_per_trial
        if gpus is None and options.device != "cpu":
            some = options.device == "cuda" or ray.cluster_resources().get("GPU", 0)
            gpus = 1.0 if some else None
        threads = options.threads or 1
        self.need = Need(threads * replicas, (gpus or 0.0) * replicas, threads)
        if not self.room():
            has, gpus = f"{self.need.cpus} CPU", self.need.gpus
            needs = has + (f" and {gpus:g} GPU" if gpus else "")
            of = f" of {replicas} replicas" if replicas > 1 else ""
            raise UsageError(f"no node of the Ray cluster has the {needs} that a trial{of} takes")

    def room(self) -> int:
        """How many trials can run at a time.

        :raises UsageError: if nodes have room, but each of them is left out.
        """
        nodes = {node["NodeID"]: node["Resources"] for node in self._ray.nodes() if node["Alive"]}
        rooms = {name: self.need.times(resources) for name, resources in nodes.items()}
        room = sum(room for name, room in rooms.items() if name not in self._unfit)
        left_out = [name for name in self._unfit if rooms.get(name)]
        if left_out and not room:
            why = self._unfit[left_out[0]]
            raise UsageError(f"no node of the Ray cluster can run trials; {why}")
        return room

    def leave_out(self, node: str, host: str, why: str) -> str:
        """Run nothing on a node from now on; a sentence that says so."""
        self._unfit[node] = f"node {host} is left out: {why}"
        return self._unfit[node]

    def placement(self) -> dict[str, Any]:
        """Options of an actor that takes the need, on any node that is not left out."""
        fit = {"ray.io/node-id": f"!in({','.join(self._unfit)})"} if self._unfit else {}
        return {
            "num_cpus": self.need.cpus,
            "num_gpus": self.need.gpus,
            "scheduling_strategy": "SPREAD",
            "label_selector": fit,
            "max_restarts": _RESTARTS,
        }


@contextlib.contextmanager
def connection(address: str | None) -> Iterator[Any]:
    """Connect to Ray, and end what this opened or started, and nothing else.

    :param address: of a cluster; else ``RAY_ADDRESS`` counts, else a cluster starts here.
    :return: the package.
    :raises UsageError: if Ray is not installed, or does not answer.
    """
    try:
        import ray
    except ImportError:
        raise UsageError("executor ray needs Ray: pip install 'ganbench[ray]'") from None
    ray.cloudpickle.register_pickle_by_value(actor)
    if ray.is_initialized():
        there = ray.get_runtime_context().gcs_address
        if address not in (None, "auto", there):
            raise UsageError(f"Ray address {address}: this process is already connected to {there}")
        yield ray
        return
    with _own_signals():
        _connect(ray, address or os.environ.get("RAY_ADDRESS") or "local")
    _show_messages(ray, False)
    try:
        yield ray
    finally:
        with _own_signals():
            ray.shutdown()
        _show_messages(ray, True)


def _connect(ray: Any, address: str) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    what = f"Ray address {address}"
    if address == "local":
        what = "Ray does not start"
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options |= {"num_cpus": cores(), "include_dashboard": False}
        options |= {"object_store_memory": _OBJECTS}
    else:
        _check(address)
    try:
        ray.init(address=address, **options)
    except Exception as error:
        raise UsageError(f"{what}: {one_line(error)}") from None


def _check(address: str) -> None:
    """Refuse an address that does not answer: Ray itself would try for minutes."""
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
    """Keep what this process does on SIGTERM: Ray replaces it."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _show_messages(ray: Any, shown: bool) -> None:
    """Show or hide what Ray's daemons print on standard output: Ray has no setting for it."""
    with contextlib.suppress(AttributeError):
        if hasattr(ray._private.worker, "_worker_logs_enabled"):
            ray._private.worker._worker_logs_enabled = shown
