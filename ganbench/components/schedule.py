"""The contract of schedules: how learning rates move over a training."""

from __future__ import annotations

import math
from numbers import Real
from typing import ClassVar, Literal, NamedTuple

from ganbench.components.base import Component
from ganbench.components.progress import Progress


class Window(NamedTuple):
    """What the training settings say of the movement: ``lr_decay_from``, ``lr_decay_to``, ``lr_final``.

    :ivar begin: the share of the budget at which it begins, 0 to 1.
    :ivar end: the share at which it ends.
    :ivar final: the share of the rates that is left at its end.
    """

    begin: float = 0.0
    end: float = 1.0
    final: float = 0.0

    def way(self, share: float) -> float:
        """The share of the way through the window, 0 to 1, at a share of the budget."""
        if self.end <= self.begin:
            return float(share >= self.end)
        return min(1.0, max(0.0, (share - self.begin) / (self.end - self.begin)))


class Schedule(Component):
    """How the learning rates of both players move over a training.

    Override `factor` for a curve of its own, or `way` for another way between the first and the last
    rate. Both run on the host before every step, and depend on their arguments alone.

    :cvar constant: True if the factor is always 1; the rates then stay as they are.
    """

    constant: ClassVar[bool] = False

    @property
    def follows_budget(self) -> bool:
        """A factor that moves follows the share of the budget; override it for one that does not."""
        return not self.constant

    def factor(self, progress: Progress, window: Window) -> float:
        """What the rates are multiplied by in the step that begins at this progress, at least 0."""
        return 1.0 - self.way(progress, window) * (1.0 - window.final)

    def way(self, progress: Progress, window: Window) -> float:
        """The share of the way from the first to the last values, 0 to 1; ``beta2_final`` follows it."""
        return window.way(progress.share)


def number_of(
    schedule: Schedule, name: Literal["factor", "way"], progress: Progress, window: Window
) -> float:
    """What a schedule says.

    :raises ValueError: for what no rate can be multiplied by, such as a tensor.
    """
    value = getattr(schedule, name)(progress, window)
    number = float(value) if isinstance(value, Real) else math.nan
    if 0 <= number < math.inf:
        return number
    raise ValueError(
        f"{type(schedule).__name__}.{name} gives {value!r} at a share of {progress.share:g} "
        "of the budget: return a finite number of Python, at least 0"
    )
