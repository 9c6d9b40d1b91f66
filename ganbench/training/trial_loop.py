"""One trial from its start, or its newest checkpoint, to its row."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import torch

from ganbench.base.clock import utc_now
from ganbench.base.determinism import NondeterminismWatch
from ganbench.base.devices import device_name
from ganbench.base.errors import InterruptedTraining, LeaseLostError
from ganbench.base.stop_requests import StopRequested, stoppable
from ganbench.base.text import clock, counted, plain
from ganbench.evaluation.evaluator import Evaluator, TickMetrics
from ganbench.grid.cell import Cell, Trial
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.batches import TrainingData
from ganbench.training.checkpointing import Checkpointing
from ganbench.training.memory import PeakMemory
from ganbench.training.row_builder import Row, RowBuilder
from ganbench.training.tick_evaluation import TickEvaluation
from ganbench.training.trainer import Trainer
from ganbench.training.trial_context import Status, TrialContext
from ganbench.training.trial_pictures import TrialPictures
from ganbench.training.trial_state import TrialState

#: Makes the trainer of a cell and seed.
MakeTrainer = Callable[[Cell, int, TrainingData, torch.device], Trainer]


class TrialLoop:
    """Trains one trial from tick to tick, with an evaluation at each."""

    def __init__(
        self,
        trial: Trial,
        folder: TrialFolder,
        data: TrainingData,
        evaluator: Evaluator,
        device: torch.device,
        context: TrialContext = TrialContext(),  # noqa: B008 - it is frozen
        make_trainer: MakeTrainer = Trainer,
    ) -> None:
        self.trial, self.folder, self.evaluator, self.device = trial, folder, evaluator, device
        self.state = TrialState(started=utc_now())
        self._memory = PeakMemory(device)
        self.trainer = make_trainer(trial.cell, trial.seed, data, device)
        self._context = context
        self._evaluation = TickEvaluation(
            trial.id, evaluator, self.trainer, self.state, self._memory
        )
        self._pictures = TrialPictures(folder, self.trainer)
        self._determinism = NondeterminismWatch(self.state.note_nondeterministic)
        self.checkpointing = Checkpointing(
            trial, folder, self.trainer, context.keep_results, context.base
        )

    def run(self) -> Row:
        """Train, evaluate, save; returns the row.

        :raises InterruptedTraining: if stopped on request; the state is saved.
        :raises LeaseLostError: if another run has taken the trial over.
        """
        # Replicas stop together, between stretches of steps.
        alone = self.trainer.replicas.count == 1
        with self._determinism, stoppable(lambda: alone and self._context.should_stop()):
            try:
                return self._run()
            except StopRequested:  # by an evaluation; what it had done is done again
                raise self._stopped() from None

    def failed(self, status: str, error: str) -> Row:
        """The row of a trial that ended in an error. It has no curve: half a curve is not a result."""
        return self._row(status, error, curve=False)

    def _run(self) -> Row:
        label, seed = plain(self.trial.cell.label), self.trial.seed
        self._log(f"attempt {self._context.attempt} at {label} seed {seed}")
        problem = self.trainer.problem()
        if problem is not None:
            return self._row("skipped", problem)
        self._resume()
        if self.state.tick < 0 and not self._evaluate(0):
            return self._diverged(-1)
        while self.state.tick < self.trainer.schedule.ticks:
            failed = self._advance(self.state.tick + 1)
            if failed is not None:
                return self._diverged(failed)
        return self._finished()

    def _resume(self) -> None:
        if not self.checkpointing.restore(self.state):
            # Do not keep the curve and pictures of an earlier attempt.
            self.folder.history_csv.unlink(missing_ok=True)
            self._pictures.remove()
        elif self.state.history:
            self.folder.write_history(self.state.history)
            self._pictures.draw_timeline(self.state.timeline)

    def _advance(self, tick: int) -> int | None:
        """Train to a tick and evaluate there; the step that diverged, or None."""
        trainer = self.trainer
        arrived = trainer.train_to(tick, self._context.should_stop, self._between_steps)
        failed = trainer.failed_step()
        if failed is not None:
            return failed
        if not arrived:
            raise self._stopped()
        finite = trainer.weights_finite() and self._evaluate(tick)
        return None if finite else trainer.steps - 1

    def _stopped(self) -> InterruptedTraining:
        """Save the state; the end of a trial that is stopped on request."""
        self._save()
        message = f"stopped on request after {counted(self.trainer.steps, 'step')}"
        try:
            return InterruptedTraining(message, self._row("interrupted", message))
        except StopRequested:  # the row names the real samples, which are not there yet
            return InterruptedTraining(message)

    def _evaluate(self, tick: int) -> bool:
        """Evaluate a tick and record it; False if the samples are not finite."""
        self._report("evaluating")
        found = self._evaluation.measure(tick)
        if found is None:
            return False
        state = self.state
        if tick == self.trainer.schedule.ticks:
            state.at_end = found.values
            self._pictures.draw_neighbors(found.nearest, state.timeline.get(str(tick)))
        record = self._record(tick, found)
        state.tick = tick
        state.history.append(record)
        self._evaluation.keep_best(found.values[self.evaluator.primary])
        self._check_lease()
        self.folder.write_history(state.history)
        self._pictures.draw_timeline(state.timeline)
        self._log(self._tick_text(record))
        self._context.on_tick(record)
        self._between_steps()
        return True

    def _tick_text(self, record: dict[str, Any]) -> str:
        name, state = self.evaluator.primary, self.state
        took = f"{clock(self.trainer.train_seconds)} of training, {clock(state.eval_seconds)}"
        return (
            f"tick {record['tick']} of {self.trainer.schedule.ticks}: {record['images']:,} images, "
            f"{name} {record[name]:.4g}, {took} of evaluation"
        )

    def _log(self, text: str) -> None:
        """Print into the trial's log, without a flush: workers do not buffer, and components may have
        put a stream in place whose flush never ends.
        """
        with contextlib.suppress(Exception):  # components may have closed the stream
            print(text)

    def _record(self, tick: int, found: TickMetrics) -> dict[str, Any]:
        """A tick's line of the history."""
        trainer, history = self.trainer, self.state.history
        return {
            "trial": self.trial.id,
            "tick": tick,
            "images": trainer.images,
            "steps": trainer.steps,
            "train_seconds": trainer.train_seconds,
            **self.evaluator.of_ticks(found.values),
            **trainer.series.means(history[-1]["steps"] if history else 0),
        }

    def _between_steps(self) -> None:
        """Report the progress, and save a checkpoint if one is due."""
        self._determinism.renew()
        self._report("training")
        if self.checkpointing.due:
            self._save()

    def _finished(self) -> Row:
        self._report("evaluating")
        with self._memory.evaluating():
            self._pictures.draw_samples()
        fresh, noise = self._evaluation.of_best()
        self._save()
        at_end, name = self.state.at_end, self.evaluator.primary
        known = [value for value in (at_end[f"{name}_noise"], noise) if not math.isnan(value)]
        at_end |= {f"{name}_best_fresh": fresh, f"{name}_noise": max(known, default=math.nan)}
        return self._row("ok") | at_end

    def _diverged(self, step: int) -> Row:
        what = ", ".join(self.trainer.series.nonfinite(step)) or "a weight or a sample"
        when = "before training" if step < 0 else f"in step {step + 1}"
        images = (step + 1) * self.trainer.images_per_step
        row = self._row("diverged", f"{what} became non-finite {when}")
        return row | {"steps": step + 1, "images": images, "fail_images": images}

    def _row(self, status: str, error: str | None = None, curve: bool = True) -> Row:
        device, threads = device_name(self.device), torch.get_num_threads()
        builder = RowBuilder(self.trial, self._context.attempt, device, threads)
        return builder.trained(
            status,
            error,
            self.trainer,
            self.evaluator,
            self.state,
            exclusive=self._context.exclusive(),
            peak_memory_mb=max(self._memory.training, self.trainer.recorded_mb),
            eval_peak_memory_mb=self._memory.evaluation,
            curve=curve,
        )

    def _report(self, phase: str) -> None:
        state, primary = self.state, self.evaluator.primary
        quality = state.history[-1][primary] if state.history else math.nan
        self._context.watch(Status.of(phase, self.trainer, state.eval_seconds, quality, primary))

    def _save(self) -> None:
        self._check_lease()
        self.checkpointing.save(self.state, self._context.exclusive())

    def _check_lease(self) -> None:
        """Without the lease, nothing may be written."""
        if not self._context.holds():
            raise LeaseLostError(f"trial {self.trial.id} was taken over by another run")
