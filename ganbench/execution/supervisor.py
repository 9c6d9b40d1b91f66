"""The supervisor: gives trials to an executor and sees to it that each of them gets its row."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganbench.errors import StorageError
from ganbench.execution.backlog import Backlog, Job
from ganbench.execution.callbacks import Audience
from ganbench.execution.claims import Claims, Presence
from ganbench.execution.options import duration
from ganbench.execution.orders import Ending, Event, Executor, Order, Slot, Status
from ganbench.execution.pace import Outlook
from ganbench.execution.progress import Progress
from ganbench.execution.remains import code_of, set_aside
from ganbench.grid.cell import Trial
from ganbench.registry.sources import changed_sources
from ganbench.results.schema import FAILURES, FINISHED
from ganbench.results.store import RunFolder, TrialFolder

#: Deaths from outside without progress in between after which a trial is given up.
STRIKES = 3
#: Seconds that trials have to save their state after a request to stop.
GRACE = 60.0
_BEAT, _LOOK = 2.0, 1.0
_TABLE_EVERY = 60.0
_STATUS_FIELDS = [field.name for field in dataclasses.fields(Status)]


@dataclass(frozen=True)
class Policy:
    """What is done about trials that do not end well.

    :ivar timeout: seconds that an attempt may take, or None.
    :ivar retries: further attempts after a failure.
    :ivar fail_fast: whether the first failure ends the run.
    :ivar keep_results: whether results of components' earlier code count.
    """

    timeout: float | None = None
    retries: int = 0
    fail_fast: bool = False
    keep_results: bool = False


class Supervisor:
    """Sees a run through.

    :param events: where the executor's events arrive.
    :param stop: whether a person wants the run to stop.
    :param name: of the executor, for those who watch.
    """

    def __init__(
        self,
        folder: RunFolder,
        executor: Executor,
        events: deque[Event],
        progress: Progress,
        audience: Audience,
        stop: Callable[[], bool],
        policy: Policy,
        jobs: int,
        name: str,
    ) -> None:
        self._folder, self._executor, self._events = folder, executor, events
        self._progress, self._audience, self._stop = progress, audience, stop
        self._policy, self._workers, self._name = policy, jobs, name
        self._backlog = Backlog(())
        self._running: dict[str, Job] = {}
        self._elsewhere: dict[str, Job] = {}
        self._stopping: float | None = None
        self._problem: str | None = None
        self._failed_fast = False
        self._total = self._left = self._trained = 0
        self._outlook = Outlook(0, jobs)
        self._started = _now()
        self._next_beat = self._next_look = 0.0
        self._next_table = time.monotonic() + _TABLE_EVERY
        self._unwritten = 0

    @property
    def trained(self) -> int:
        """Trials that were trained by this run."""
        return self._trained

    @property
    def interrupted(self) -> bool:
        """Whether a person stopped the run before its end."""
        stopped = self._stopping is not None or (self._stop() and self._left > 0)
        return stopped and not self._failed_fast

    def run(self, trials: Sequence[Trial], anew: Collection[str] = ()) -> None:
        """Train what is given.

        :param anew: ids of trials that begin at their start; what is there of them is set aside.
        :raises StorageError: when the run folder cannot be written any more; rows are as they were.
        :raises KeyboardInterrupt: when a person wants it to end at once.
        """
        jobs = [
            Job(trial, number, self._folder.trial(trial.id).row_stamp(), trial.id in anew)
            for number, trial in enumerate(trials, start=1)
        ]
        self._total = self._left = self._outlook.total = len(jobs)
        self._backlog = Backlog(jobs)
        self._presence = Presence(self._folder)
        self._claims = Claims(self._folder, self._presence)
        to_do = {job.id for job in jobs}
        self._claims.sweep(trial for trial in self._folder.trial_ids() if trial not in to_do)
        self._progress.begin(self._total, self._workers)
        try:
            self._beat()
            self._loop()
        except KeyboardInterrupt:
            self._stopping = self._stopping or time.monotonic()
            self._end_at_once()
            raise
        finally:
            with contextlib.suppress(StorageError):  # what cannot be given back lapses
                for job in self._running.values():
                    self._claims.release(job.id)
                self._presence.close()
        if self._problem is not None:
            raise StorageError(self._problem)

    def _loop(self) -> None:
        while len(self._backlog) or self._running or self._elsewhere:
            if self._stop() and self._stopping is None:
                self._begin_to_stop("stopping")
            if self._stopping is None:
                self._dispatch()
            elif not self._running:
                break
            self._executor.poll(0.2 if self._running else _LOOK / 2)
            while self._events:
                self._handle(self._events.popleft())
            self._keep_time()
            self._look_elsewhere()
            if time.monotonic() >= self._next_beat:
                self._beat()

    def _dispatch(self) -> None:
        """Give free slots something to do."""
        for slot in self._executor.free():
            while True:
                busy = [job.group for job in self._running.values()]
                job = self._backlog.next(slot.group, busy)
                if job is None:
                    return
                if self._claim(job):
                    self._begin(job, slot)
                    break

    def _claim(self, job: Job) -> bool:
        """Whether the job is ours to do now."""
        if not self._claims.take(job.id):
            self._elsewhere[job.id] = job
            return False
        if self._ended_elsewhere(job):
            self._claims.settle(job.id)
            return False
        return True

    def _ended_elsewhere(self, job: Job) -> bool:
        """Whether another run has brought the trial to its row since this run began."""
        folder = self._folder.trial(job.id)
        if folder.row_stamp() == job.stamp:
            return False
        row = folder.read_row()
        if row is None or row["status"] not in FINISHED:
            return False
        if not self._policy.keep_results and _of_other_code(row, job.trial):
            job.anew = True
            return False
        self._left -= 1
        self._outlook.trial_ended(job.id)
        self._progress.trial_ended(row)
        return True

    def _begin(self, job: Job, slot: Slot) -> None:
        folder = self._folder.trial(job.id)
        if job.anew:
            set_aside(self._folder, job.id)
            job.anew = False
        known = [record.get("attempt", 0) for record in folder.read_attempts()]
        job.attempt = 1 + max([job.attempt, *known])
        job.status, job.began, job.since, job.doomed = Status(), None, _now(), False
        place = {"host": socket.gethostname(), "pid": os.getpid()}
        folder.append_attempt({"attempt": job.attempt, "event": "started", "at": _now(), **place})
        row = folder.read_row()
        if row is not None and row["status"] in FAILURES:
            self._reopen(job, row)
        self._running[job.id] = job
        owner = self._presence.owner
        order = Order(job.id, str(self._folder.path.resolve()), job.attempt, job.group, owner)
        self._executor.submit(slot, order)

    def _reopen(self, job: Job, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """A failure is not final while it is to be tried again: if this run dies, the next goes on."""
        folder = self._folder.trial(job.id)
        error = f"to be tried again after {row['status']}: {row['error']}"
        open_row = {**row, "status": "interrupted", "error": error}
        folder.write_row(open_row)
        job.stamp = folder.row_stamp()
        return open_row

    def _handle(self, event: Event) -> None:
        what = event["event"]
        if what == "say":
            self._progress.say(event["text"])
            return
        job = self._running.get(event.get("trial", ""))
        if job is None:
            return
        if what == "started":
            job.began, job.device = time.monotonic(), event.get("device")
            self._outlook.trial_started(job.id)
            self._progress.trial_started(job.trial, job.number, self._total)
            self._audience.started(job.trial.identity(), self._folder.trial(job.id).path)
        elif what == "status":
            job.status = Status(**{name: event[name] for name in _STATUS_FIELDS})
            self._outlook.update(job.id, job.status)
            self._progress.update(job.id, job.status)
        elif what == "tick":
            self._audience.tick(job.trial.identity(), event["record"])
        elif what == "ended":
            self._ended(job)
        elif what == "lost":
            self._lost(job, Ending(event["status"], event["error"], event["outside"]))
        elif what == "storage":
            self._forget(job)
            self._broken(event["problem"])

    def _ended(self, job: Job) -> None:
        """A process says that the trial has its row."""
        row = self._folder.trial(job.id).read_row()
        if row is None or row["attempts"] != job.attempt:
            self._lost(job, Ending("crashed", "its row cannot be read", outside=True))
        elif self._claims.holds(job.id):
            self._close(job, row)
        else:
            self._leave(job)

    def _lost(self, job: Job, ending: Ending) -> None:
        """The trial's process died; what it left decides what becomes of the trial."""
        if not self._claims.holds(job.id):
            self._leave(job)
            return
        folder = self._folder.trial(job.id)
        row = folder.read_row() if folder.row_stamp() != job.stamp else None
        if row is not None and row["status"] in FINISHED and row["attempts"] == job.attempt:
            self._close(job, row)  # it had just finished
            return
        if self._stopping is not None:
            ending = Ending("interrupted", "stopped on request before it could save its state")
        elif ending.outside and self._goes_on(job, folder):
            self._progress.say(f"{_name(job)}: {ending.error}; going on from its checkpoint")
            self._note(job, ending.status, ending.error)
            self._requeue(job)
            return
        self._close(job, self._write(job, ending))

    def _goes_on(self, job: Job, folder: TrialFolder) -> bool:
        """Whether a trial that somebody else ended is tried once more, without being asked."""
        newest = _newest(folder)
        job.strikes = 1 if newest != job.checkpoint else job.strikes + 1
        job.checkpoint = newest
        return job.strikes < STRIKES

    def _close(self, job: Job, row: Mapping[str, Any]) -> None:
        """The attempt is over."""
        self._note(job, row["status"], row["error"])
        if row["status"] in FAILURES:
            job.failures += 1
            if job.failures <= self._policy.retries:
                tries = f"attempt {job.failures} of {self._policy.retries + 1}"
                self._progress.say(f"{_name(job)}: {row['status']}: {row['error']} ({tries})")
                row = self._reopen(job, row)
                if self._stopping is None:
                    self._requeue(job)
                    return
        del self._running[job.id]
        if row["status"] in FINISHED:
            self._claims.settle(job.id)
            self._left -= 1
            self._trained += row["status"] != "skipped"
        else:
            self._claims.release(job.id)
        self._outlook.trial_ended(job.id, final=row["status"] in FINISHED)
        self._unwritten += 1
        self._progress.trial_ended(row)
        self._audience.ended(job.trial.identity(), row)
        if self._policy.fail_fast and row["status"] in FAILURES and self._stopping is None:
            self._failed_fast = True
            self._begin_to_stop(f"{_name(job)} failed; stopping")

    def _leave(self, job: Job) -> None:
        """The trial is not ours any more: see what becomes of it where it is."""
        del self._running[job.id]
        self._elsewhere[job.id] = job

    def _requeue(self, job: Job) -> None:
        """Another attempt; the claim is kept."""
        del self._running[job.id]
        job.stamp = self._folder.trial(job.id).row_stamp()
        self._backlog.put_back(job)

    def _forget(self, job: Job) -> None:
        """The trial is over for this run without a row."""
        del self._running[job.id]
        self._claims.release(job.id)

    def _write(self, job: Job, ending: Ending) -> dict[str, Any]:
        """The row of a trial whose process cannot write it."""
        from ganbench.execution.trial import base_row

        status = job.status
        took = 0.0 if job.began is None else time.monotonic() - job.began
        error = ending.error
        if ending.outside and job.strikes >= STRIKES:
            error += f", {job.strikes} times without progress"
        row = base_row(job.trial) | {
            "status": ending.status,
            "error": error,
            "steps": status.steps,
            "images": status.images,
            "train_seconds": status.train_seconds,
            "eval_seconds": status.eval_seconds,
            "wall_seconds": took,
            "device": job.device,
            "started": job.since,
            "attempts": job.attempt,
        }
        try:
            self._folder.trial(job.id).write_row(row)
        except StorageError as error:
            self._broken(str(error))
        return row

    def _note(self, job: Job, status: str, error: str | None) -> None:
        """Write down how an attempt ended."""
        record = {"attempt": job.attempt, "event": "ended", "at": _now(), "status": status}
        try:
            self._folder.trial(job.id).append_attempt(record | {"error": error})
        except StorageError as problem:
            self._broken(str(problem))

    def _broken(self, problem: str) -> None:
        """The run folder cannot be written: nothing that is trained from here on could be kept."""
        if self._problem is None:
            self._problem = problem
            self._begin_to_stop(problem)

    def _begin_to_stop(self, why: str) -> None:
        self._stopping = time.monotonic()
        self._backlog.clear()
        self._elsewhere.clear()
        waits = [job for job in self._running.values() if job.began is not None]
        if waits:
            many = f"{len(waits)} trials save their" if len(waits) > 1 else "a trial saves its"
            self._progress.say(f"{why}: {many} state; a second signal ends at once")
        for job in list(self._running.values()):
            if job in waits:
                self._executor.stop(job.id)
            else:
                self._executor.kill(job.id, Ending("interrupted", "stopped on request"))

    def _end_at_once(self) -> None:
        """End every process; what has its row by then keeps it."""
        ending = Ending("interrupted", "ended at once on request")
        for job in list(self._running.values()):
            self._executor.kill(job.id, ending)
        while self._events:
            self._handle(self._events.popleft())

    def _keep_time(self) -> None:
        """End what takes too long: trials by their limit, and stopping by its grace."""
        now, limit = time.monotonic(), self._policy.timeout
        for job in list(self._running.values()):
            if job.doomed or job.began is None:
                continue
            if limit is not None and now - job.began > limit:
                ending = Ending("timeout", f"took longer than {duration(limit)}")
            elif self._stopping is not None and now - self._stopping > GRACE:
                ending = Ending("interrupted", f"did not stop within {duration(GRACE)}")
            else:
                continue
            job.doomed = True
            self._executor.kill(job.id, ending)

    def _look_elsewhere(self) -> None:
        """See what became of the trials that other runs are at."""
        if time.monotonic() < self._next_look or self._stopping is not None:
            return
        self._next_look = time.monotonic() + _LOOK
        for job in list(self._elsewhere.values()):
            if self._ended_elsewhere(job):
                del self._elsewhere[job.id]
            elif self._is_free(job):
                del self._elsewhere[job.id]
                self._backlog.put_back(job)

    def _is_free(self, job: Job) -> bool:
        holder = self._claims.holder(job.id)
        return holder is None or holder.owner == self._presence.owner

    def _beat(self) -> None:
        """Show that the run lives, and how far it is; leave alone what was taken over meanwhile."""
        now = time.monotonic()
        self._next_beat = now + _BEAT
        running = [
            job.state() | {"seconds_left": self._outlook.seconds_left_of(job.id)}
            for job in self._running.values()
        ]
        try:
            self._presence.beat(
                {
                    "started": self._started,
                    "total": self._total,
                    "left": self._left,
                    "jobs": self._workers,
                    "executor": self._name,
                    "stopping": self._stopping is not None,
                    "seconds_left": self._outlook.seconds_left(),
                    "running": running,
                }
            )
            if self._unwritten and now >= self._next_table:
                self._folder.write_table()
                self._unwritten = 0
                # A table of many rows takes its time.
                self._next_table = now + max(_TABLE_EVERY, 50 * (time.monotonic() - now))
        except StorageError as problem:
            self._broken(str(problem))


def _of_other_code(row: Mapping[str, Any], trial: Trial) -> bool:
    """Whether another run trained the trial with components that were edited in between."""
    return bool(changed_sources(code_of(row), trial.cell.sources))


def _newest(folder: TrialFolder) -> str:
    return max((path.stem for path in folder.checkpoint_dir.glob("*.json")), default="")


def _name(job: Job) -> str:
    return f"{job.trial.cell.label} seed {job.trial.seed}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
