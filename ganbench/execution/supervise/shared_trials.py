"""Trials that several runs on one folder share: leases, and what became of those trained elsewhere."""

from __future__ import annotations

import contextlib
import time

from ganbench.base.errors import StorageError
from ganbench.execution.context import RunContext
from ganbench.execution.resume import code_of
from ganbench.execution.share.heartbeat import Heartbeat
from ganbench.execution.share.leases import Leases
from ganbench.execution.supervise.backlog import Job, Jobs
from ganbench.execution.supervise.reporter import Reporter
from ganbench.registry.sources import changed_sources
from ganbench.store.schema import FINISHED

_LOOK = 1.0  # seconds between looks at the trials of other runs


class SharedTrials:
    """Takes the leases of trials, and follows the trials that other runs train."""

    def __init__(
        self, run: RunContext, jobs: Jobs, reporter: Reporter, heartbeat: Heartbeat | None = None
    ) -> None:
        self._run, self._jobs, self._reporter = run, jobs, reporter
        self.heartbeat = heartbeat or Heartbeat(run.folder)
        self.leases = Leases(run.folder, self.heartbeat)
        self._next_look = 0.0

    def take(self, job: Job) -> bool:
        """Whether this run is to train the trial now."""
        if not self.leases.take(job.id):
            self._jobs.elsewhere[job.id] = job
            return False
        if self._ended_elsewhere(job):
            self.leases.settle(job.id)
            return False
        return True

    def look(self) -> None:
        """See what became of the trials that other runs train."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK
        for job in list(self._jobs.elsewhere.values()):
            if self._ended_elsewhere(job):
                del self._jobs.elsewhere[job.id]
                continue
            holder = self.leases.holder(job.id)
            if holder is None or holder.owner == self.heartbeat.owner:
                del self._jobs.elsewhere[job.id]
                self._jobs.waiting.put_back(job)

    def close(self) -> None:
        """Give back the leases of the trials that run; a lease that cannot be given back lapses."""
        with contextlib.suppress(StorageError):
            for job in self._jobs.running.values():
                self.leases.release(job.id)
            self.heartbeat.close()

    def _ended_elsewhere(self, job: Job) -> bool:
        """Whether another run has brought the trial to its row since this run began."""
        folder = self._run.folder.trial(job.id)
        if folder.row_stamp() == job.stamp:
            return False
        row = folder.read_row()
        if row is None or row["status"] not in FINISHED:
            return False
        changed = changed_sources(code_of(row), job.trial.cell.sources)
        if changed and not self._run.options.keep_results:  # edited in between
            job.restart = True
            return False
        self._reporter.ended_elsewhere(job, row)
        return True
