"""What a Ray worker does with a task: it has a worker process of ganbench do it, and tells of it.

The task is thin: training happens in a process of its own, as everywhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from ganbench.errors import GanbenchError, StorageError
from ganbench.execution.claims import holds_claim
from ganbench.execution.courier import Outbox, deliver
from ganbench.execution.local import LocalExecutor
from ganbench.execution.orders import Ending, Event, Order
from ganbench.execution.ray_crew import CREW
from ganbench.execution.ray_freight import Freight, fetched, store_of
from ganbench.execution.ray_versions import mismatch, versions
from ganbench.execution.scratch import scratch_folder
from ganbench.results.store import RunFolder, TrialFolder

_FINAL = ("ended", "storage", "lost", "prepared")
_ANSWER = 60.0  # seconds that the driver's node may take to answer
_WORD = 0.5  # seconds between two words to the driver
_LOOKS = 5  # at a folder that another machine has just written to


def look(wanted: str) -> str | None:
    """Why trials cannot run on this node; None if they can.

    :param wanted: the driver's `versions` as JSON.
    """
    return mismatch(json.loads(wanted), versions())


def work(text: str, mailbox: Any) -> None:
    """Prepare a group or run a trial; all that comes of it goes to the mailbox.

    :param text: the task as JSON, see `ganbench.execution.ray`.
    """
    import ray

    task = json.loads(text)
    host, node = socket.gethostname(), ray.get_runtime_context().get_node_id()
    link = _Link(mailbox, task["key"])
    begun = {"event": "begun", "host": host, "node": node}
    unfit = mismatch(task["versions"], versions())
    if unfit is not None:
        link.tell([begun | {"unfit": unfit}])
        return
    shift = _Shift(task, link)
    try:
        with CREW.at_work(task) as (executor, told):
            shift.exchange([begun])
            shift.run(executor, told)
    except StorageError as error:
        problem = f"{host}: {error}"
        link.tell([{"event": "storage", "trial": task["trial"], "problem": problem}])
    except GanbenchError as error:  # worker processes do not start here
        link.tell([begun | {"unfit": str(error)}])


class _Link:
    """A task's way to the driver and back."""

    def __init__(self, mailbox: Any, key: str) -> None:
        self._mailbox, self._key = mailbox, key

    def tell(self, messages: list[Any]) -> list[Any]:
        """Say something; gives the orders that have come in.

        :raises Exception: if the driver is gone.
        """
        orders: list[Any] = fetched(self._mailbox.tell.remote(self._key, messages), _ANSWER)
        return orders


class _Shift:
    """One task from its order to its end."""

    def __init__(self, task: Mapping[str, Any], link: _Link) -> None:
        self._task, self._link = task, link
        self._executor: LocalExecutor | None = None  # once it has the task
        self._freight: Freight | None = None
        self._files: list[Any] | None = None
        self._ending: Ending | None = None
        self._to_stop = self._started = False

    def run(self, executor: LocalExecutor, told: deque[Event]) -> None:
        """Returns when the driver knows how the task ended."""
        task, slot = self._task, executor.free()[0]
        with contextlib.ExitStack() as stack:
            if "order" in task:
                order = self._settle_in(Order(**task["order"]), stack)
                if self._ending is not None:
                    lost = {"event": "lost", "trial": order.trial, **vars(self._ending)}
                    self._link.tell([lost])
                    return
                executor.submit(slot, order)
            else:
                executor.prepare(slot, task["group"], task["trial"])
            self._executor = executor
            final = dict(self._watch(executor, told))
            if self._freight is not None:
                self._hand_over(self._freight)
            self._link.tell([final])

    def exchange(self, messages: list[Any]) -> None:
        """Tell something, and do what the driver wants."""
        for message in self._link.tell(messages):
            self._obey(message)
        if self._to_stop and self._started and self._executor is not None:
            self._executor.stop(self._task["trial"])

    def _obey(self, message: Mapping[str, Any]) -> None:
        match message["do"]:
            case "stop":
                self._to_stop = True
            case "kill":
                self._ending = Ending(**message["ending"])
                if self._executor is not None:
                    name = self._task.get("group", self._task["trial"])
                    self._executor.kill(name, self._ending)
            case "files":
                self._files = message["pieces"]
            case "delivered":
                assert self._freight is not None
                self._freight.delivered()

    def _settle_in(self, order: Order, stack: contextlib.ExitStack) -> Order:
        """The order, in a folder of this node's own if the run folder is not to be seen from here."""
        if _sees(RunFolder(order.folder).trial(order.trial), order.owner):
            return order
        root = stack.enter_context(scratch_folder())
        folder = RunFolder(root).create().trial(order.trial).path
        folder.mkdir()
        store = store_of(self._task["store"])
        deliver(folder, self._fetch_files(), store.get)
        self._freight = Freight(Outbox(folder), store)
        return dataclasses.replace(order, folder=str(root), owner="")

    def _fetch_files(self) -> list[Any]:
        """What the trial has in the run folder; nothing if it is not wanted any more."""
        self.exchange([{"event": "files"}])
        while self._files is None and self._ending is None:
            time.sleep(0.05)
            self.exchange([])
        return self._files or []

    def _watch(self, executor: LocalExecutor, told: deque[Event]) -> Event:
        """See the work through to its final event, talking to the driver all the while."""
        news: list[Any] = []
        next_word = 0.0
        while True:
            executor.poll(0.2)
            while told:
                event = told.popleft()
                if event["event"] in _FINAL:
                    self.exchange(news)
                    return event
                if event["event"] == "started":
                    self._started, next_word = True, 0.0
                news.append(dict(event))
            if time.monotonic() >= next_word:
                next_word = time.monotonic() + _WORD
                news += self._freight.parcel() if self._freight is not None else []
                self.exchange(news)
                news = []

    def _hand_over(self, freight: Freight) -> None:
        """Have everything that the trial left in the run folder before its end is told."""
        while True:
            parcel = freight.parcel(final=True)
            if not parcel and not freight.under_way:
                return
            self.exchange(parcel)
            time.sleep(0.02)


def _sees(folder: TrialFolder, owner: str) -> bool:
    """Whether the run folder can be seen from here: then so can its owner's claim on the trial.

    A machine may take a moment to see what another one wrote.
    """
    for _ in range(_LOOKS if folder.path.is_dir() else 1):
        if holds_claim(folder, owner):
            return True
        time.sleep(0.5)
    return False
