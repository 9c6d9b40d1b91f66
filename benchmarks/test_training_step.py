"""A training step with every loss, on architectures so small that a loss shows beside them."""

from __future__ import annotations

import functools

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import record_rate, repetitions, synchronized
from benchmarks.synthetic import (
    SHAPES,
    losses,
    make_cell,
    make_trainer,
    small_architectures,
)

pytestmark = pytest.mark.benchmark(timer=synchronized)

_SHAPES = ("8x8-gray", "32x32-color")
_SECONDS_OF_A_ROUND = 0.1
_SECONDS = 2.0


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("loss", losses())
@pytest.mark.parametrize("architecture", small_architectures())
def test_step(
    benchmark: BenchmarkFixture, device: torch.device, architecture: str, loss: str, shape: str
) -> None:
    cell = make_cell(architecture, loss, SHAPES[shape])
    if cell.reason is not None:
        pytest.skip(cell.reason)
    trainer = make_trainer(cell, device)
    steps, rounds = 1, 1
    if benchmark.enabled:
        steps = _steps_of_a_round(architecture, shape, device)
        trainer.time_steps(steps)
        rounds = min(20, max(5, repetitions(trainer.time_steps(steps) * steps, _SECONDS)))
    benchmark.group = f"training step: {architecture}, {shape}"
    benchmark.pedantic(trainer.time_steps, (steps,), rounds=rounds)
    benchmark.extra_info |= {"batch_size": cell.training.settings.batch_size, "steps": steps}
    record_rate(benchmark, "images_per_second", trainer.images_per_step * steps)
    assert trainer.failed_step() is None


@functools.cache
def _steps_of_a_round(architecture: str, shape: str, device: torch.device) -> int:
    """As many for each loss, so that the losses' times can be read beside each other."""
    trainer = make_trainer(make_cell(architecture, "non-saturating", SHAPES[shape]), device)
    trainer.time_steps(1)
    return repetitions(trainer.time_steps(2), _SECONDS_OF_A_ROUND)
