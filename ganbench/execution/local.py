"""Worker processes on this machine: each in its own process group, reused, replaced when they die."""

from __future__ import annotations

import contextlib
import resource
import selectors
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganbench.errors import UsageError
from ganbench.execution.endings import LOST_CONNECTION, of_process, oom_kills
from ganbench.execution.logfile import LogFile
from ganbench.execution.orders import Emit, Ending, Order, Setup, Slot
from ganbench.execution.process import WorkerProcess
from ganbench.results.store import RunFolder

_LAST_WORDS = 4096
_LAST_WORD = 2.0  # seconds that the end of a run waits for workers to become free
_FAREWELL = 5.0  # seconds that a worker has to end by itself
_FILES, _FILES_EACH = 64, 6  # open files of the supervisor, and for each worker
_START = 300.0  # seconds for a worker to load its libraries and to plan the grid
_NOT_BEGUN = f"its worker did not begin with it within {_START:g}s"
_TIDY_UP = 15.0  # seconds between a trial's row and being free for the next
_SILENT_DEATH = 5.0  # seconds that a process may live on after it closed its events


class LocalExecutor:
    """As many workers as there are slots.

    :param slots: a slot's ``extra`` may hold ``environment`` (variables of its worker) and
        ``device`` (in place of the setup's).
    :param isolate: a fresh process for every trial.
    """

    def __init__(
        self, setup: Setup, emit: Emit, slots: Iterable[Slot], isolate: bool = False
    ) -> None:
        self._setup, self._emit, self._isolate = setup, emit, isolate
        self._desks = [_Desk(slot) for slot in slots]
        self._selector = selectors.DefaultSelector()
        self._leaving: dict[WorkerProcess, float] = {}
        self._false_starts = 0
        _allow_files(len(self._desks))

    def free(self) -> Sequence[Slot]:
        return [desk.slot for desk in self._desks if not desk.busy]

    def warm_up(self) -> None:
        """Start the workers, so that they load their libraries while the run is being planned."""
        for desk in self._desks:
            self._worker(desk)

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        desk = self._desk_of(slot)
        desk.preparing, desk.slot.group = group, group
        self._give(desk, {"do": "prepare", "group": group, "trial": trial})

    def submit(self, slot: Slot, order: Order) -> None:
        desk = self._desk_of(slot)
        desk.order, desk.slot.group = order, order.group
        desk.log = LogFile(RunFolder(order.folder).trial(order.trial).log_txt)
        if desk.ready:
            desk.doom(_START, _NOT_BEGUN)
        self._give(desk, {"do": "run", "order": order.as_dict()})

    def poll(self, seconds: float) -> None:
        self._see_off()
        stirring = {key.data for key, _ in self._selector.select(seconds)}
        for desk in self._desks:
            worker = desk.worker
            if worker is not None and (desk in stirring or worker.exit_code() is not None):
                self._attend(desk, worker)
            if desk.doomed and time.monotonic() > desk.doomed and desk.worker is not None:
                self._bury(desk, Ending("crashed", desk.doomed_for))

    def stop(self, trial: str) -> None:
        for desk in self._desks:
            if desk.order is not None and desk.order.trial == trial and desk.worker is not None:
                desk.worker.send({"do": "stop", "trial": trial})

    def kill(self, trial: str, ending: Ending) -> None:
        for desk in self._desks:
            if trial in (desk.preparing, desk.order.trial if desk.order else None):
                if desk.worker is not None and ending.status == "timeout":
                    desk.worker.dump_stacks()
                self._bury(desk, ending)

    def close(self) -> None:
        end = time.monotonic() + _LAST_WORD
        while any(desk.told for desk in self._desks) and time.monotonic() < end:
            self.poll(0.02)  # a worker that has told all is free in a moment
        for desk in self._desks:
            if desk.worker is not None:
                self._dismiss(desk, in_peace=desk.ready and not desk.busy)
        while self._leaving:
            self._see_off()
            time.sleep(0.005)
        self._selector.close()

    def _give(self, desk: _Desk, message: Mapping[str, Any]) -> None:
        desk.kills_before = oom_kills()
        self._worker(desk).send(message)

    def _worker(self, desk: _Desk) -> WorkerProcess:
        """The desk's worker, started if there is none."""
        if desk.worker is None:
            extra = desk.slot.extra
            worker = WorkerProcess(extra.get("environment", {}), self._setup.threads)
            desk.worker, desk.ready = worker, False
            desk.doom(_START, f"its worker did not start within {_START:g}s")
            desk.last_words.clear()
            for descriptor in worker.watched:
                self._selector.register(descriptor, selectors.EVENT_READ, desk)
            setup = self._setup.as_dict() | {"device": extra.get("device", self._setup.device)}
            worker.send({"do": "begin", "setup": setup})
        return desk.worker

    def _attend(self, desk: _Desk, worker: WorkerProcess) -> None:
        """See to a worker that has something to say, or has died."""
        code = worker.exit_code()
        events = worker.read_events()
        self._take_output(desk)  # before the events: it belongs to the trial that they may end
        for event in events:
            self._heard(desk, event)
        if desk.worker is not worker:
            return
        if code is not None:
            self._bury(desk, of_process(code, b"".join(desk.last_words), desk.kills_before))
            return
        for pipe in worker.exhausted:
            self._forget(pipe)
        if worker.events in worker.exhausted and not desk.doomed:
            desk.doom(_SILENT_DEATH, LOST_CONNECTION)

    def _heard(self, desk: _Desk, event: dict[str, Any]) -> None:
        what = event["event"]
        if what == "ready":
            desk.ready, desk.doomed, self._false_starts = True, 0.0, 0
            if desk.order is not None:
                desk.doom(_START, _NOT_BEGUN)
        elif what == "idle":
            desk.release()
            if self._isolate or not event.get("clean"):
                self._dismiss(desk, in_peace=bool(event.get("clean")))
        else:
            if what in ("ended", "storage"):
                desk.told = True
                desk.doom(_TIDY_UP, "its worker did not become free")
            if what == "started":
                desk.doomed = 0.0
            if what == "prepared":
                desk.release()
            self._emit(event)

    def _dismiss(self, desk: _Desk, in_peace: bool) -> None:
        """Take a worker's place from it; in peace it may end by itself: trackers have much to do."""
        worker = desk.worker
        assert worker is not None
        self._vacate(desk)
        if in_peace:
            worker.send({"do": "quit"})
            self._leaving[worker] = time.monotonic() + _FAREWELL
        else:
            worker.end()
            worker.close()

    def _see_off(self) -> None:
        """End those that were dismissed and have left, or take too long."""
        for worker, until in list(self._leaving.items()):
            worker.read_output()  # a full pipe would hold it up
            if worker.exit_code() is not None or time.monotonic() > until:
                worker.end()
                worker.close()
                del self._leaving[worker]

    def _bury(self, desk: _Desk, ending: Ending) -> None:
        """Tell of a worker that died, or end it so, with everything that it started."""
        worker = desk.worker
        assert worker is not None
        worker.end()
        self._take_output(desk)
        for event in worker.read_events():
            if event["event"] not in ("ready", "idle"):
                self._heard(desk, event)
        if not desk.ready and not ending.outside and ending.status != "timeout":
            self._false_start(desk, ending)
        lost = {"trial": desk.order.trial} if desk.order else {"group": desk.preparing}
        untold = desk.busy and not desk.told
        self._let_go(desk)
        if untold:
            self._emit({"event": "lost", **lost, **vars(ending)})

    def _false_start(self, desk: _Desk, ending: Ending) -> None:
        """A worker that cannot even begin is nothing that a trial did; in a long run it may once."""
        self._false_starts += 1
        if self._false_starts >= 2 or desk.preparing:
            words = b"".join(desk.last_words).decode(errors="replace").strip().splitlines()
            why = words[-1].strip() if words else ending.error
            hint = "; the memory limit may be too low" if self._setup.memory_limit else ""
            raise UsageError(f"worker processes do not start: {why}{hint}")

    def _let_go(self, desk: _Desk) -> None:
        worker = desk.worker
        assert worker is not None
        self._vacate(desk)
        worker.close()

    def _vacate(self, desk: _Desk) -> None:
        """The desk is free for another worker."""
        assert desk.worker is not None
        for descriptor in desk.worker.watched:
            self._forget(descriptor)
        desk.worker = None
        desk.slot.group = ""
        desk.release()

    def _forget(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)

    def _take_output(self, desk: _Desk) -> None:
        assert desk.worker is not None
        data = desk.worker.read_output()
        if data:
            desk.last_words.append(data[-_LAST_WORDS:])
            if desk.log is not None:
                desk.log.write(data)

    def _desk_of(self, slot: Slot) -> _Desk:
        return next(desk for desk in self._desks if desk.slot is slot)


