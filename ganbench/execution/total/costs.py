"""What trials of a grid cost in time, as numbers that go from one process to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Costs:
    """Seconds on this machine.

    :ivar training: of a whole trial at the grid's budget, by the cell's id; empty if none was timed.
    :ivar start: of one evaluation, beside its samples.
    :ivar sample: of one sample in an evaluation.
    :ivar end: of one sample that the metrics of the last tick add.
    :ivar features_note: why the features cannot carry a ranking, or None.
    """

    training: Mapping[str, float] = field(default_factory=dict)
    start: float = 0.0
    sample: float = 0.0
    end: float = 0.0
    features_note: str | None = None

    def evaluation(self, ticks: int, samples: int, all_metrics: bool = True) -> float:
        """Seconds of all evaluations of a trial: before training, at its ticks, of the best tick."""
        passes = ticks + 2
        last = self.end * samples if all_metrics else 0.0
        return passes * (self.start + self.sample * samples) + last

    def as_dict(self) -> dict[str, Any]:
        return vars(self) | {"training": dict(self.training)}
