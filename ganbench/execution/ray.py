"""Trials on the nodes of a Ray cluster: a Ray task for each, which Ray places and never repeats.

What nodes tell goes through a mailbox, an actor on the driver's node. Tasks are told what to do as
JSON: ``key`` (names the task), ``trial``, ``order`` or ``group``, ``setup``, ``folder`` (the driver's),
``environment``, ``isolate``, ``store`` and ``versions``.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ganbench.errors import StorageError
from ganbench.execution import ray_remote
from ganbench.execution.claims import holds_claim
from ganbench.execution.courier import deliver, read_all, remove
from ganbench.execution.import_path import import_path
from ganbench.execution.options import RunOptions
from ganbench.execution.orders import Emit, Ending, Order, Setup, Slot
from ganbench.execution.process import MARK
from ganbench.execution.ray_cluster import Cluster, last_line
from ganbench.execution.ray_crew import PREFIX
from ganbench.execution.ray_endings import of_task
from ganbench.execution.ray_freight import pack, store_of
from ganbench.execution.ray_post import Post
from ganbench.execution.ray_versions import versions
from ganbench.results.store import RunFolder

_FINAL = ("ended", "storage", "lost", "prepared")
_GRACE = 15.0  # seconds for a node to end a trial itself and to hand over what it left
_PATIENCE = 30.0  # seconds for Ray to end a task by force
_FAREWELL = 3.0  # the same when the run is over
_RECOUNT = 2.0  # seconds between two looks at the cluster's size
_TAKEN_OVER = "another run has taken it over"


class RayExecutor:
    """Trials as Ray tasks.

    :param folder: the run folder; nodes that do not see it send their files here.
    :raises UsageError: if Ray is missing, the cluster is not to be reached, or no node of it can run
        a trial.
    """

    def __init__(self, setup: Setup, emit: Emit, folder: RunFolder, options: RunOptions) -> None:
        self._emit, self._folder, self._options = emit, folder, options
        self._runs: dict[str, _Run] = {}
        self._versions = versions()
        self._url = None if options.store is None else f"{options.store.rstrip('/')}/{_unique()}"
        self._store = store_of(self._url)
        self._store.check()
        self._cluster = Cluster(options.ray_address)
        try:
            self._need = self._cluster.need(options)
            device = "cuda" if self._need.gpus else "cpu"
            self._setup = replace(setup, device=device, threads=self._need.cpus)
            for sentence in self._cluster.check(self._need):
                self._say(sentence)
            self._post = Post(self._cluster)
            self._enter = self._cluster.remote(
                ray_remote.enter, num_cpus=self._need.cpus, num_gpus=self._need.gpus
            )
        except BaseException:
            self._cluster.close()
            self._store.clear()
            raise
        self._slots: list[Slot] = []
        self._recount_at, self._has_room = 0.0, True
        self._count_slots()

    @property
    def jobs(self) -> int:
        """How many trials can be under way at a time, as things are."""
        return len(self._slots)

    def free(self) -> Sequence[Slot]:
        self._count_slots()
        busy = {id(run.slot) for run in self._runs.values()}
        return [slot for slot in self._slots if id(slot) not in busy]

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        slot.group = group
        self._give(slot, {"trial": trial, "group": group}, None)

    def submit(self, slot: Slot, order: Order) -> None:
        slot.group = order.group
        self._give(slot, {"trial": order.trial, "order": order.as_dict()}, order)

    def poll(self, seconds: float) -> None:
        tasks = {run.task: run for run in self._runs.values()}
        ended = self._post.wait(list(tasks), seconds)
        # What a task told before its end was told before this question.
        for key, message in self._post.news(all_of_it=bool(ended)):
            self._hear(key, message)
        for task in ended:
            self._settle(tasks[task])
        for run in list(self._runs.values()):
            if time.monotonic() > run.deadline:
                self._settle(run) if run.cancelled else self._cancel(run)

    def stop(self, trial: str) -> None:
        for run in self._runs.values():
            if run.order is not None and run.order.trial == trial:
                self._order(run, {"do": "stop"})

    def kill(self, trial: str, ending: Ending) -> None:
        for run in self._runs.values():
            if run.name == trial:
                self._end(run, ending, _GRACE)

    def close(self) -> None:
        ray, runs = self._cluster.ray, list(self._runs.values())
        with contextlib.suppress(ray.exceptions.RayError):
            for run in runs:
                self._end(run, Ending("interrupted", "the run was ended"), _FAREWELL)
            if runs:
                tasks = [run.task for run in runs]
                ray.wait(tasks, num_returns=len(tasks), timeout=_FAREWELL)
            for run in runs:
                self._cancel(run)
            self._post.close()
        self._cluster.close()
        self._store.clear()

    def _give(self, slot: Slot, what: dict[str, Any], order: Order | None) -> None:
        key = _unique()
        task = what | {
            "key": key,
            "setup": self._setup.as_dict(),
            "folder": os.getcwd(),
            "environment": _environment(),
            "isolate": self._options.isolate,
            "store": self._url,
            "versions": self._versions,
        }
        box = self._post.box
        enter = self._enter.options(name=what["trial"], scheduling_strategy=self._strategy())
        reference = enter.remote(import_path(), "work", json.dumps(task), box)
        self._runs[key] = _Run(key, what.get("group", what["trial"]), slot, reference, box, order)

    def _strategy(self) -> Any:
        """Ray chooses the node, unless there are some that cannot run trials."""
        if self._cluster.uniform:
            return "SPREAD"
        rooms = self._cluster.rooms(self._need)
        if not rooms:
            return "SPREAD"  # and it will wait for a node
        busy = Counter(run.node for run in self._runs.values())
        return self._cluster.on_node(max(rooms, key=lambda node: rooms[node] - busy[node]))

    def _count_slots(self) -> None:
        """As many slots as were asked for, or as the cluster has room for at present."""
        if time.monotonic() < self._recount_at:
            return
        self._recount_at = time.monotonic() + _RECOUNT
        rooms = self._cluster.rooms(self._need)
        if bool(rooms) != self._has_room:
            self._has_room = bool(rooms)
            self._say(
                f"the Ray cluster has {'nodes again' if rooms else 'no node for trials left'}"
            )
        asked = self._options.jobs
        count = sum(rooms.values()) if asked == "auto" else int(asked)
        del self._slots[count:]
        self._slots += [Slot(f"ray-{number}") for number in range(len(self._slots), count)]

    def _hear(self, key: str, message: Mapping[str, Any]) -> None:
        """Something that a task told."""
        run, what = self._runs.get(key), message["event"]
        if run is None:
            self._dismiss(key, what)
            return
        if what == "begun":
            self._begun(run, message)
        elif what == "files":
            self._send_files(run)
        elif what == "parcel":
            self._accept(run, message)
        elif what in _FINAL:
            run.final = run.final or dict(message)
        else:
            self._emit(message)

    def _dismiss(self, key: str, what: str) -> None:
        """Answer a task that was given up, so that it ends."""
        if what == "parcel":
            self._post.order(self._post.box, key, {"do": "delivered"})
        elif what not in _FINAL:
            ending = Ending("interrupted", "it was given up")
            self._post.order(self._post.box, key, {"do": "kill", "ending": asdict(ending)})

    def _begun(self, run: _Run, message: Mapping[str, Any]) -> None:
        run.begun, run.host, run.node = True, message["host"], message["node"]
        problem = message.get("unfit")
        if problem is not None:
            self._say(self._cluster.leave_out(run.node, run.host, problem))
            ending = Ending("crashed", f"node {run.host} could not run it", outside=True)
            run.final = run.name_as_event() | {"event": "lost", **vars(ending)}

    def _send_files(self, run: _Run) -> None:
        """Give a node what the trial has in the run folder."""
        assert run.order is not None
        folder = self._folder.trial(run.order.trial)
        folder.clean()
        run.sent = pack(read_all(folder.path), self._store)
        self._order(run, {"do": "files", "pieces": [tuple(piece) for piece in run.sent]})

    def _accept(self, run: _Run, message: Mapping[str, Any]) -> None:
        """Write what a node sent, if the trial is still ours."""
        assert run.order is not None
        folder = self._folder.trial(run.order.trial)
        try:
            if run.final is None and not holds_claim(folder, run.order.owner):
                run.final = {"event": "ended", "status": "interrupted", "error": _TAKEN_OVER}
                run.final |= run.name_as_event()
                self._end(run, Ending("interrupted", _TAKEN_OVER), _GRACE)
            if run.final is None:
                deliver(folder.path, message["pieces"], self._store.get)
                remove(folder.path, message["gone"])
        except StorageError as error:
            run.final = run.name_as_event() | {"event": "storage", "problem": str(error)}
            self._end(run, Ending("crashed", str(error)), _GRACE)
        except (ValueError, TimeoutError, self._cluster.ray.exceptions.RayError) as error:
            # Most likely the node is gone with what it had to give.
            why = f"files from node {run.host} did not arrive: {last_line(error)}"
            self._end(run, Ending("crashed", why, outside=True), _GRACE)
        self._order(run, {"do": "delivered"})

    def _settle(self, run: _Run) -> None:
        """A task is over, or given up: tell what became of it."""
        del self._runs[run.key]
        for piece in run.sent:
            self._store.drop(piece.content)
        final = run.final
        if final is None or (final["event"] == "lost" and run.ending is not None):
            ending = run.ending or of_task(self._error(run), run.host)
            final = run.name_as_event() | {"event": "lost", **vars(ending)}
        if final["event"] == "lost":
            run.slot.group = ""
        self._emit(final)

    def _error(self, run: _Run) -> Exception | None:
        """What a task that is over raised."""
        try:
            self._cluster.ray.get(run.task)
        except Exception as error:
            return error
        return None

    def _end(self, run: _Run, ending: Ending, grace: float) -> None:
        """Have a node end a trial, or Ray do so if it does not or has not begun."""
        run.ending = ending
        if run.begun:
            self._order(run, {"do": "kill", "ending": asdict(ending)})
            run.deadline = time.monotonic() + grace
        else:
            self._cancel(run)

    def _cancel(self, run: _Run) -> None:
        """Have Ray end a task by force; the trial's process follows, since it belongs to it."""
        run.cancelled, run.deadline = True, time.monotonic() + _PATIENCE
        self._cluster.ray.cancel(run.task, force=True)

    def _say(self, text: str) -> None:
        self._emit({"event": "say", "text": text})

    def _order(self, run: _Run, message: Mapping[str, Any]) -> None:
        self._post.order(run.box, run.key, message)


@dataclass(eq=False)
class _Run:
    """A task, from its submission to its end.

    :ivar name: the trial's id, or the group that is prepared.
    :ivar task: Ray's reference to it.
    :ivar box: the mailbox that it writes to.
    :ivar begun: whether it has been heard of: before, it waits until a node has room.
    :ivar ending: how it is to end, if it is to be ended.
    :ivar deadline: when it is ended by force, and given up if even that has no effect.
    :ivar cancelled: whether it was ended by force.
    :ivar final: the event that it ends with.
    :ivar sent: files that were given to its node.
    """

    key: str
    name: str
    slot: Slot
    task: Any
    box: Any
    order: Order | None
    begun: bool = False
    host: str = ""
    node: str = ""
    ending: Ending | None = None
    deadline: float = math.inf
    cancelled: bool = False
    final: dict[str, Any] | None = None
    sent: list[Any] = field(default_factory=list)

    def name_as_event(self) -> dict[str, Any]:
        """Which trial or group it is about."""
        return {"trial" if self.order is not None else "group": self.name}


def _unique() -> str:
    return f"ganbench-{uuid.uuid4().hex}"


def _environment() -> dict[str, str]:
    """What a person has told ganbench by variables."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and name != MARK
    }