def _allow_files(workers: int) -> None:
    """Raise this process's limit of open files if so many workers need it.

    :raises UsageError: if the system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = _FILES + _FILES_EACH * workers
    if soft == resource.RLIM_INFINITY or need <= soft:
        return
    if hard != resource.RLIM_INFINITY and need > hard:
        raise UsageError(f"{workers} workers need {need} open files, of which {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))


@dataclass(eq=False)
class _Desk:
    """A slot, its worker if there is one, and what the worker is at."""

    slot: Slot
    worker: WorkerProcess | None = None
    ready: bool = False
    order: Order | None = None
    preparing: str = ""
    told: bool = False
    log: LogFile | None = None
    kills_before: int = 0
    doomed: float = 0.0
    doomed_for: str = ""
    last_words: deque[bytes] = field(default_factory=lambda: deque(maxlen=4))

    @property
    def busy(self) -> bool:
        return self.order is not None or bool(self.preparing)

    def doom(self, seconds: float, error: str) -> None:
        """The worker has so long to do what is expected of it."""
        self.doomed, self.doomed_for = time.monotonic() + seconds, error

    def release(self) -> None:
        """The work is done, or lost."""
        self.order, self.preparing, self.told, self.doomed = None, "", False, 0.0
        if self.log is not None:
            self.log.close()
            self.log = None
