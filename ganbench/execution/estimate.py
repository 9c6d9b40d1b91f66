"""How long a plan will take: a few steps of its cells are timed on made-up data."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch

from ganbench.components.data import DataSpec, ImageData
from ganbench.grid.cell import Cell, Trial
from ganbench.training.data import TrainingData
from ganbench.training.trainer import Trainer

_STEPS = 3
_LONG = 2.0  # seconds of a step that need not be repeated to be measured well
_SMALL_BATCH = 4  # tells whether a step of the real size would take minutes


@dataclass(frozen=True)
class Estimate:
    """``seconds`` of training and sampling, from ``measured`` of ``kinds`` kinds of cell."""

    seconds: float
    measured: int
    kinds: int


def estimate(trials: Iterable[Trial], device: torch.device, limit: float = 10.0) -> Estimate:
    """Estimate the training time of trials, feature passes excluded.

    Cells that differ only in what does not change a step's cost are timed once; when ``limit``
    seconds are used up, the rest is taken to cost what the measured ones of its architecture did.
    """
    groups: dict[tuple[str, ...], list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[_cost_key(trial.cell)].append(trial)
    start = time.perf_counter()
    rates: dict[tuple[str, ...], float] = {}
    for key, members in groups.items():
        if rates and time.perf_counter() - start > limit:
            break
        seconds = _seconds_per_image(members[0].cell, device)
        if seconds is not None:
            rates[key] = seconds
    total = 0.0
    for key, members in groups.items():
        rate = rates.get(key, _typical(rates, key[0]))
        total += sum(_seconds(trial.cell, rate) for trial in members)
    return Estimate(total, len(rates), len(groups))


def _cost_key(cell: Cell) -> tuple[str, ...]:
    columns, settings = cell.columns, cell.training.settings
    rest = (settings.batch_size, settings.d_steps, settings.precision, cell.data)
    parts = (columns[name] for name in ("architecture", "loss", "regularizer", "augmentation"))
    return (*parts, *map(str, rest))


def _typical(rates: dict[tuple[str, ...], float], architecture: str) -> float:
    same = [rate for key, rate in rates.items() if key[0] == architecture]
    known = same or list(rates.values())
    return sum(known) / len(known) if known else 0.0


def _seconds(cell: Cell, per_image: float) -> float:
    budget, settings = cell.budget, cell.training.settings
    if budget.unit == "seconds":
        return budget.amount
    images = budget.amount
    if budget.unit == "steps":
        images *= settings.batch_size * settings.d_steps
    return images * per_image


def _seconds_per_image(cell: Cell, device: torch.device) -> float | None:
    """Training time for one real image; None for a cell that fails, which its trial will tell."""
    assert cell.data is not None
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            data = TrainingData(cell.data, _noise(cell.data, device))
            settings = cell.training.settings
            small = min(_SMALL_BATCH, settings.batch_size)
            rate = _timed(Trainer(_with_batches_of(cell, small), 0, data, device))
            if rate * settings.batch_size * settings.d_steps > _LONG:
                return rate
            return _timed(Trainer(cell, 0, data, device))
        except Exception:
            return None


def _timed(trainer: Trainer) -> float:
    """Seconds for one real image."""
    if trainer.schedule.total_steps is not None:
        # Designs that grow are slowest, and longest, when they have grown.
        trainer.steps = trainer.schedule.total_steps * 9 // 10
    # The first step of a kind loads kernels and takes memory, once: begin where all terms are due.
    trainer.steps -= trainer.steps % trainer.period
    trainer.time_steps(1)
    seconds = trainer.time_steps(1)
    if seconds < _LONG:
        seconds = trainer.time_steps(_STEPS)
    return seconds / trainer.images_per_step


def _with_batches_of(cell: Cell, size: int) -> Cell:
    settings = replace(cell.training.settings, batch_size=size)
    return replace(cell, training=replace(cell.training, settings=settings))


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
