"""Attempts at a trial: how one begins, and what its end makes of the trial."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ganbench.base.clock import utc_now
from ganbench.base.errors import StorageError
from ganbench.execution.context import RunContext
from ganbench.execution.resume import set_aside
from ganbench.execution.share.leases import Leases
from ganbench.execution.supervise.backlog import Job
from ganbench.execution.supervise.messages import Ending, Status, TrialRequest
from ganbench.execution.supervise.stopping import Stopping
from ganbench.execution.threads import recorded_threads
from ganbench.store.schema import FAILURES, FINISHED
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.row_builder import RowBuilder

#: Deaths from outside without progress in between after which a trial is given up.
STRIKES = 3


class Outcome(NamedTuple):
    """What the end of an attempt makes of its trial.

    :ivar next: ``over`` (this run is done with it), ``again`` (another attempt), or ``elsewhere``
        (another run has taken it over).
    :ivar row: of a trial that is over.
    """

    next: Literal["over", "again", "elsewhere"]
    row: Mapping[str, Any] | None = None


class Attempts:
    """Writes attempts down, and decides about retries."""

    def __init__(
        self, run: RunContext, leases: Leases, owner: str, stopping: Stopping, threads: int = 0
    ) -> None:
        self._run, self._leases, self._owner, self._stopping = run, leases, owner, stopping
        self._most_threads = threads

    def begin(self, job: Job) -> TrialRequest:
        """Note the next attempt; what a worker needs for it."""
        run_folder, folder = self._run.folder, self._folder(job)
        if job.restart:
            set_aside(run_folder, job.id)
            job.restart = False
        known = [record.get("attempt", 0) for record in folder.read_attempts()]
        job.attempt = 1 + max([job.attempt, *known])
        job.status, job.began, job.since, job.killed = Status(), None, utc_now(), False
        place = {"host": socket.gethostname(), "pid": os.getpid()}
        folder.append_attempt(
            {"attempt": job.attempt, "event": "started", "at": utc_now(), **place}
        )
        row = folder.read_row()
        if row is not None and row["status"] in FAILURES:
            self._reopen(job, row)
        path = str(run_folder.path.resolve())
        planned, cell = job.trial.planned_id, job.trial.names.cell
        return TrialRequest(
            job.id,
            path,
            job.attempt,
            job.group,
            self._owner,
            planned,
            cell,
            job.base,
            threads=self._run.options.threads or self._began_with(job) or 0,
            most_threads=self._most_threads,
        )

    def _began_with(self, job: Job) -> int | None:
        """The threads of a trial that goes on, or of the one that it goes on from."""
        known = recorded_threads(self._folder(job))
        if known is None and job.base:
            known = recorded_threads(self._run.folder.trial(job.base))
        return known

    def ended(self, job: Job) -> Outcome:
        """A worker says that the trial has its row."""
        row = self._folder(job).read_row()
        if row is None or row["attempts"] != job.attempt:
            return self.lost(job, Ending("crashed", "its row cannot be read", outside=True))
        return self._over(job, row) if self._leases.holds(job.id) else Outcome("elsewhere")

    def lost(self, job: Job, ending: Ending) -> Outcome:
        """The trial's process died; what it left decides about the trial."""
        if not self._leases.holds(job.id):
            return Outcome("elsewhere")
        folder = self._folder(job)
        row = folder.read_row() if folder.row_stamp() != job.stamp else None
        if row is not None and row["status"] in FINISHED and row["attempts"] == job.attempt:
            return self._over(job, row)  # it had just finished
        if self._stopping.active:
            ending = Ending("interrupted", "stopped on request before it could save its state")
        elif ending.outside and self._may_continue(job, folder):
            self._run.progress.say(f"{job.name}: {ending.error}; it continues from its checkpoint")
            self._note_end(job, ending.status, ending.error)
            return Outcome("again")
        return self._over(job, self._write_row(job, ending))

    def _folder(self, job: Job) -> TrialFolder:
        return self._run.folder.trial(job.id)

    def _over(self, job: Job, row: Mapping[str, Any]) -> Outcome:
        """The attempt has a row; a failure may be tried again."""
        self._note_end(job, row["status"], row["error"])
        if row["status"] in FAILURES:
            job.failures += 1
            retries = self._run.options.retries
            if job.failures <= retries:
                tries = f"attempt {job.failures} of {retries + 1}"
                self._run.progress.say(f"{job.name}: {row['status']}: {row['error']} ({tries})")
                row = self._reopen(job, row)
                if not self._stopping.active:
                    return Outcome("again")
        return Outcome("over", row)

    def _reopen(self, job: Job, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Mark a failure that is to be tried again: if this run dies, the next one continues it."""
        error = f"to be tried again after {row['status']}: {row['error']}"
        open_row = {**row, "status": "interrupted", "error": error}
        self._folder(job).write_row(open_row)
        job.stamp = self._folder(job).row_stamp()
        return open_row

    def _may_continue(self, job: Job, folder: TrialFolder) -> bool:
        """Whether a trial that something outside ended is tried again without being asked for."""
        newest = max((path.stem for path in folder.checkpoint_dir.glob("*.json")), default="")
        job.strikes = 1 if newest != job.checkpoint else job.strikes + 1
        job.checkpoint = newest
        return job.strikes < STRIKES

    def _write_row(self, job: Job, ending: Ending) -> dict[str, Any]:
        """Write the row of a trial whose process cannot."""
        error = ending.error
        if ending.outside and job.strikes >= STRIKES:
            error += f", {job.strikes} times without progress"
        took = 0.0 if job.began is None else time.monotonic() - job.began
        builder = RowBuilder(job.trial, job.attempt, job.device, job.threads)
        row = builder.lost(ending.status, error, job.status, job.since, took)
        try:
            self._folder(job).write_row(row)
        except StorageError as problem:
            self._stopping.storage_failed(str(problem))
        return row

    def _note_end(self, job: Job, status: str, error: str | None) -> None:
        record = {"attempt": job.attempt, "event": "ended", "at": utc_now(), "status": status}
        try:
            self._folder(job).append_attempt(record | {"error": error})
        except StorageError as problem:
            self._stopping.storage_failed(str(problem))
