"""The time left of trials and runs, estimated from what trials took so far."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence

from ganbench.execution.supervise.messages import Status

_LEAST_SECONDS = 1.0  # of training, before the rest is estimated


class TrialTimer:
    """Times one trial.

    Its training is timed from its first step on: its start, its evaluation before training and
    earlier attempts do not say how long the rest takes.

    :param now: seconds on the clock of all times here.
    """

    def __init__(self, now: float) -> None:
        self.began = now
        self.status = Status()
        self.phase_began = now
        self._first: tuple[float, float] | None = None  # time and share

    def update(self, status: Status, now: float) -> None:
        if status.phase != self.status.phase:
            self.phase_began = now
        if self._first is None and status.phase == "training":
            self._first = (now, status.share)
        self.status = status

    def seconds_left(self, now: float) -> float | None:
        """Time to the end of its budget; None while too little of it has been trained."""
        if self._first is None:
            return None
        then, share = self._first
        done, spent = self.status.share - share, now - then
        if done <= 0 or spent < _LEAST_SECONDS:
            return None
        return spent / done * max(0.0, 1 - self.status.share)


class TimeLeft:
    """The time left of a run.

    :param total: trials, with those that have ended or run.
    :param workers: how many run at a time.
    """

    def __init__(
        self, total: int, workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.workers = total, workers
        self.running: dict[str, TrialTimer] = {}
        self.ended = 0
        self._took: list[float] = []
        self._clock = clock

    def trial_started(self, trial: str) -> None:
        self.running[trial] = TrialTimer(self._clock())

    def update(self, trial: str, status: Status) -> None:
        if trial in self.running:
            self.running[trial].update(status, self._clock())

    def trial_ended(self, trial: str, seconds: float | None = None, final: bool = True) -> None:
        """A trial has ended.

        :param seconds: that it took in all; the time since its start if not given.
        :param final: whether it is over; otherwise it waits to continue.
        """
        timer = self.running.pop(trial, None)
        if not final:
            return
        self.ended += 1
        if seconds is None and timer is not None:
            seconds = self._clock() - timer.began
        if seconds is not None:
            self._took.append(seconds)

    def seconds_left_of(self, trial: str) -> float | None:
        """Time that a running trial still takes; None if nobody can tell yet."""
        timer = self.running.get(trial)
        return None if timer is None else timer.seconds_left(self._clock())

    def seconds_left(self) -> float | None:
        """Time that all trials still take; None if nobody can tell yet."""
        now = self._clock()
        running = [(now - timer.began, timer.seconds_left(now)) for timer in self.running.values()]
        waiting = self.total - self.ended - len(running)
        return estimate_left(waiting, running, self._took, self.workers)


def estimate_left(
    waiting: int,
    running: Sequence[tuple[float, float | None]],
    ended: Sequence[float],
    workers: int,
) -> float | None:
    """Seconds until all trials of a run have ended.

    A waiting trial counts as long as the started ones are on average. Those that still run belong to
    the average: the short ones end first, and alone would promise too much.

    :param waiting: how many trials have not begun.
    :param running: for each, the seconds that it has taken, and its seconds left or None.
    :param ended: the seconds that each trial took.
    :param workers: how many trials run at a time.
    :return: None where no trial tells.
    """
    known = [*ended, *(spent + left for spent, left in running if left is not None)]
    if not known:
        return None if running or waiting > 0 else 0.0
    mean = sum(known) / len(known)
    free = [max(0.0, mean - spent) if left is None else left for spent, left in running]
    free += [0.0] * (max(workers, 1) - len(free))
    heapq.heapify(free)
    for _ in range(waiting):  # whoever is free first takes the next
        heapq.heapreplace(free, free[0] + mean)
    return max(free, default=0.0)
