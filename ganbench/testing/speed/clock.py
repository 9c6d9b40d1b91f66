"""The time that work takes, without the time that other programs take away.

Linux counts how long a thread was ready to run and had no core. On a busy machine this makes up most
of the variation, so it is taken off. What the work waits for itself, such as files, sleep or a GPU,
stays in.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from ganbench.testing.speed.workload import Work

_COUNTS = "/proc/thread-self/schedstat"


class Taken(NamedTuple):
    """What calls took.

    :ivar seconds: of one call: the lower quartile of the runs, since disturbances only add time.
    :ivar waiting: the share of all time that other programs took away.
    """

    seconds: float
    waiting: float


def timed(work: Work, calls: int, runs: int) -> Taken:
    """Time runs of some calls each."""
    seconds, waited, total = [], 0.0, 0.0
    for _ in range(runs):
        # In this order, a wait between two of the lines counts as work, and never as less than none.
        start, ready = time.perf_counter(), ready_seconds()
        work.run(calls)
        delay, spent = ready_seconds() - ready, time.perf_counter() - start
        seconds.append((spent - delay) / calls)
        waited, total = waited + delay, total + spent
    return Taken(float(np.quantile(seconds, 0.25)), waited / total)


def ready_seconds() -> float:
    """How long this thread has waited for a core so far; 0 where the system does not say."""
    try:
        with open(_COUNTS, "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
