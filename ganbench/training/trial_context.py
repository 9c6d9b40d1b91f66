"""The messages between a trial and its runner."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.store.primary import PRIMARY
from ganbench.store.trial_folder import TrialFolder

if TYPE_CHECKING:
    from ganbench.training.trainer import Trainer


@dataclass(frozen=True)
class Status:
    """How far a running trial is.

    :ivar phase: ``starting``, ``training`` or ``evaluating``.
    :ivar share: used part of the budget, 0 to 1.
    :ivar quality: the primary metric at the last tick; ``metric`` is its name.
    """

    phase: str = "starting"
    share: float = 0.0
    steps: int = 0
    images: int = 0
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    d_loss: float = math.nan
    g_loss: float = math.nan
    quality: float = math.nan
    metric: str = PRIMARY

    @classmethod
    def of(
        cls, phase: str, trainer: Trainer, eval_seconds: float, quality: float, metric: str
    ) -> Status:
        """The report of a trainer at its present step."""
        series = trainer.series
        losses = {
            name: float(series.column(name)[-1]) if series.steps else math.nan
            for name in ("d_loss", "g_loss")
        }
        return cls(
            phase,
            trainer.progress.share,
            trainer.steps,
            trainer.images,
            trainer.train_seconds,
            eval_seconds,
            quality=quality,
            metric=metric,
            **losses,
        )


@dataclass(frozen=True)
class TrialContext:
    """The surroundings of one attempt at a trial.

    :ivar attempt: its number, from 1.
    :ivar keep_results: whether it continues a checkpoint of earlier component code.
    :ivar base: a finished trial of a smaller budget to go on from.
    :ivar should_stop: asked between stretches of steps; True makes the trial save and stop.
    :ivar watch: receives the `Status` about twice a second.
    :ivar on_tick: receives every line of the history.
    :ivar holds: whether this process still holds the trial's lease; asked before every write.
    :ivar exclusive: whether no other process has used the device since the attempt began.
    """

    attempt: int = 1
    keep_results: bool = False
    base: TrialFolder | None = None
    should_stop: Callable[[], bool] = lambda: False
    watch: Callable[[Status], None] = lambda status: None
    on_tick: Callable[[Mapping[str, Any]], None] = lambda record: None
    holds: Callable[[], bool] = lambda: True
    exclusive: Callable[[], bool] = lambda: True
