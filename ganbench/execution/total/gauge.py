"""What training and evaluation cost on this machine, from a short warm-up of each kind."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ganbench.base.paths import cache_root
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.sampled_source import NOISE, SampledSource
from ganbench.execution.estimate import estimate
from ganbench.execution.resources import Resources
from ganbench.execution.total.costs import Costs
from ganbench.grid.cell import Cell, Trial
from ganbench.training.batches import TrainingData
from ganbench.training.trainer import Trainer

#: Samples of the two evaluations whose times give the cost of a sample.
_FEW, _SOME = 64, 256
#: Seconds of the smaller one, above which it says enough.
_SLOW = 2.0
#: Seconds for timing steps; cells that are left count as the timed ones of their architecture.
_TIMING = 20.0


def gauge(
    cells: Sequence[Cell],
    root: Path,
    device: torch.device,
    say: Callable[[str], None],
    timing: float = _TIMING,
    threads: int = 1,
) -> Costs:
    """Load data and features as workers do, then time steps of each kind and two evaluations.

    What is computed stays in the cache, so the run does not compute it again.

    :param cells: that can work; the evaluation of the first one is timed.
    :param root: the data folder.
    :param timing: seconds after which no further kind of step is timed.
    :param threads: of a trial on the CPU, at the most.
    :raises UsageError: for data or weights that are missing.
    """
    resources = Resources(root, cache_root(), device, say)
    first = cells[0]
    data, evaluator = resources.training_data(first), resources.evaluator(first)
    for note in resources.notes():
        say(note)
    evaluation = _evaluations(first, data, evaluator, device)
    found = estimate([Trial(cell, 0) for cell in cells], device, threads, timing)
    return Costs(
        training=dict(found.of_cells) if found.measured else {},
        features_note=evaluator.features_note,
        **evaluation,
    )


def _evaluations(
    cell: Cell, data: TrainingData, evaluator: Evaluator, device: torch.device
) -> dict[str, float]:
    """The fixed seconds of an evaluation, those of a sample, and what the last tick adds to both."""
    pairs = None if data.held_out is None else data.held_out.targets
    few, some = (min(count, evaluator.samples) for count in (_FEW, _SOME))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        trainer = Trainer(cell, 0, data, device)

        def seconds(measure: Callable[[SampledSource], Any], samples: int) -> float:
            source = SampledSource("a warm-up", trainer.sampler(), samples, NOISE, pairs=pairs)
            start = time.perf_counter()
            measure(source)
            return time.perf_counter() - start

        seconds(evaluator.at_end, few)  # computes and caches the references
        small = seconds(evaluator.at_tick, few)
        if small > _SLOW:
            more = seconds(evaluator.at_end, few) - small
            return {"start": 0.0, "sample": small / few, "end": max(0.0, more) / few}
        large, whole = seconds(evaluator.at_tick, some), seconds(evaluator.at_end, some)
    sample = max(0.0, large - small) / (some - few) if some > few else large / some
    return {
        "start": max(0.0, large - sample * some),
        "sample": sample,
        "end": max(0.0, whole - large) / some,
    }
