"""Worker processes on this machine: each in its own process group, reused, replaced when they die."""

from __future__ import annotations

import contextlib
import resource
import selectors
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.execution.supervise.endings import LOST_CONNECTION, of_process, oom_kills
from ganbench.execution.supervise.logfile import LogFile
from ganbench.execution.supervise.messages import Emit, Ending, Slot, TrialRequest, WorkerSetup
from ganbench.execution.supervise.worker_process import WorkerProcess
from ganbench.execution.supervise.worker_slot import WorkerSlot
from ganbench.store.run_folder import RunFolder

_LAST_REPORT = 2.0  # seconds that the end of a run waits for workers that have reported an end
_LEAVE = 5.0  # seconds that a worker has to end by itself
_FILES, _FILES_EACH = 64, 6  # open files of the supervisor, and for each worker
_START = 300.0  # seconds for a worker to load its libraries and to plan the grid
_NOT_BEGUN = f"its worker did not begin with it within {_START:g}s"
_TIDY_UP = 15.0  # seconds between a trial's row and being free for the next
_SILENT_DEATH = 5.0  # seconds that a process may live on after it closed its events


class LocalExecutor:
    """As many workers as there are slots.

    :param slots: a slot's ``extra`` may hold ``environment``, the variables of its worker, and
        ``device``, in place of the setup's.
    """

    def __init__(self, setup: WorkerSetup, emit: Emit, slots: Iterable[Slot]) -> None:
        self._setup, self._emit = setup, emit
        self._slots = {slot: WorkerSlot(slot) for slot in slots}
        self._selector = selectors.DefaultSelector()
        self._leaving: dict[WorkerProcess, float] = {}
        self._failed_starts = 0
        _allow_files(len(self._slots))

    def free(self) -> Sequence[Slot]:
        return [slot for slot, place in self._slots.items() if not place.busy]

    def widen(self, slots: Iterable[Slot]) -> None:
        """Add the slots that are not there yet, and start workers for all."""
        known = {slot.name for slot in self._slots}
        self._slots |= {slot: WorkerSlot(slot) for slot in slots if slot.name not in known}
        _allow_files(len(self._slots))
        self.warm_up()

    def warm_up(self) -> None:
        """Start the workers, so that they load their libraries while the run is being planned."""
        for place in self._slots.values():
            self._worker(place)

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        place = self._slots[slot]
        place.preparing, slot.group = group, group
        self._send(place, {"do": "prepare", "group": group, "trial": trial})

    def submit(self, slot: Slot, request: TrialRequest) -> None:
        place = self._slots[slot]
        place.request, slot.group = request, request.group
        place.log = LogFile(RunFolder(request.folder).trial(request.trial).log_txt)
        if place.ready:
            place.set_deadline(_START, _NOT_BEGUN)
        self._send(place, {"do": "run", "request": vars(request)})

    def poll(self, seconds: float) -> None:
        self._end_leaving()
        readable = {key.data for key, _ in self._selector.select(seconds)}
        for place in self._slots.values():
            worker = place.worker
            if worker is not None and (place in readable or worker.exit_code() is not None):
                self._read(place, worker)
            if place.late:
                self._end(place, Ending("crashed", place.overdue))

    def stop(self, trial: str) -> None:
        for place in self._slots.values():
            if place.trial == trial and place.worker is not None:
                place.worker.send({"do": "stop", "trial": trial})

    def kill(self, trial: str, ending: Ending) -> None:
        for place in self._slots.values():
            if trial in (place.preparing, place.trial):
                if place.worker is not None and ending.status == "timeout":
                    place.worker.dump_stacks()
                self._end(place, ending)

    def close(self) -> None:
        end = time.monotonic() + _LAST_REPORT
        while any(place.reported for place in self._slots.values()) and time.monotonic() < end:
            self.poll(0.02)
        for place in self._slots.values():
            if place.worker is not None:
                self._dismiss(place, gently=place.ready and not place.busy)
        while self._leaving:
            self._end_leaving()
            time.sleep(0.005)
        self._selector.close()

    def _send(self, place: WorkerSlot, message: Mapping[str, Any]) -> None:
        place.kills_before = oom_kills()
        self._worker(place).send(message)

    def _worker(self, place: WorkerSlot) -> WorkerProcess:
        """The slot's worker, started if it has none."""
        if place.worker is None:
            extra = place.slot.extra
            worker = WorkerProcess(extra.get("environment", {}), self._setup.threads)
            place.occupy(worker)
            place.set_deadline(_START, f"its worker did not start within {_START:g}s")
            for descriptor in worker.watched:
                self._selector.register(descriptor, selectors.EVENT_READ, place)
            setup = self._setup.as_dict() | {"device": extra.get("device", self._setup.device)}
            worker.send({"do": "begin", "setup": setup})
            return worker
        return place.worker

    def _read(self, place: WorkerSlot, worker: WorkerProcess) -> None:
        """Read from a worker that has something to say, or has died."""
        code = worker.exit_code()
        events = worker.read_events()
        place.take_output()  # before the events: it belongs to the trial that they may end
        for event in events:
            self._handle(place, event)
        if place.worker is not worker:
            return
        if code is not None:
            self._end(place, of_process(code, place.last_output, place.kills_before))
            return
        for pipe in worker.exhausted:
            self._forget(pipe)
        if worker.events in worker.exhausted and not place.deadline:
            place.set_deadline(_SILENT_DEATH, LOST_CONNECTION)

    def _handle(self, place: WorkerSlot, event: dict[str, Any]) -> None:
        what = event["event"]
        if what == "ready":
            place.ready, place.deadline, self._failed_starts = True, 0.0, 0
            if place.request is not None:
                place.set_deadline(_START, _NOT_BEGUN)
        elif what == "idle":
            place.release()
            clean = bool(event.get("clean"))
            if self._setup.options.isolate or not clean:
                self._dismiss(place, gently=clean)
        else:
            if what in ("ended", "storage"):
                place.reported = True
                place.set_deadline(_TIDY_UP, "its worker did not become free")
            if what == "started":
                place.deadline = 0.0
            if what == "prepared":
                place.release()
                if not event.get("clean", True):
                    self._dismiss(place, gently=False)
            self._emit(event)

    def _dismiss(self, place: WorkerSlot, gently: bool) -> None:
        """Free a slot from its worker; gently, it may end by itself: trackers have much to do."""
        worker = self._vacate(place)
        if gently:
            worker.send({"do": "quit"})
            self._leaving[worker] = time.monotonic() + _LEAVE
        else:
            worker.end()
            worker.close()

    def _end_leaving(self) -> None:
        """End dismissed workers that have left, or take too long."""
        for worker, until in list(self._leaving.items()):
            worker.read_output()  # a full pipe would hold it up
            if worker.exit_code() is not None or time.monotonic() > until:
                worker.end()
                worker.close()
                del self._leaving[worker]

    def _end(self, place: WorkerSlot, ending: Ending) -> None:
        """End a worker, or what a dead one has left, with everything that it started."""
        worker = place.worker
        assert worker is not None
        worker.end()
        place.take_output()
        for event in worker.read_events():
            if event["event"] not in ("ready", "idle"):
                self._handle(place, event)
        if place.worker is not worker:  # it had done its work
            return
        if not place.ready and not ending.outside and ending.status != "timeout":
            self._failed_start(place, ending)
        lost = {"trial": place.trial} if place.request else {"group": place.preparing}
        unreported = place.busy and not place.reported
        self._vacate(place).close()
        if unreported:
            self._emit({"event": "lost", **lost, **vars(ending)})

    def _failed_start(self, place: WorkerSlot, ending: Ending) -> None:
        """No trial is to blame for a worker that cannot start; a long run may see one of them."""
        self._failed_starts += 1
        if self._failed_starts >= 2 or place.preparing:
            printed = place.last_output.decode(errors="replace").strip().splitlines()
            why = printed[-1].strip() if printed else ending.error
            hint = "; the memory limit may be too low" if self._setup.options.memory_limit else ""
            raise UsageError(f"worker processes do not start: {why}{hint}")

    def _vacate(self, place: WorkerSlot) -> WorkerProcess:
        worker = place.vacate()
        for descriptor in worker.watched:
            self._forget(descriptor)
        return worker

    def _forget(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)


def _allow_files(workers: int) -> None:
    """Raise this process's limit of open files if so many workers need it.

    :raises UsageError: if the system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = _FILES + _FILES_EACH * workers
    if soft == resource.RLIM_INFINITY or need <= soft:
        return
    if hard != resource.RLIM_INFINITY and need > hard:
        raise UsageError(
            f"{workers} workers need {need} open files, and the system allows {hard}: "
            "lower jobs, or raise ulimit -n"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
