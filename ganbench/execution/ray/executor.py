"""Trials on the nodes of a Ray cluster: an actor for each trial at a time.

Ray places the actors, carries a trial's files as arguments of their methods, and brings events and
new files back as a stream of results. When a node or an actor dies, the stream breaks off.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ganbench.base.errors import StorageError, one_line
from ganbench.execution.ray import actor
from ganbench.execution.ray.cluster import Cluster, connection
from ganbench.execution.ray.node import FINAL, PREFIX, versions
from ganbench.execution.ray.plugin_transfer import packed_plugins
from ganbench.execution.ray.transfer import UrlStore, pack, trial_files, unpack
from ganbench.execution.run_options import RunOptions
from ganbench.execution.share.leases import holds_lease
from ganbench.execution.supervise.messages import (
    Emit,
    Ending,
    Event,
    Slot,
    TrialRequest,
    WorkerSetup,
)
from ganbench.execution.supervise.worker_process import MARK, import_path
from ganbench.grid.settings import replicas_of
from ganbench.store.run_folder import RunFolder

_GRACE = 15.0  # seconds for a node to end a trial itself and to hand over what it left
_RECOUNT = 2.0  # seconds between two looks at the size of the cluster
_LINGER = 30.0  # seconds that an idle actor keeps its resources
_BACKLOG = 32  # results that a node may be ahead of this process


class RayExecutor:
    """Trials in actors of a Ray cluster.

    :param folder: the run folder; nodes that do not see it send their files here.
    :raises UsageError: if Ray is missing, the cluster does not answer, or no node has what a trial
        needs.
    """

    def __init__(
        self, setup: WorkerSetup, emit: Emit, folder: RunFolder, options: RunOptions
    ) -> None:
        self._emit, self._folder, self._jobs = emit, folder, options.jobs
        self._slots: list[Slot] = []
        self._actors: dict[Slot, Any] = {}
        self._tasks: dict[Slot, _Task] = {}
        self._keys = itertools.count()
        self._store: UrlStore | None = None
        with contextlib.ExitStack() as stack:
            if options.store is not None:
                self._store = UrlStore(f"{options.store.rstrip('/')}/ganbench-{uuid.uuid4().hex}")
                stack.callback(self._store.clear)
                self._store.check()
            self._ray = stack.enter_context(connection(options.ray_address))
            self._cluster = Cluster(self._ray, options, replicas_of(setup.grid))
            self._room, self._recount_at = self._cluster.room(), 0.0
            self._count_slots()
            self._setup = self._node_setup(setup)
            self._open = stack.pop_all()

    @property
    def jobs(self) -> int:
        """How many trials can run at a time now."""
        return len(self._slots)

    def free(self) -> Sequence[Slot]:
        self._count_slots()
        return [slot for slot in self._slots if slot not in self._tasks]

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        slot.group = group
        self._begin(slot, {"key": next(self._keys), "trial": trial, "group": group})

    def submit(self, slot: Slot, request: TrialRequest) -> None:
        slot.group = request.group
        what = {"key": next(self._keys), "trial": request.trial, "request": vars(request)}
        self._begin(slot, what)

    def poll(self, seconds: float) -> None:
        self._end_idle_actors()
        slots = {task.stream: slot for slot, task in self._tasks.items()}
        if not slots:
            time.sleep(seconds)
            return
        for stream in self._ray.wait(list(slots), timeout=seconds)[0]:
            self._hear(slots[stream], stream)
        for slot, task in list(self._tasks.items()):
            if time.monotonic() > task.deadline:
                self._lose(slot)

    def stop(self, trial: str) -> None:
        for slot, task in self._tasks.items():
            if task.name == trial:
                self._actors[slot].tell.remote(task.what["key"], None)

    def kill(self, trial: str, ending: Ending) -> None:
        for slot, task in list(self._tasks.items()):
            if task.name == trial:
                task.ending, task.deadline = ending, time.monotonic() + _GRACE
                if task.host:
                    self._actors[slot].tell.remote(task.what["key"], asdict(ending))
                else:
                    self._lose(slot)

    def close(self) -> None:
        for slot in list(self._actors):
            self._end_actor(slot)
        self._open.close()

    def _node_setup(self, setup: WorkerSetup) -> dict[str, Any]:
        """The fields of `NodeWorker`, as plain values."""
        need = self._cluster.need
        here = replace(setup, device="cuda" if need.gpus else "cpu", threads=need.threads)
        names = [name for name in os.environ if name.startswith(PREFIX) and name != MARK]
        return {
            "wanted": versions(),
            "setup": here.as_dict(),
            "folder": os.getcwd(),
            "environment": {name: os.environ[name] for name in names},
            "plugins": packed_plugins(),
            "store": None if self._store is None else self._store.url,
        }

    def _count_slots(self) -> None:
        """Make as many slots as the user wants, or as the cluster has room for at present."""
        if time.monotonic() < self._recount_at:
            return
        before, self._room = self._room, self._cluster.room()
        self._recount_at = time.monotonic() + _RECOUNT
        if bool(before) != bool(self._room):
            has = "has nodes for trials again" if self._room else "has lost all nodes for trials"
            self._emit({"event": "say", "text": f"the Ray cluster {has}"})
        count = self._room if self._jobs == "auto" else int(self._jobs)
        del self._slots[count:]
        self._slots += [Slot(f"ray-{number}") for number in range(len(self._slots), count)]

    def _begin(self, slot: Slot, what: Mapping[str, Any], files: Any = None) -> None:
        """Have the slot's actor do a task; where there is none, Ray finds a node for one."""
        if slot not in self._actors:
            make = self._ray.remote(max_concurrency=2, **self._cluster.placement())
            self._actors[slot] = make(actor.TrialWorker).remote(import_path(), self._setup)
        run = self._actors[slot].run.options(
            name=what["trial"],
            num_returns="streaming",
            _generator_backpressure_num_objects=_BACKLOG,
        )
        self._tasks[slot] = _Task(what, run.remote(what, files))

    def _end_actor(self, slot: Slot) -> None:
        slot.group = ""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._actors.pop(slot))  # its worker process follows

    def _end_idle_actors(self) -> None:
        """Give back the resources of actors that wait for long, or in the way of others."""
        crowded = len(self._actors) > self._room
        for slot in self._actors.keys() - self._tasks.keys():
            if crowded or time.monotonic() > slot.extra["idle_since"] + _LINGER:
                self._end_actor(slot)

    def _hear(self, slot: Slot, stream: Any) -> None:
        """Take the next result of a stream."""
        task = self._tasks[slot]
        try:
            events = self._ray.get(next(stream))
        except StopIteration:
            self._lose(slot)
        except self._ray.exceptions.RayError as error:
            self._lose(slot, error)
        else:
            for event in events:
                if self._tasks.get(slot) is not task:
                    break  # it has ended, or has begun again
                try:
                    self._handle(slot, task, event)
                except StorageError as problem:
                    found = {"event": "storage", "trial": task.name, "problem": str(problem)}
                    self._settle(slot, found)

    def _handle(self, slot: Slot, task: _Task, event: Event) -> None:
        match event["event"]:
            case "begun":
                task.host, task.node = event["host"], event["node"]
            case "unfit" | "unseen" if task.ending is not None:
                self._lose(slot)
            case "unfit":
                text = self._cluster.leave_out(task.node, task.host, event["why"])
                self._emit({"event": "say", "text": text})
                self._end_actor(slot)
                self._room = self._cluster.room()  # an error, if no node is left
                self._begin(slot, task.what)
            case "unseen":
                folder = self._folder.trial(task.name)
                folder.clean()
                self._begin(slot, task.what, pack(trial_files(folder.path), self._store))
            case "files":
                self._accept(slot, task, event)
            case what if what in FINAL:
                self._settle(slot, event)
            case _:
                self._emit(event)

    def _accept(self, slot: Slot, task: _Task, event: Event) -> None:
        """Write what a node sent, if this run still holds the trial."""
        folder = self._folder.trial(task.name)
        try:
            if holds_lease(folder, task.what["request"]["owner"]):
                unpack(folder.path, event["files"], event["removed"], self._store)
                return
            task.ending = Ending("interrupted", "another run has taken the trial over")
        except ValueError as error:
            task.ending = Ending("crashed", f"node {task.host} sent wrong files: {error}")
        self._lose(slot)

    def _lose(self, slot: Slot, error: Exception | None = None) -> None:
        """Give a task up, or find that Ray has lost it."""
        task = self._tasks[slot]
        subject = {"group" if "group" in task.what else "trial": task.name}
        ending = task.ending or self._ending(task, error)
        self._settle(slot, {"event": "lost", **subject, **vars(ending)})

    def _settle(self, slot: Slot, final: Event) -> None:
        del self._tasks[slot]
        slot.extra["idle_since"] = time.monotonic()
        if final["event"] in ("lost", "storage"):
            self._end_actor(slot)
        self._emit(final)

    def _ending(self, task: _Task, error: Exception | None) -> Ending:
        """What a row says of a stream that broke off with this error of Ray."""
        known, where = self._ray.exceptions, f"node {task.host}" if task.host else "its node"
        if isinstance(error, known.OutOfMemoryError):
            return Ending("oom", f"{where} ran out of memory, and Ray ended its worker")
        if error is None:
            return Ending("crashed", f"its Ray worker on {where} ended without a result")
        if isinstance(error, known.RayTaskError):
            return Ending("crashed", f"its Ray worker failed on {where}: {one_line(error.cause)}")
        return Ending("crashed", f"{where} was lost, or its Ray worker died", outside=True)


@dataclass(eq=False)
class _Task:
    """A trial, or the preparation of a group, from its submission to its end.

    :ivar what: the task as `NodeWorker.run` takes it.
    :ivar stream: Ray's reference to the events that come.
    :ivar host: the name of its node; empty while it waits for room.
    :ivar ending: how it is to end, if it is not to go on; it is given up at its ``deadline``.
    """

    what: Mapping[str, Any]
    stream: Any
    host: str = ""
    node: str = ""
    ending: Ending | None = None
    deadline: float = math.inf

    @property
    def name(self) -> str:
        """The trial's id, or the group."""
        return str(self.what.get("group", self.what["trial"]))
