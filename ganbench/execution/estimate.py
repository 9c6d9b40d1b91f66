"""Estimate the time of a plan: time a few steps of its cells on made-up data."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from ganbench.base.errors import ContractError
from ganbench.base.text import plain
from ganbench.components.data import DataSpec, ImageData
from ganbench.grid.cell import Cell, Trial
from ganbench.training.batches import TrainingData
from ganbench.training.threads import suitable_threads
from ganbench.training.trainer import Trainer

_STEPS = 3
_LONG = 2.0  # seconds of a step that one measurement times well enough
_SMALL_BATCH = 4  # shows whether a step of the real size would take minutes


@dataclass(frozen=True)
class Estimate:
    """``seconds`` of training and sampling, from ``measured`` of ``kinds`` kinds of cell.

    :ivar of_cells: the same of one trial, by the cell's id.
    :ivar notes: a sentence for each cell that broke a contract, as its trials will.
    """

    seconds: float
    measured: int
    kinds: int
    of_cells: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def estimate(
    trials: Iterable[Trial], device: torch.device, most_threads: int = 1, limit: float = 10.0
) -> Estimate:
    """Estimate the training time of trials, feature passes excluded.

    Cells whose steps cost the same are timed once. After ``limit`` seconds, the rest count as the timed
    ones of their architecture.

    :param most_threads: of a trial on the CPU.
    """
    groups: dict[tuple[str, ...], list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[_cost_key(trial.cell)].append(trial)
    start = time.perf_counter()
    rates: dict[tuple[str, ...], float] = {}
    notes: list[str] = []
    for key, members in groups.items():
        if rates and time.perf_counter() - start > limit:
            break
        cell = members[0].cell
        with _threads(suitable_threads(cell, most_threads) if device.type == "cpu" else 0):
            seconds = _seconds_per_image(cell, device, notes)
        if seconds is not None:
            rates[key] = seconds
    total, of_cells = 0.0, dict[str, float]()
    for key, members in groups.items():
        known = [rate for timed, rate in rates.items() if timed[0] == key[0]] or [*rates.values()]
        rate = rates.get(key, sum(known) / len(known) if known else 0.0)
        total += sum(_seconds(trial.cell, rate) for trial in members)
        of_cells |= {trial.cell.id: _seconds(trial.cell, rate) for trial in members}
    return Estimate(total, len(rates), len(groups), of_cells, tuple(notes))


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """So many CPU threads in this process; 0 changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cost_key(cell: Cell) -> tuple[str, ...]:
    columns, settings = cell.columns, cell.training.settings
    rest = (settings.batch_size, settings.d_steps, settings.precision, cell.data)
    parts = (columns[name] for name in ("architecture", "loss", "regularizer", "augmentation"))
    return (*parts, *map(str, rest))


def _seconds(cell: Cell, per_image: float) -> float:
    budget, settings = cell.budget, cell.training.settings
    if budget.unit == "seconds":
        return budget.amount
    images = budget.amount
    if budget.unit == "steps":
        images *= settings.batch_size * settings.d_steps
    return images * per_image / settings.replicas


def _seconds_per_image(cell: Cell, device: torch.device, notes: list[str]) -> float | None:
    """Training time for one real image; None for a cell that fails, as its trial will.

    :param notes: receives a sentence for a cell that breaks a contract.
    """
    assert cell.data is not None
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            data = TrainingData(cell.data, _noise(cell.data, device))
            settings = cell.training.settings
            # The whole batch says why steps are not recorded, if they should be; once is enough.
            executor: Literal["eager", "auto"] = "eager" if settings.executor == "eager" else "auto"
            size = min(_SMALL_BATCH, settings.batch_size)
            few = replace(settings, batch_size=size, executor=executor)
            small = replace(cell, training=replace(cell.training, settings=few))
            rate = _timed(Trainer(small, 0, data, device))
            if rate * settings.batch_size * settings.d_steps > _LONG:
                return rate
            return _timed(Trainer(cell, 0, data, device))
        except ContractError as error:
            notes.append(f"{plain(cell.label)}: {error}")
        except Exception:
            pass  # of third-party code: its trials' rows will say it
        return None


def _timed(trainer: Trainer) -> float:
    """Seconds for one real image."""
    if trainer.schedule.total_steps is not None:
        # Designs that grow are slowest, and longest, when they have grown.
        trainer.steps = trainer.schedule.total_steps * 9 // 10
    # Begin at a step with all terms, so that none of them is met by the clock for the first time.
    trainer.steps -= trainer.steps % trainer.period
    trainer.warm_up()
    seconds = trainer.time_steps(1)
    if seconds < _LONG:
        seconds = trainer.time_steps(_STEPS)
    return seconds / trainer.images_per_step


def _noise(data: DataSpec, device: torch.device) -> ImageData:
    shape = (256, *data.shape)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    if data.kind == "points":
        images = images.float() / 127.5 - 1
    labels = torch.arange(256, device=device) % data.classes if data.classes else None
    sources = None
    if data.source_channels:
        shape = (256, *data.source.shape)
        sources = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    return ImageData(images, labels, sources=sources, paired=data.pairing == "paired")
