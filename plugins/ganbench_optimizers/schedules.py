"""Schedules between the first and the last learning rate, and the one without change."""

from __future__ import annotations

import math

from ganbench import Progress, Schedule, Window, option


class Constant(Schedule):
    """Learning rates stay as they are."""

    constant = True

    def factor(self, progress: Progress, window: Window) -> float:
        return 1.0

    def way(self, progress: Progress, window: Window) -> float:
        return 0.0


class Linear(Schedule):
    """Learning rates fall in a straight line; options go before the settings of the same meaning."""

    begin: float | None = option(
        None, "share of the budget at which the fall begins; none: lr_decay_from", ge=0, lt=1
    )
    end: float | None = option(
        None, "share of the budget at which it ends; none: lr_decay_to", gt=0, le=1
    )
    final: float | None = option(None, "share of the rates at its end; none: lr_final", ge=0, le=1)

    def __post_init__(self) -> None:
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise ValueError(f"begin={self.begin} must be less than end={self.end}")

    def factor(self, progress: Progress, window: Window) -> float:
        return super().factor(progress, self._window(window))

    def way(self, progress: Progress, window: Window) -> float:
        return self._window(window).way(progress.share)

    def _window(self, window: Window) -> Window:
        own = {"begin": self.begin, "end": self.end, "final": self.final}
        return window._replace(**{key: value for key, value in own.items() if value is not None})


class Cosine(Linear):
    """Learning rates fall along half a cosine."""

    def way(self, progress: Progress, window: Window) -> float:
        return 0.5 - 0.5 * math.cos(math.pi * super().way(progress, window))
