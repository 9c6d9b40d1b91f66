"""The evaluation of a trial's generator: at every tick, at the end, and of the best tick."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ganbench.base.stop_requests import StopRequested
from ganbench.components.progress import Progress
from ganbench.evaluation.evaluator import Evaluator, TickMetrics
from ganbench.evaluation.sample_check import SAMPLES, FewImages
from ganbench.evaluation.sample_timeline import SampleTimeline
from ganbench.evaluation.sampled_source import FRESH_NOISE, NOISE, SampledSource
from ganbench.training.memory import PeakMemory
from ganbench.training.sampler import Sampler
from ganbench.training.trainer import Trainer
from ganbench.training.trial_state import TrialState


class TickEvaluation:
    """Measures a trainer's averaged generator, and keeps the time and the best tick in the state."""

    def __init__(
        self,
        label: str,
        evaluator: Evaluator,
        trainer: Trainer,
        state: TrialState,
        memory: PeakMemory,
    ) -> None:
        self._label, self._evaluator = label, evaluator
        self._trainer, self._state, self._memory = trainer, state, memory

    def measure(self, tick: int) -> TickMetrics | None:
        """The metrics of a tick; None for samples that are not finite."""
        state, evaluator, ticks = self._state, self._evaluator, self._trainer.schedule.ticks
        timeline = SampleTimeline(state.timeline)
        few = FewImages(SAMPLES if tick == ticks else 0)

        def see(images: torch.Tensor) -> None:
            timeline.see(tick, ticks, images)
            few.see(images)

        try:
            with self._timed():
                samples = self._samples(self._trainer.sampler(), NOISE, see)
                found = evaluator.at_end(samples) if tick == ticks else evaluator.at_tick(samples)
                if tick == ticks and self._trainer.data.spec.kind == "image":
                    translates = self._trainer.data.held_out is not None
                    state.samples_note = evaluator.samples_note(few.images(), not translates)
        except StopRequested:
            timeline.forget(tick)  # the next attempt evaluates the tick again
            raise
        state.failed |= found.failed
        if not math.isfinite(found.values[evaluator.primary]):
            timeline.forget(tick)
            return None
        return found

    def keep_best(self, value: float) -> None:
        """Keep the weights if the primary metric is the best so far."""
        state, trainer = self._state, self._trainer
        if state.is_better(value, self._evaluator.primary_column):
            state.best = value
            state.best_weights = trainer.averaged_weights()
            state.best_progress = trainer.progress

    def of_best(self) -> tuple[float, float]:
        """The best tick's primary metric and its noise, on latents that did not choose the tick."""
        state, trainer = self._state, self._trainer
        assert state.best_weights is not None
        with self._timed():
            sampler = trainer.sampler(Progress(*state.best_progress))
            last = trainer.averaged_weights()
            sampler.generator.load_state_dict(state.best_weights)
            try:
                found = self._evaluator.of_best(self._samples(sampler, FRESH_NOISE))
            finally:
                sampler.generator.load_state_dict(last)
        return found

    def _samples(
        self, sampler: Sampler, stream: str, see: Callable[[torch.Tensor], None] | None = None
    ) -> SampledSource:
        data = self._trainer.data
        pairs = None if data.held_out is None else data.held_out.targets
        watched = see if data.spec.kind == "image" else None
        count = self._evaluator.samples
        return SampledSource(
            f"trial {self._label}", sampler, count, stream, pairs=pairs, see=watched
        )

    @contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            with self._memory.evaluating():
                yield
        finally:
            self._state.eval_seconds += time.perf_counter() - start
