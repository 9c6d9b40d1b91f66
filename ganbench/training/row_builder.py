"""Every row of a trial, however the trial ended."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.base.files import json_digest
from ganbench.base.version import __version__
from ganbench.evaluation.stability import stability, training_statistics
from ganbench.grid.cell import PROTOCOL, Trial
from ganbench.training.trial_context import Status

if TYPE_CHECKING:
    from ganbench.evaluation.evaluator import Evaluator
    from ganbench.training.series import StepSeries
    from ganbench.training.trainer import Trainer
    from ganbench.training.trial_state import TrialState

Row = dict[str, Any]


@dataclass(frozen=True)
class RowBuilder:
    """Makes the rows of one attempt at a trial.

    :ivar attempt: its number, from 1; None for a trial that never started.
    :ivar device: a name from `device_name`.
    :ivar threads: CPU threads of the process that trains.
    """

    trial: Trial
    attempt: int | None = None
    device: str | None = None
    threads: int | None = None

    def skipped(self) -> Row:
        """The row of a trial whose cell cannot work."""
        return self.ended("skipped", self.trial.cell.reason)

    def ended(self, status: str, error: str | None, **known: Any) -> Row:
        """The row of a trial that ended without training, with the columns that are ``known``."""
        row = {**_planned(self.trial), "status": status, "error": error, **known}
        if self.attempt is not None:
            row |= {"device": self.device, "threads": self.threads, "attempts": self.attempt}
        return row

    def lost(self, status: str, error: str, last: Status, started: str, seconds: float) -> Row:
        """The row of a trial whose process died.

        :param last: its last report.
        :param seconds: wall time of the attempt.
        """
        return self.ended(
            status,
            error,
            steps=last.steps,
            images=last.images,
            train_seconds=last.train_seconds,
            eval_seconds=last.eval_seconds,
            wall_seconds=seconds,
            started=started,
        )

    def trained(
        self,
        status: str,
        error: str | None,
        trainer: Trainer,
        evaluator: Evaluator,
        state: TrialState,
        *,
        exclusive: bool,
        peak_memory_mb: float,
        eval_peak_memory_mb: float | None,
        curve: bool = True,
    ) -> Row:
        """The row of a trial that was trained, up to its end or not."""
        seconds = trainer.times.median()
        generator, discriminator = trainer.parameter_counts()
        row = self.ended(
            status,
            error,
            steps=trainer.steps,
            images=trainer.images,
            train_seconds=trainer.train_seconds,
            warmup_seconds=trainer.warmup_seconds,
            compile_seconds=trainer.compile_seconds,
            executor=trainer.executor.name,
            executor_reason=trainer.executor_reason,
            eval_seconds=state.eval_seconds,
            wall_seconds=state.total_seconds,
            images_per_second=trainer.images_per_step / seconds if seconds else None,
            step_ms=None if seconds is None else 1000 * seconds,
            peak_memory_mb=peak_memory_mb,
            eval_peak_memory_mb=eval_peak_memory_mb,
            generator_params=generator,
            discriminator_params=discriminator,
            extractor=evaluator.extractor,
            evaluation_id=_evaluation_id(self.trial, evaluator),
            features_note=evaluator.features_note,
            samples_note=state.samples_note if status == "ok" else None,
            unmeasured=_json(state.failed) if state.failed else None,
            exclusive=state.exclusive and exclusive,
            deterministic=not state.nondeterministic,
            nondeterministic=", ".join(sorted(state.nondeterministic)) or None,
            started=state.started,
            extended_from=state.extended_from,
        )
        if curve and state.history:
            row |= _curve(trainer, evaluator, state, diverged=status == "diverged")
        return row


def _planned(trial: Trial) -> Row:
    """The columns that are known before a trial begins."""
    import torch

    cell, settings = trial.cell, trial.cell.training.settings
    return {
        "trial": trial.id,
        "cell": trial.names.cell,
        **cell.columns,
        "resolved_architecture": cell.architecture.spec,
        "task": cell.task,
        "seed": trial.seed,
        "batch_size": settings.batch_size,
        "precision_mode": settings.precision,
        "replicas": settings.replicas,
        "ganbench_version": __version__,
        "torch_version": str(torch.__version__),
        "providers": cell.providers,
        "sources": _json(cell.sources),
        "protocol": str(PROTOCOL),
        "budget": str(cell.budget),
        "data_fingerprint": cell.fingerprint or None,
        "evaluation": _json(cell.evaluation_record),
        "settings": _json(cell.training.as_dict()),
        "setting_sources": _json(dict(cell.training.sources)),
        "init": settings.init or None,
    }


def _evaluation_id(trial: Trial, evaluator: Evaluator) -> str:
    """A hash of everything that decides the meaning of the metrics, independent of the machine."""
    cell = trial.cell
    parts = {
        "protocol": PROTOCOL,
        "evaluation": {k: v for k, v in cell.evaluation_record.items() if k != "ticks"},
        "dataset": cell.identity["dataset"],
        "metrics": cell.identity["metrics"],
        "extractors": evaluator.identities,
    }
    return json_digest(parts, 16)


def _curve(
    trainer: Trainer, evaluator: Evaluator, state: TrialState, diverged: bool
) -> dict[str, Any]:
    """The stability columns; the curve of a diverged trial ends in a value that is not finite."""
    history, column = state.history, evaluator.primary_column
    images = [record["images"] for record in history]
    values = [record[column.name] for record in history]
    if diverged:
        images, values = [*images, max(images[-1], trainer.images)], [*values, math.nan]
    curve = stability(
        images,
        values,
        column,
        fresh=state.at_end.get(f"{column.name}_best_fresh", math.nan),
        noise=state.at_end.get(f"{column.name}_noise", math.nan),
        modes=[
            [record.get(name, math.nan) for record in history] for name in evaluator.mode_columns
        ],
    )
    return curve | _step_columns(trainer.series, trainer.failed_step())


def _step_columns(series: StepSeries, failed: int | None) -> dict[str, float]:
    """The statistics of all steps before the one that failed."""
    columns = [series.column(name)[:failed] for name in ("d_auc", "g_grad_norm", "d_grad_norm")]
    return training_statistics(*columns) if len(columns[0]) else {}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
