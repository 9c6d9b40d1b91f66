"""How long trials and runs still take, judged by what they took so far."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence

from ganbench.execution.orders import Status

_LEAST_SECONDS = 1.0  # of training, before anything is said of the rest


class Pace:
    """How fast one trial goes on.

    The clock of its training starts with its first step: neither its start, nor its evaluation before
    training, nor what an earlier attempt has done says how long the rest will take.

    :param now: seconds on the clock that all times here are of.
    """

    def __init__(self, now: float) -> None:
        self.began = now
        self.status = Status()
        self.phase_began = now
        self._first: tuple[float, float] | None = None  # time and share

    def update(self, status: Status, now: float) -> None:
        """The trial has come this far."""
        if status.phase != self.status.phase:
            self.phase_began = now
        if self._first is None and status.phase == "training":
            self._first = (now, status.share)
        self.status = status

    def seconds_left(self, now: float) -> float | None:
        """Time to the end of its budget; None while there is too little to go by."""
        if self._first is None:
            return None
        then, share = self._first
        done, spent = self.status.share - share, now - then
        if done <= 0 or spent < _LEAST_SECONDS:
            return None
        return spent / done * max(0.0, 1 - self.status.share)


class Outlook:
    """What is known of the trials of a run, and how long all of them still take.

    :param total: trials, those that have ended or run included.
    :param workers: how many run at a time.
    """

    def __init__(
        self, total: int, workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.workers = total, workers
        self.running: dict[str, Pace] = {}
        self.ended = 0
        self._took: list[float] = []
        self._clock = clock

    def trial_started(self, trial: str) -> None:
        """A trial begins, or begins again."""
        self.running[trial] = Pace(self._clock())

    def update(self, trial: str, status: Status) -> None:
        """A trial goes on."""
        if trial in self.running:
            self.running[trial].update(status, self._clock())

    def trial_ended(self, trial: str, seconds: float | None = None, final: bool = True) -> None:
        """A trial has come to its end.

        :param seconds: that it took in all; the time since its start if not given.
        :param final: whether it is over; otherwise it waits to be finished.
        """
        pace = self.running.pop(trial, None)
        if not final:
            return
        self.ended += 1
        if seconds is None and pace is not None:
            seconds = self._clock() - pace.began
        if seconds is not None:
            self._took.append(seconds)

    def seconds_left_of(self, trial: str) -> float | None:
        """Time that a running trial still takes; None if that cannot be told yet."""
        pace = self.running.get(trial)
        return None if pace is None else pace.seconds_left(self._clock())

    def seconds_left(self) -> float | None:
        """Time that all trials still take; None if that cannot be told yet."""
        now = self._clock()
        running = [(now - pace.began, pace.seconds_left(now)) for pace in self.running.values()]
        waiting = self.total - self.ended - len(running)
        return estimate_left(waiting, running, self._took, self.workers)


def estimate_left(
    waiting: int,
    running: Sequence[tuple[float, float | None]],
    ended: Sequence[float],
    workers: int,
) -> float | None:
    """Seconds until all trials of a run have ended.

    A trial that waits is taken to be as long as those that were started are on average. Those that
    still run belong to the average: the short ones end first, and alone would promise too much.

    :param waiting: how many trials nobody has begun.
    :param running: for each, the seconds that it has taken and those that it still takes, or None.
    :param ended: the seconds that each trial took.
    :param workers: how many trials run at a time.
    :return: None if there is nothing to go by.
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
