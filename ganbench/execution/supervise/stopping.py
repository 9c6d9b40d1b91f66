"""Ending trials before their end: on request, after a failure, or where they take too long.

The first signal asks for a clean stop, the second one ends at once.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ganbench.base.text import first_of
from ganbench.execution.context import RunContext
from ganbench.execution.supervise.backlog import Job, Jobs
from ganbench.execution.supervise.messages import Ending, Executor, seconds_text, too_late

#: Seconds that trials have to save their state after a request to stop.
GRACE = 60.0
_NAMED = 3  # trials that a message names


class Stopping:
    """Whether a run is stopping, and what follows from it for its trials.

    :ivar failed_fast: whether a failure stops the run.
    :ivar problem: why the run folder cannot be written; None if it can.
    """

    def __init__(self, run: RunContext, executor: Executor, jobs: Jobs) -> None:
        self._run, self._executor, self._jobs = run, executor, jobs
        self._since: float | None = None
        self.failed_fast = False
        self.problem: str | None = None

    @property
    def active(self) -> bool:
        return self._since is not None

    def begin(self, why: str) -> None:
        """Begin no more trials, and ask those that run to save their state."""
        self._since = time.monotonic()
        self._jobs.waiting.clear()
        self._jobs.elsewhere.clear()
        running = list(self._jobs.running.values())
        trains = [job for job in running if job.began is not None]
        if trains:
            self._run.progress.say(f"{why}: {_awaited(trains)}; a second Ctrl-C ends at once")
        for job in running:
            if job in trains:
                self._executor.stop(job.id)
            else:
                self._executor.kill(job.id, Ending("interrupted", "stopped on request"))

    def storage_failed(self, problem: str) -> None:
        """Stop since nothing that is trained from here on could be kept."""
        if self.problem is None:
            self.problem = problem
            self.begin(problem)

    def at_once(self) -> None:
        """End every process now; a trial that has its row keeps it."""
        self._since = self._since or time.monotonic()
        for job in list(self._jobs.running.values()):
            self._executor.kill(job.id, Ending("interrupted", "ended at once on request"))

    def keep_time(self) -> None:
        """End what takes too long: trials by their timeout, and stopping by its grace."""
        limit = self._run.options.timeout
        for job in list(self._jobs.running.values()):
            if job.killed or job.began is None:
                continue
            ending = too_late(job.began, limit)
            if ending is None and too_late(self._since, GRACE) is not None:
                ending = Ending("interrupted", f"did not stop within {seconds_text(GRACE)}")
            if ending is not None:
                job.killed = True
                self._executor.kill(job.id, ending)


def _awaited(trials: Sequence[Job]) -> str:
    """What a stop waits for: which trials save their state, and what each of them does."""
    what = [f"{job.name} ({job.status.phase})" for job in trials]
    many = f"{len(trials)} trials save their" if len(trials) > 1 else "a trial saves its"
    return f"{many} state: {first_of(what, _NAMED)}"


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether SIGINT, SIGTERM or SIGHUP asked the run to stop.

    A second signal raises KeyboardInterrupt. A SIGHUP that is ignored, as under nohup, stays so.
    Outside the main thread, where Python delivers no signals, it changes nothing.
    """
    requested = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        if requested:
            raise KeyboardInterrupt
        requested = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield lambda: requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
