"""The supervisor: gives trials to workers and sees to it that each of them gets its row."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping, Sequence

from ganbench.base.errors import StorageError
from ganbench.execution.context import RunContext
from ganbench.execution.share.heartbeat import Heartbeat
from ganbench.execution.supervise.attempts import Attempts, Outcome
from ganbench.execution.supervise.backlog import Job, Jobs
from ganbench.execution.supervise.callbacks import Audience
from ganbench.execution.supervise.messages import Ending, Event, Slot, Status, Workers
from ganbench.execution.supervise.reporter import Reporter
from ganbench.execution.supervise.shared_trials import SharedTrials
from ganbench.execution.supervise.stopping import Stopping
from ganbench.grid.cell import Trial
from ganbench.store.results_table import refresh_table
from ganbench.store.schema import FAILURES, FINISHED

_POLL, _IDLE_POLL = 0.2, 0.5
_BEAT = 2.0  # seconds between heartbeats
_TABLE = 60.0  # seconds between tables of all rows
_STATUS_FIELDS = [field.name for field in dataclasses.fields(Status)]


class Supervisor:
    """Sees the trials of a run through.

    :param trials: those to train, in their order.
    :param restart: ids of trials that begin at their start; their files are set aside.
    :param bases: by a trial's id, that of a finished one of a smaller budget to go on from.
    :param threads: the most that a trial has which does not go on; 0 leaves them as they are.
    :param heartbeat: of the run, if it has one from its preparation.
    """

    def __init__(
        self,
        run: RunContext,
        workers: Workers,
        audience: Audience,
        trials: Sequence[Trial],
        restart: Collection[str] = (),
        bases: Mapping[str, str] | None = None,
        threads: int = 0,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._run, self._workers, self._threads = run, workers, threads
        self._heartbeat = heartbeat
        jobs = [
            Job(
                trial,
                number,
                run.folder.trial(trial.id).row_stamp(),
                trial.id in restart,
                (bases or {}).get(trial.id, ""),
            )
            for number, trial in enumerate(trials, start=1)
        ]
        self._jobs, self._ids = Jobs(jobs), {job.id for job in jobs}
        self._reporter = Reporter(run, audience, workers.jobs)
        self._stopping = Stopping(run, workers.executor, self._jobs)
        self._next_beat, self._next_table = 0.0, time.monotonic() + _TABLE
        self._unwritten = 0

    @property
    def trained(self) -> int:
        return self._reporter.trained

    @property
    def interrupted(self) -> bool:
        """Whether a person stopped the run before its end."""
        stopped = self._stopping.active or (self._run.stop() and self._reporter.left > 0)
        return stopped and not self._stopping.failed_fast

    def run(self) -> None:
        """Train.

        :raises StorageError: when the run folder cannot be written any more; rows are as they were.
        :raises KeyboardInterrupt: when a person wants it to end at once.
        """
        folder = self._run.folder
        self._shared = SharedTrials(self._run, self._jobs, self._reporter, self._heartbeat)
        leases, owner = self._shared.leases, self._shared.heartbeat.owner
        self._attempts = Attempts(self._run, leases, owner, self._stopping, self._threads)
        leases.sweep(trial for trial in folder.trial_ids() if trial not in self._ids)
        self._reporter.begin(len(self._ids))
        try:
            self._beat()
            self._loop()
        except KeyboardInterrupt:
            self._stopping.at_once()
            for event in self._workers.events():
                self._handle(event)
            raise
        finally:
            self._shared.close()
        if self._stopping.problem is not None:
            raise StorageError(self._stopping.problem)

    def _loop(self) -> None:
        while self._jobs:
            if self._run.stop() and not self._stopping.active:
                over = self._run.deadline.over
                self._stopping.begin("the time of the run is over" if over else "stopping")
            if not self._stopping.active:
                self._dispatch()
            elif not self._jobs.running:
                break
            for event in self._workers.poll(_POLL if self._jobs.running else _IDLE_POLL):
                self._handle(event)
            self._stopping.keep_time()
            if not self._stopping.active:
                self._shared.look()
            if time.monotonic() >= self._next_beat:
                self._beat()

    def _dispatch(self) -> None:
        for slot in self._workers.executor.free():
            job = self._next_job(slot)
            if job is None:
                return
            request = self._attempts.begin(job)
            self._jobs.running[job.id] = job
            self._workers.executor.submit(slot, request)

    def _next_job(self, slot: Slot) -> Job | None:
        """The next job that no other run does."""
        busy = [job.group for job in self._jobs.running.values()]
        while (job := self._jobs.waiting.next(slot.group, busy)) is not None:
            if self._shared.take(job):
                return job
        return None

    def _handle(self, event: Event) -> None:
        what = event["event"]
        job = self._jobs.running.get(event.get("trial", ""))
        if what == "say":
            self._run.progress.say(event["text"])
        elif job is None:
            return
        elif what == "started":
            job.began, job.device = time.monotonic(), event.get("device")
            job.threads = event.get("threads")
            self._reporter.trial_started(job)
        elif what == "status":
            job.status = Status(**{name: event[name] for name in _STATUS_FIELDS})
            self._reporter.update(job)
        elif what == "tick":
            self._reporter.tick(job, event["record"])
        elif what == "ended":
            self._settle(job, self._attempts.ended(job))
        elif what == "lost":
            ending = Ending(event["status"], event["error"], event["outside"])
            self._settle(job, self._attempts.lost(job, ending))
        elif what == "storage":
            del self._jobs.running[job.id]
            self._shared.leases.release(job.id)
            self._stopping.storage_failed(event["problem"])

    def _settle(self, job: Job, outcome: Outcome) -> None:
        del self._jobs.running[job.id]
        if outcome.next == "elsewhere":
            self._jobs.elsewhere[job.id] = job
        elif outcome.next == "again":  # the lease is kept
            job.stamp = self._run.folder.trial(job.id).row_stamp()
            self._jobs.waiting.put_back(job)
        else:
            row = outcome.row
            assert row is not None
            if row["status"] in FINISHED:
                self._shared.leases.settle(job.id)
            else:
                self._shared.leases.release(job.id)
            self._unwritten += 1
            self._reporter.trial_ended(job, row)
            failed = row["status"] in FAILURES
            if failed and self._run.options.fail_fast and not self._stopping.active:
                self._stopping.failed_fast = True
                self._stopping.begin(f"{job.name} failed; stopping")

    def _beat(self) -> None:
        """Show that the run lives and how far it is, and write the table now and then."""
        now = time.monotonic()
        self._next_beat = now + _BEAT
        try:
            state = self._reporter.state(self._jobs, self._stopping.active)
            self._shared.heartbeat.beat(state)
            if self._unwritten and now >= self._next_table:
                refresh_table(self._run.folder)
                self._unwritten = 0
                # A table of many rows takes its time.
                self._next_table = now + max(_TABLE, 50 * (time.monotonic() - now))
        except StorageError as problem:
            self._stopping.storage_failed(str(problem))
