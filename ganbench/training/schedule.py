"""When a trial ends, and at which steps it is evaluated."""

from __future__ import annotations

import math

from ganbench.grid.budget import Budget


class Schedule:
    """A budget in whole steps, with equally spaced ticks.

    A budget of images or steps is known in steps beforehand, rounded up to whole steps. A budget of
    seconds counts training time only; its ticks are equally spaced in that time.

    :ivar ticks: number of evaluations after the one before training.
    :ivar total_steps: steps in all; None for a budget of seconds.
    """

    def __init__(self, budget: Budget, ticks: int, images_per_step: int) -> None:
        self._seconds = budget.amount if budget.unit == "seconds" else None
        self.total_steps: int | None = None
        self.ticks = ticks
        if budget.unit == "images":
            self.total_steps = math.ceil(budget.amount / images_per_step)
        elif budget.unit == "steps":
            self.total_steps = int(budget.amount)
        if self.total_steps is not None:
            self.ticks = min(ticks, self.total_steps)

    def reached(self, tick: int, steps: int, seconds: float) -> bool:
        """Whether the tick is due after these steps and seconds of training."""
        if self.total_steps is not None:
            return steps >= self._tick_step(tick)
        assert self._seconds is not None
        return seconds >= self._seconds * tick / self.ticks

    def steps_of_ticks(self) -> list[int]:
        """The steps after which each tick is due, tick 0 first; empty for a budget of seconds."""
        if self.total_steps is None:
            return []
        return [self._tick_step(tick) for tick in range(self.ticks + 1)]

    def stretch(self, tick: int, steps: int, seconds: float, step_seconds: float) -> int:
        """Steps before the next look at the clock: about half a second."""
        wanted = max(1, int(0.5 / step_seconds)) if step_seconds > 0 else 1
        if self.total_steps is not None:
            return min(wanted, self._tick_step(tick) - steps)
        assert self._seconds is not None
        left = self._seconds * tick / self.ticks - seconds
        return max(1, min(wanted, int(left / step_seconds))) if step_seconds > 0 else 1

    def share(self, steps: int, seconds: float) -> float:
        """The used share of the budget, 0 to 1."""
        if self.total_steps is not None:
            return steps / self.total_steps
        assert self._seconds is not None
        return min(1.0, seconds / self._seconds)

    def _tick_step(self, tick: int) -> int:
        assert self.total_steps is not None
        return round(self.total_steps * tick / self.ticks)
