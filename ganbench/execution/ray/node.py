"""A node's side: one worker process of ganbench, and the events of its trials.

The actor trains nothing itself: a plugin that kills its process loses its trial alone. When the
actor dies, the worker process ends too.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganbench import __version__
from ganbench.base.errors import GanbenchError, StorageError, UsageError
from ganbench.base.paths import cache_root, data_root
from ganbench.execution.ray.plugin_transfer import adopt_plugins
from ganbench.execution.ray.scratch import scratch_folder
from ganbench.execution.ray.transfer import ChangedFiles, Packed, UrlStore, unpack
from ganbench.execution.share.leases import holds_lease
from ganbench.execution.supervise.local_executor import LocalExecutor
from ganbench.execution.supervise.messages import Ending, Event, Slot, TrialRequest, WorkerSetup
from ganbench.registry.discovery import canonical, installed_entry_points
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder

#: Each task ends with one of these events.
FINAL = ("ended", "storage", "lost", "prepared")
#: The variables of ganbench.
PREFIX = "GANBENCH_"
_LOOKS = 5  # at a folder that another machine has just written to


@dataclass(eq=False)
class NodeWorker:
    """One worker process, for one task at a time.

    :ivar orders: gets the key of a task, and its ending or None to stop it.
    :ivar wanted: the driver's `versions`.
    :ivar setup: the fields of the driver's `WorkerSetup`.
    :ivar folder: the driver's working directory.
    :ivar environment: the driver's variables of ganbench.
    :ivar store: URL of the store for files; None sends them through Ray.
    :ivar plugins: the driver's `packed_plugins`.
    """

    orders: list[tuple[int, Mapping[str, Any] | None]]
    wanted: Mapping[str, str]
    setup: Mapping[str, Any]
    folder: str
    environment: Mapping[str, str]
    store: str | None
    plugins: Sequence[Mapping[str, Any]] = ()
    _events: deque[Event] = field(default_factory=deque)
    _executor: LocalExecutor | None = None

    def run(self, task: Mapping[str, Any], files: Packed | None) -> Iterator[list[Event]]:
        """Prepare a group or run a trial, and stream what happens.

        Beside the events of executors there are ``unfit`` (``why`` the node can run no trial),
        ``unseen`` (the run folder is not here: run again with files) and ``files``, see
        `ChangedFiles.look`.

        :param task: its ``key``, its ``trial``, and its ``request`` or the ``group`` to prepare.
        :param files: the trial's files, for a node that does not see the run folder.
        """
        try:
            executor = self._executor = self._executor or self._start()
            while not executor.free():  # it tidies up after the trial before
                executor.poll(0.1)
            self._events.clear()
            yield from (events for events in self._work(executor, task, files) if events)
        except StorageError as error:
            problem = f"{socket.gethostname()}: {error}"
            yield [{"event": "storage", "trial": task["trial"], "problem": problem}]
        except GanbenchError as error:
            yield [{"event": "unfit", "why": str(error)}]

    def _start(self) -> LocalExecutor:
        problem = mismatch(self.wanted, versions())
        if problem is not None:
            raise UsageError(problem)
        _adopt(self.folder, self.environment)
        adopt_plugins(self.plugins)
        setup = _with_own_folders(WorkerSetup.from_dict(self.setup))
        return LocalExecutor(setup, self._events.append, [Slot("ray")])

    def _work(
        self, executor: LocalExecutor, task: Mapping[str, Any], files: Packed | None
    ) -> Iterator[list[Event]]:
        (slot,) = executor.free()
        if "group" in task:
            executor.prepare(slot, task["group"], task["trial"])
            yield from self._follow(executor, task)
            return
        request = TrialRequest(**task["request"])
        if files is not None:
            store = None if self.store is None else UrlStore(self.store)
            with scratch_folder() as root:
                folder = RunFolder(root).create().trial(request.trial).path
                folder.mkdir()
                unpack(folder, files, (), store)
                changed = ChangedFiles(folder, store)
                # No owner: only the driver sees whether it still holds the trial.
                executor.submit(slot, dataclasses.replace(request, folder=str(root), owner=""))
                for events in self._follow(executor, task):
                    yield changed.look(_is_over(events)) + events
        elif _sees(RunFolder(request.folder).trial(request.trial), request.owner):
            executor.submit(slot, request)
            yield from self._follow(executor, task)
        else:
            yield [{"event": "unseen"}]

    def _follow(self, executor: LocalExecutor, task: Mapping[str, Any]) -> Iterator[list[Event]]:
        """What happens, up to the final event; an empty list now and then if nothing does."""
        events: list[Event] = []
        while not _is_over(events):
            executor.poll(0.2)
            while self.orders:
                key, ending = self.orders.pop(0)
                if key != task["key"]:
                    continue  # its task has ended
                if ending is None:
                    executor.stop(task["trial"])
                else:
                    executor.kill(task.get("group", task["trial"]), Ending(**ending))
            events = [dict(event) for event in self._events]
            self._events.clear()
            yield events


def _is_over(events: Sequence[Event]) -> bool:
    return any(event["event"] in FINAL for event in events)


def _sees(folder: TrialFolder, owner: str) -> bool:
    """Whether this node sees the run folder: then it sees that the owner holds the trial.

    A machine may take a moment to see what another one wrote.
    """
    for _ in range(_LOOKS if folder.path.is_dir() else 1):
        if holds_lease(folder, owner):
            return True
        time.sleep(0.5)
    return False


def _adopt(folder: str, environment: Mapping[str, str]) -> None:
    """Take over the driver's directory and variables, except for paths that do not exist here."""
    if os.path.isdir(folder):
        os.chdir(folder)
    for name, value in list(os.environ.items()):
        if name.startswith(PREFIX) and not os.path.isabs(value):
            del os.environ[name]
    for name, value in environment.items():
        if not os.path.isabs(value) or os.path.exists(value):
            os.environ[name] = value


def _with_own_folders(setup: WorkerSetup) -> WorkerSetup:
    """The setup with this node's folders in place of those of the driver that do not exist here."""
    root = setup.root if os.path.exists(setup.root) else str(data_root())
    cache = setup.cache if os.path.exists(setup.cache) else str(cache_root())
    return dataclasses.replace(setup, root=root, cache=cache)


def versions() -> dict[str, str]:
    """The version of everything that must be equal on all nodes, by name.

    It imports neither torch nor a plugin.
    """
    # After the plus sign stands how torch was built: for CPUs or GPUs.
    torch = importlib.metadata.version("torch").partition("+")[0]
    plugins = {
        f"plugin {canonical(point.dist.name)}:{point.name}": point.dist.version
        for point in installed_entry_points()
        if point.dist is not None
    }
    return {"ganbench": __version__, "torch": torch} | dict(sorted(plugins.items()))


def mismatch(wanted: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """Name the first difference in one sentence; None if the versions are equal.

    :param wanted: the `versions` of the driver.
    :param found: the `versions` of the node.
    """
    for name in {**wanted, **found}:
        if wanted.get(name) != found.get(name):
            node, run = (
                f"has {name} {known[name]}" if name in known else f"lacks {name}"
                for known in (found, wanted)
            )
            return f"it {node}, this run {run}: all nodes need the same"
    return None
