"""Every architecture as its paper has it: a training step and samples, with its size and its FLOPs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import record_rate, repetitions, synchronized
from benchmarks.synthetic import data_for, losses_that_fit, make_cell, make_trainer
from ganbench.execution.selftest.plugin import registry
from ganbench.training.sampler import Sampler
from ganbench.training.trainer import Trainer

pytestmark = pytest.mark.benchmark(timer=synchronized)

_SECONDS = 3.0
#: Too slow on a CPU: minutes for a fraction of a second on a GPU.
_CPU_BATCH, _CPU_SAMPLES, _SAMPLES = 4, 8, 1000


def _architectures() -> list[str]:
    return [n for n, info in registry().components("architecture").items() if info.error is None]


@pytest.mark.parametrize("architecture", _architectures())
def test_step_of_an_architecture(
    benchmark: BenchmarkFixture, device: torch.device, architecture: str
) -> None:
    trainer = _trainer(architecture, device)
    trainer.time_steps(1)
    rounds = 1
    if benchmark.enabled:
        rounds = min(20, max(3, repetitions(trainer.time_steps(1), _SECONDS)))
    benchmark.group = "training step of each architecture, 32x32"
    benchmark.pedantic(trainer.time_steps, (1,), rounds=rounds)
    benchmark.extra_info |= _size(trainer)
    record_rate(benchmark, "images_per_second", trainer.images_per_step)
    assert trainer.failed_step() is None


@pytest.mark.parametrize("architecture", _architectures())
def test_samples_of_an_architecture(
    benchmark: BenchmarkFixture, device: torch.device, architecture: str
) -> None:
    trainer = _trainer(architecture, device)
    sampler = trainer.sampler()
    count = sampler.available(_CPU_SAMPLES if device.type == "cpu" else _SAMPLES)
    rounds = min(10, max(3, repetitions(_seconds(sampler, count), _SECONDS)))
    benchmark.group = "samples of each architecture, 32x32"
    images = benchmark.pedantic(
        sampler.images, (count, "benchmark"), rounds=rounds if benchmark.enabled else 1
    )
    benchmark.extra_info |= _size(trainer)
    record_rate(benchmark, "images_per_second", count)
    assert images.shape == (count, *trainer.data.spec.shape)


def _trainer(architecture: str, device: torch.device) -> Trainer:
    training: dict[str, Any] = {"batch_size": _CPU_BATCH} if device.type == "cpu" else {}
    data = data_for(architecture)
    loss = losses_that_fit(architecture, data)[0]
    cell = make_cell(architecture, loss, data, **training)
    assert cell.reason is None, cell.reason
    trainer = make_trainer(cell, device)
    assert trainer.schedule.total_steps is not None
    trainer.steps = trainer.schedule.total_steps * 9 // 10  # designs that grow have grown by then
    return trainer


def _seconds(sampler: Sampler, count: int) -> float:
    begin = synchronized()
    sampler.images(count, "warm-up")
    return synchronized() - begin


def _size(trainer: Trainer) -> dict[str, Any]:
    """Parameters of both players, FLOPs of one image forwards through each, and the batch size."""
    generator, discriminator = trainer.parameter_counts()
    trainer._inputs.prepare(trainer.progress)
    for network in trainer.networks:
        network.requires_grad_(False)  # the counter fails on tensors with a gradient
    with FlopCounterMode(display=False) as making:
        batch = trainer._parts.task.prepared(trainer._batches.next(), trainer.progress)
        pair = trainer._parts.task.make(batch).pairs[0]
    count = len(pair.real)
    with FlopCounterMode(display=False) as judging:
        trainer.networks.discriminator(pair.real, *pair.args, **pair.kwargs)
    return {
        "generator_params": generator,
        "discriminator_params": discriminator,
        "generator_flops_per_image": making.get_total_flops() / count,
        "discriminator_flops_per_image": judging.get_total_flops() / count,
        "batch_size": count,
    }
