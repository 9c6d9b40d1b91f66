"""The part of a trial's state that its trainer does not hold."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ganbench.components.column import Column
from ganbench.components.progress import Progress

_TIMELINE = "film"  # the name in checkpoints


@dataclass
class TrialState:
    """Ticks, times and the best generator so far. Every checkpoint holds it.

    :ivar tick: the last evaluated tick; -1 before tick 0.
    :ivar history: the lines of history.csv.
    :ivar wall_seconds: of the attempts before this one.
    :ivar extended_from: the trial of a smaller budget that this one went on from.
    :ivar at_end: metrics of the last tick, with floors and noise.
    :ivar samples_note: what makes the samples no result, see `Evaluator.samples_note`.
    :ivar failed: metric -> why its code failed.
    :ivar nondeterministic: operations that give other bits in every run, see `NondeterminismWatch`.
    :ivar timeline: the frames of a `SampleTimeline`.
    :ivar began: `time.perf_counter` at the start of this attempt; not in checkpoints.
    """

    tick: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)
    eval_seconds: float = 0.0
    wall_seconds: float = 0.0
    started: str = ""
    exclusive: bool = True
    extended_from: str | None = None
    at_end: dict[str, float] = field(default_factory=dict)
    samples_note: str | None = None
    failed: dict[str, str] = field(default_factory=dict)
    nondeterministic: list[str] = field(default_factory=list)
    best: float = math.inf
    best_weights: dict[str, torch.Tensor] | None = None
    best_progress: tuple[int, float] = Progress(0, 0.0)
    timeline: dict[str, torch.Tensor] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    @property
    def total_seconds(self) -> float:
        """Wall time of all attempts, up to now."""
        return self.wall_seconds + time.perf_counter() - self.began

    def is_better(self, value: float, column: Column) -> bool:
        """Whether a value of the primary metric is the best so far."""
        if column.better == "higher":
            return value > self.best or not math.isfinite(self.best)
        return value < self.best

    def note_nondeterministic(self, operation: str) -> None:
        """Keep the name of an operation that gives other bits in every run."""
        if operation not in self.nondeterministic:
            self.nondeterministic.append(operation)

    def as_dict(self, exclusive: bool) -> dict[str, Any]:
        """The content of a checkpoint.

        :param exclusive: whether this attempt has had the device to itself.
        """
        now = {"wall_seconds": self.total_seconds, "exclusive": self.exclusive and exclusive}
        content = vars(self) | now | {_TIMELINE: self.timeline}
        return {k: v for k, v in content.items() if k not in ("began", "timeline")}

    def load_dict(self, saved: Mapping[str, Any]) -> None:
        """Continue from `as_dict`; this attempt still counts from its own start."""
        vars(self).update(saved)
        self.timeline = vars(self).pop(_TIMELINE)
