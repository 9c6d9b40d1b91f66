"""What a step takes: the median over stretches of steps, so that a disturbance does not count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

_PERIODS = 8  # after so many, a block that does not end with a period is complete all the same


class StepTimes:
    """Seconds of stretches of steps, gathered in blocks.

    Lazy terms are due in one step of a period, which takes longer. So a block is one stretch or
    several: it ends where it holds whole periods, or eight of them, of which a part hardly changes the
    mean. The median over blocks weights each by its steps: half of the steps were in blocks that are
    faster.

    :param period: steps after which the same terms are due again.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        self._blocks: list[tuple[int, float]] = []
        self._steps, self._seconds = 0, 0.0

    def add(self, steps: int, seconds: float) -> None:
        """Record a stretch."""
        self._steps += steps
        self._seconds += seconds
        if self._steps % self._period == 0 or self._steps >= _PERIODS * self._period:
            self._blocks.append((self._steps, self._seconds))
            self._steps, self._seconds = 0, 0.0

    def aligned(self, done: int, steps: int) -> int:
        """The length of the next stretch, shortened to end with a period if it is longer than one.

        :param done: steps before it.
        :param steps: its length without this.
        """
        beyond = (done + steps) % self._period
        return steps - beyond if steps > beyond and steps > self._period else steps

    def median(self) -> float | None:
        """Seconds of a step; None before the first."""
        blocks = self._blocks or ([(self._steps, self._seconds)] if self._steps else [])
        if not blocks:
            return None
        steps, seconds = np.asarray(blocks, dtype=np.float64).T
        return _weighted_median(seconds / steps, steps)

    def clear(self) -> None:
        """Begin again."""
        self._blocks.clear()
        self._steps, self._seconds = 0, 0.0

    def table(self) -> torch.Tensor:
        """(blocks, 2) steps and seconds, the unfinished block last; for a checkpoint."""
        rows = [*self._blocks, (self._steps, self._seconds)]
        return torch.tensor(rows, dtype=torch.float64)

    def restore(self, table: torch.Tensor) -> None:
        """Go on after `table`."""
        rows = [(int(steps), seconds) for steps, seconds in table.tolist()]
        *self._blocks, (self._steps, self._seconds) = rows


def _weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """The value below which half of the weight lies; halfway between two if it falls between them."""
    order = np.argsort(values, kind="stable")
    values, sums = values[order], np.cumsum(weights[order])
    half = sums[-1] / 2
    at = int(np.searchsorted(sums, half))
    if sums[at] == half and at + 1 < len(values):
        return float(values[at] + values[at + 1]) / 2
    return float(values[at])
