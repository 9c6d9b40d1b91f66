"""One trial from its start, or its newest checkpoint, to its row."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ganbench import __version__
from ganbench.components.data import ImageData
from ganbench.components.progress import Progress
from ganbench.errors import ClaimLostError, InterruptedTraining
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.film import Film
from ganbench.evaluation.pictures import save_film, save_rows, save_samples, save_translations
from ganbench.evaluation.stability import stability, training_statistics
from ganbench.execution.generated import SampledSource
from ganbench.execution.memory import peak_megabytes, reset_peak
from ganbench.execution.orders import Status
from ganbench.execution.streams import FRESH_NOISE, NOISE
from ganbench.grid.cell import PROTOCOL, Trial
from ganbench.registry.sources import changed_sources
from ganbench.results.store import TrialFolder
from ganbench.training.data import TrainingData
from ganbench.training.sampler import Sampler
from ganbench.training.series import MEASURES
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench.training.trainer import Trainer

_PICTURES = {"image": 64, "points": 2500}
_TRANSLATIONS = 24
_SAVE_EVERY = 30.0  # seconds between checkpoints; the last tick always saves
_SAVE_SHARE = 0.02  # of the time may go into checkpoints, where a slow disk makes them long


@dataclass
class _Session:
    """The part of a trial's state that is not the trainer's; saved with every checkpoint."""

    tick: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)
    eval_seconds: float = 0.0
    wall_seconds: float = 0.0
    started: str = ""
    exclusive: bool = True
    at_end: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    best: float = math.inf
    best_weights: dict[str, torch.Tensor] | None = None
    best_progress: tuple[int, float] = Progress(0, 0.0)
    film: dict[str, torch.Tensor] = field(default_factory=dict)


class TrialRun:
    """Runs one trial.

    :param attempt: which attempt this is, from 1.
    :param should_stop: asked between stretches of steps; True saves the state and raises.
    :param watch: told the `Status` about twice a second.
    :param on_tick: told every line of the history.
    :param holds: whether the trial is still this process's to train; asked before every checkpoint.
    :param exclusive: whether nobody else has used the device since this was made.
    :param keep_results: whether to go on with a checkpoint of components' earlier code.
    """

    def __init__(
        self,
        trial: Trial,
        folder: TrialFolder,
        data: TrainingData,
        evaluator: Evaluator,
        device: torch.device,
        attempt: int = 1,
        should_stop: Callable[[], bool] = lambda: False,
        watch: Callable[[Status], None] = lambda status: None,
        on_tick: Callable[[Mapping[str, Any]], None] = lambda record: None,
        holds: Callable[[], bool] = lambda: True,
        exclusive: Callable[[], bool] = lambda: True,
        keep_results: bool = False,
    ) -> None:
        self.trial, self.folder, self.evaluator, self.device = trial, folder, evaluator, device
        self._attempt, self._exclusive, self._holds = attempt, exclusive, holds
        self._should_stop, self._watch, self._on_tick = should_stop, watch, on_tick
        self._keep_results = keep_results
        self._begin = time.perf_counter()
        reset_peak(device)
        self.trainer = Trainer(trial.cell, trial.seed, data, device)
        self._session = _Session(started=_now())
        self._last_save = time.perf_counter()
        self._save_every = checkpoint_seconds()

    def run(self) -> dict[str, Any]:
        """Train, evaluate, save; returns the row.

        :raises InterruptedTraining: if stopped on request; the state is saved.
        """
        problem = self.trainer.problem()
        if problem is not None:
            return self._row("skipped", problem)
        self._resume()
        if self._session.tick < 0 and not self._reach(0):
            return self._diverged(-1)
        while self._session.tick < self.trainer.schedule.ticks:
            tick = self._session.tick + 1
            arrived = self.trainer.train_to(tick, self._should_stop, self._after_stretch)
            failed = self.trainer.failed_step()
            if failed is not None:
                return self._diverged(failed)
            if not arrived:
                self._save()
                message = f"stopped on request after {self.trainer.steps} steps"
                raise InterruptedTraining(message, self._row("interrupted", message))
            if not self.trainer.weights_finite() or not self._reach(tick):
                return self._diverged(self.trainer.steps - 1)
        return self._finished()

    def _resume(self) -> None:
        state, problems = newest_checkpoint(self.folder.checkpoint_dir)
        for problem in problems:
            print(problem)
        if state is None:
            self._forget_earlier()
            return
        then, now = state.get("made_with", {}), self._made_with()
        changed = [f"{what} {then.get(what)}, now {now[what]}" for what in now
                   if what not in ("threads", "sources") and then.get(what) != now[what]]  # fmt: skip
        if not self._keep_results:
            edited = changed_sources(then.get("sources"), now["sources"])
            changed += [f"{component} before it was edited" for component in edited]
        if changed:
            # A row is of one program on one kind of device, or it says nothing.
            print(f"the checkpoint is of {', '.join(changed)}; starting anew")
            self._forget_earlier()
            return
        if then["threads"] != now["threads"]:
            print(f"began with {then['threads']} threads, goes on with {now['threads']}: the last "
                  "bits may differ from an undisturbed run")  # fmt: skip
        self.trainer.load_state_dict(state["trainer"])
        self._session = _Session(**state["session"])
        if self._session.history:
            self.folder.write_history(self._session.history)
            self._save_film()
        print(f"resumed after {self.trainer.steps} steps")

    def _forget_earlier(self) -> None:
        """A trial that starts anew must not end with an earlier attempt's curve and pictures."""
        folder = self.folder
        for path in (
            folder.history_csv,
            folder.samples_png,
            folder.progress_png,
            folder.neighbours_png,
        ):
            path.unlink(missing_ok=True)

    def _made_with(self) -> dict[str, Any]:
        return {
            "ganbench": __version__,
            "torch": str(torch.__version__),
            "device": self.device.type,
            "threads": torch.get_num_threads(),
            "sources": self.trial.cell.sources,
        }

    def _reach(self, tick: int) -> bool:
        """Evaluate a tick; False if the samples are not finite."""
        session, trainer = self._session, self.trainer
        self._report("evaluating")
        start = time.perf_counter()
        film, last = Film(session.film), tick == trainer.schedule.ticks
        see = functools.partial(film.see, tick, trainer.schedule.ticks)
        samples = self._samples(trainer.sampler(), NOISE, see)
        near = None
        if last:
            metrics, near = self.evaluator.at_end(samples)
        else:
            metrics = self.evaluator.at_tick(samples)
        session.eval_seconds += time.perf_counter() - start
        session.failed |= self.evaluator.failed
        if not math.isfinite(metrics[self.evaluator.primary]):
            film.forget(tick)
            return False
        if last:
            session.at_end = metrics
            self._save_neighbours(near, session.film.get(str(tick)))
        record = {
            "trial": self.trial.id,
            "tick": tick,
            "images": trainer.images,
            "steps": trainer.steps,
            "train_seconds": trainer.train_seconds,
            **self.evaluator.of_ticks(metrics),
            **self._means_since_last_tick(),
        }
        session.tick = tick
        session.history.append(record)
        if self._is_better(metrics[self.evaluator.primary]):
            session.best = metrics[self.evaluator.primary]
            session.best_weights = trainer.averaged_weights()
            session.best_progress = trainer.progress
        self._check_claim()
        self.folder.write_history(session.history)
        self._save_film()
        self._on_tick(record)
        self._after_stretch()
        return True

    def _after_stretch(self) -> None:
        """Between steps is where the world outside is thought of."""
        self._report("training")
        if time.perf_counter() - self._last_save > self._save_every:
            self._save()

    def _samples(
        self,
        sampler: Sampler,
        stream: str,
        see: Callable[[torch.Tensor], None] = lambda images: None,
    ) -> SampledSource:
        """A generator's samples, to be measured."""
        data = self.trainer.data
        held_out, image = data.held_out, data.spec.kind == "image"
        pairs = held_out.images if held_out is not None and held_out.paired else None
        return SampledSource(
            f"trial {self.trial.id}",
            sampler,
            self.evaluator.samples,
            stream,
            pairs=pairs,
            see=see if image else lambda images: None,
        )

    def _is_better(self, value: float) -> bool:
        """Whether a value of the primary metric is the best so far."""
        best = self._session.best
        if self.evaluator.primary_column.better == "higher":
            return value > best or not math.isfinite(best)
        return value < best

    def _means_since_last_tick(self) -> dict[str, float]:
        since = self._session.history[-1]["steps"] if self._session.history else 0
        table = self.trainer.series.table()[since:].astype(np.float64)
        if not len(table):
            return dict.fromkeys(MEASURES, math.nan)
        return dict(zip(MEASURES, table.mean(axis=0).tolist(), strict=True))

    def _finished(self) -> dict[str, Any]:
        session = self._session
        self._report("evaluating")
        self._save_pictures()
        fresh, noise = self._fresh_best()
        self._save()
        name = self.evaluator.primary
        known = [value for value in (session.at_end[f"{name}_noise"], noise) if value == value]
        session.at_end |= {
            f"{name}_best_fresh": fresh,
            f"{name}_noise": max(known, default=math.nan),
        }
        return self._row("ok") | session.at_end

    def _save_neighbours(self, near: torch.Tensor | None, samples: torch.Tensor | None) -> None:
        """A row for each of the first samples: the sample, then the real images nearest to it."""
        if near is not None and samples is not None:
            rows = [
                torch.cat([one[None], found]) for one, found in zip(samples, near, strict=False)
            ]
            save_rows(self.folder.neighbours_png, rows)

    def _save_film(self) -> None:
        if self._session.film:
            save_film(self.folder.progress_png, self._session.film)

    def _save_pictures(self) -> None:
        data, path = self.trainer.data, self.folder.samples_png
        sampler, kind, source = self.trainer.sampler(), data.spec.kind, data.source
        if data.held_out is not None:
            assert data.held_out.sources is not None
            fakes = sampler.images(_TRANSLATIONS, NOISE)
            targets = data.held_out.images if data.held_out.paired else None
            save_translations(path, data.held_out.sources, fakes, targets)
            return
        real = source.images[:2500] if isinstance(source, ImageData) and kind == "points" else None
        save_samples(path, sampler.images(_PICTURES[kind], NOISE), data.spec, real)

    def _fresh_best(self) -> tuple[float, float]:
        """The best tick's generator on noise that did not take part in choosing it: value and noise."""
        session, trainer = self._session, self.trainer
        assert session.best_weights is not None
        start = time.perf_counter()
        sampler = trainer.sampler(Progress(*session.best_progress))
        module = sampler.generator
        last = trainer.averaged_weights()
        module.load_state_dict(session.best_weights)
        found = self.evaluator.of_best(self._samples(sampler, FRESH_NOISE))
        module.load_state_dict(last)
        session.eval_seconds += time.perf_counter() - start
        return found

    def _diverged(self, step: int) -> dict[str, Any]:
        series = self.trainer.series
        values = series.table()[step] if 0 <= step < series.steps else []
        bad = [
            name for name, value in zip(MEASURES, values, strict=False) if not np.isfinite(value)
        ]
        what = ", ".join(bad) if bad else "a weight or a sample"
        images = (step + 1) * self.trainer.images_per_step
        row = self._row("diverged", f"{what} became non-finite {_when(step)}")
        return row | {"steps": step + 1, "images": images, "fail_images": images}

    def failed(self, status: str, error: str) -> dict[str, Any]:
        """The row of a trial that something ended; half a curve is no result, so it has none."""
        return self._row(status, error, curve=False)

    def _row(self, status: str, error: str | None = None, curve: bool = True) -> dict[str, Any]:
        trainer, session = self.trainer, self._session
        seconds = trainer.train_seconds
        g_params, d_params = trainer.parameter_counts()
        return {
            **base_row(self.trial),
            "status": status,
            "error": error,
            "steps": trainer.steps,
            "images": trainer.images,
            "train_seconds": seconds,
            "eval_seconds": session.eval_seconds,
            "wall_seconds": session.wall_seconds + time.perf_counter() - self._begin,
            "images_per_second": trainer.images / seconds if seconds else None,
            "step_ms": 1000 * seconds / trainer.steps if trainer.steps else None,
            "peak_memory_mb": peak_megabytes(self.device),
            "generator_params": g_params,
            "discriminator_params": d_params,
            "extractor": self.evaluator.extractor,
            "evaluation_id": self._evaluation_id(),
            "unmeasured": _json(self._session.failed) if self._session.failed else None,
            "device": device_name(self.device),
            "exclusive": session.exclusive and self._exclusive(),
            "started": session.started,
            "attempts": self._attempt,
            **(self._curve(status) if curve and session.history else {}),
        }

    def _evaluation_id(self) -> str:
        """A hash of everything that decides what the metrics mean, wherever the trial ran."""
        cell = self.trial.cell
        record = {k: v for k, v in cell.evaluation_record.items() if k != "ticks"}
        parts = {
            "protocol": PROTOCOL,
            "evaluation": record,
            "dataset": cell.identity["dataset"],
            "metrics": cell.identity["metrics"],
            "extractors": self.evaluator.identities,
        }
        return hashlib.sha256(_json(parts).encode()).hexdigest()[:16]

    def _curve(self, status: str) -> dict[str, Any]:
        """The stability columns; a diverged trial's curve ends in a value that is not finite."""
        session, column = self._session, self.evaluator.primary_column
        images = [record["images"] for record in session.history]
        values = [record[column.name] for record in session.history]
        if status == "diverged":
            images, values = [*images, max(images[-1], self.trainer.images)], [*values, math.nan]
        lost = [
            [record.get(name, math.nan) for record in session.history]
            for name in self.evaluator.mode_columns
        ]
        curve = stability(
            images,
            values,
            column,
            fresh=session.at_end.get(f"{column.name}_best_fresh", math.nan),
            noise=session.at_end.get(f"{column.name}_noise", math.nan),
            modes=lost,
        )
        series = self.trainer.series
        columns = [series.column(name) for name in ("d_auc", "g_grad_norm", "d_grad_norm")]
        failed = self.trainer.failed_step()
        columns = [column[:failed] for column in columns]
        statistics = training_statistics(*columns) if len(columns[0]) else {}
        return {**curve, **statistics}

    def _report(self, phase: str) -> None:
        trainer, series = self.trainer, self.trainer.series
        d_loss, g_loss = math.nan, math.nan
        if series.steps:
            d_loss, g_loss = (float(series.column(name)[-1]) for name in ("d_loss", "g_loss"))
        history = self._session.history
        self._watch(
            Status(
                phase,
                trainer.schedule.share(trainer.steps, trainer.train_seconds),
                trainer.steps,
                trainer.images,
                trainer.train_seconds,
                self._session.eval_seconds,
                d_loss,
                g_loss,
                history[-1][self.evaluator.primary] if history else math.nan,
            )
        )

    def _check_claim(self) -> None:
        """What is not ours any more must not be written to."""
        if not self._holds():
            raise ClaimLostError(f"trial {self.trial.id} was taken over by another run")

    def _save(self) -> None:
        self._check_claim()
        start = time.perf_counter()
        session = vars(self._session) | {
            "wall_seconds": self._session.wall_seconds + start - self._begin,
            "exclusive": self._session.exclusive and self._exclusive(),
        }
        name = f"{self.trainer.steps:012d}-{self._session.tick + 1:05d}"
        state = {
            "trainer": self.trainer.state_dict(),
            "session": session,
            "data": vars(self.trainer.data.spec),
            "progress": list(self.trainer.progress),
            "made_with": self._made_with(),
        }
        save_checkpoint(self.folder.checkpoint_dir, name, state)
        self._last_save = time.perf_counter()
        self._save_every = max(checkpoint_seconds(), (self._last_save - start) / _SAVE_SHARE)


def checkpoint_seconds() -> float:
    """Least time between two checkpoints: ``$GANBENCH_CHECKPOINT_SECONDS``, or 30."""
    try:
        return max(0.0, float(os.environ["GANBENCH_CHECKPOINT_SECONDS"]))
    except (KeyError, ValueError):
        return _SAVE_EVERY


def _when(step: int) -> str:
    return "before training" if step < 0 else f"in step {step + 1}"


def base_row(trial: Trial) -> dict[str, Any]:
    """The columns that are known before a trial begins."""
    cell, settings = trial.cell, trial.cell.training.settings
    return {
        "trial": trial.id,
        "cell": cell.digest[:16],
        **cell.columns,
        "resolved_architecture": cell.architecture.spec,
        "task": cell.task,
        "seed": trial.seed,
        "batch_size": settings.batch_size,
        "precision_mode": settings.precision,
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
    }


def device_name(device: torch.device) -> str:
    """``cpu`` or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"cpu ({threads} thread{'s' if threads > 1 else ''})"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
