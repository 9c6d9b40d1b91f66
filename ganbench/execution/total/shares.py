"""Share a time out: the budget, the ticks and the samples that fit into it. Arithmetic alone."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ganbench.execution.total.costs import Costs
from ganbench.grid.budget import Budget

#: Evaluations get no shorter than this where more than that does not fit.
LEAST_TICKS, LEAST_SAMPLES = 2, 256
#: Ticks that show a curve.
GOOD_TICKS = 4
#: The part of the time that is planned; the rest is for what the warm-up does not see.
PLANNED = 0.8


@dataclass(frozen=True)
class Evaluations:
    """Ticks and samples of every trial.

    :ivar all_metrics: whether the metrics of the last tick alone are measured too.
    :ivar seconds: of one trial.
    :ivar fits: whether they stay within the time that they were given.
    """

    ticks: int
    samples: int
    all_metrics: bool
    seconds: float
    fits: bool


def evaluations_within(
    costs: Costs, ticks: int, samples: int, seconds: float, may_leave_out: bool
) -> Evaluations:
    """The largest evaluations that take a trial no longer than some seconds.

    Ticks are halved down to a few first, then samples, then ticks again; then the metrics that only
    the last tick has are left out. Where nothing fits, the smallest evaluations are taken.

    :param ticks: and ``samples``: as they were asked for; never exceeded.
    :param may_leave_out: whether metrics may be left out, because nobody named them.
    """
    tried = None
    for whole in (True, False) if may_leave_out else (True,):
        for some, few in _sizes(ticks, samples):
            cost = costs.evaluation(some, few, whole)
            tried = Evaluations(some, few, whole, cost, cost <= seconds)
            if tried.fits:
                return tried
    assert tried is not None
    return tried


def _sizes(ticks: int, samples: int) -> Iterator[tuple[int, int]]:
    """Ticks and samples to try, from what was asked for down to the least."""
    for few in _down(samples, min(LEAST_SAMPLES, samples)):
        for some in _down(ticks, min(GOOD_TICKS, ticks)):
            yield some, few
    for some in _down(min(GOOD_TICKS, ticks), min(LEAST_TICKS, ticks)):
        yield some, few


def _down(most: int, least: int) -> Iterator[int]:
    """``most``, half of it and so on, and last ``least``."""
    while most > least:
        yield most
        most = max(least, most // 2)
    yield least


def makespan(seconds: Sequence[float], slots: int) -> float:
    """How long trials take in their order, each on the slot that is free first."""
    free = [0.0] * max(1, slots)
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free)


def largest_scale(
    training: Sequence[float], evaluation: float, slots: int, seconds: float
) -> float:
    """The part of the budget, 0 to 1, with which all trials fit into a time.

    :param training: seconds of each trial at the whole budget.
    :param evaluation: seconds of each trial's evaluations.
    """

    def fits(scale: float) -> bool:
        return makespan([scale * one + evaluation for one in training], slots) <= seconds

    if fits(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def scaled(budget: Budget, scale: float) -> Budget | None:
    """A part of a budget in two digits, rounded down; None if nothing is left of it."""
    amount = budget.amount * scale * (1 + 1e-9)  # the scale was found by halving
    if scale >= 1:
        return budget
    if amount <= 0 or (budget.unit != "seconds" and amount < 1):
        return None
    step = 10.0 ** (math.floor(math.log10(amount)) - 1)
    if budget.unit == "seconds":
        return Budget("seconds", max(0.1, round(math.floor(amount / step) * step, 3)))
    step = max(1, round(step))
    return Budget(budget.unit, int(amount // step * step))
