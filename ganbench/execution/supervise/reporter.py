"""What others learn of a run: the display, the callbacks, and readers of its heartbeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.base.clock import utc_now
from ganbench.execution.context import RunContext
from ganbench.execution.progress.eta import TimeLeft
from ganbench.execution.supervise.backlog import Job, Jobs
from ganbench.execution.supervise.callbacks import Audience
from ganbench.store.schema import FINISHED


class Reporter:
    """Counts the trials of a run, and tells others about them.

    :param workers: how many trials run at a time.
    :ivar left: trials without a final row.
    :ivar trained: trials that this run has trained.
    """

    def __init__(self, run: RunContext, audience: Audience, workers: int) -> None:
        self._run, self._audience, self._workers = run, audience, workers
        self._eta = TimeLeft(0, workers)
        self._started = utc_now()
        self.left = self.trained = 0

    def begin(self, total: int) -> None:
        self.left = self._eta.total = total
        self._run.progress.begin(total, self._workers)

    def trial_started(self, job: Job) -> None:
        self._eta.trial_started(job.id)
        self._run.progress.trial_started(job.trial, job.number, self._eta.total)
        self._audience.started(job.trial.identity(), self._run.folder.trial(job.id).path)

    def update(self, job: Job) -> None:
        self._eta.update(job.id, job.status)
        self._run.progress.update(job.id, job.status)

    def tick(self, job: Job, record: Mapping[str, Any]) -> None:
        self._audience.tick(job.trial.identity(), record)

    def trial_ended(self, job: Job, row: Mapping[str, Any]) -> None:
        """This run is done with the trial, for now or for good."""
        final = row["status"] in FINISHED
        self.left -= final
        self.trained += final and row["status"] != "skipped"
        self._eta.trial_ended(job.id, final=final)
        self._run.progress.trial_ended(row)
        self._audience.ended(job.trial.identity(), row)

    def ended_elsewhere(self, job: Job, row: Mapping[str, Any]) -> None:
        """Another run has trained the trial."""
        self.left -= 1
        self._eta.trial_ended(job.id)
        self._run.progress.trial_ended(row)

    def state(self, jobs: Jobs, stopping: bool) -> dict[str, Any]:
        """The state of the run, for its heartbeat."""
        running = [
            job.state() | {"seconds_left": self._eta.seconds_left_of(job.id)}
            for job in jobs.running.values()
        ]
        return {
            "started": self._started,
            "total": self._eta.total,
            "left": self.left,
            "jobs": self._workers,
            "executor": self._run.options.executor,
            "stopping": stopping,
            "seconds_left": self._eta.seconds_left(),
            "running": running,
        }
