"""The host's part of a training step, on networks so small that little else is left of it.

``operations`` counts the calls of PyTorch in a step, below autograd. ``host_us`` is what a step takes
beyond these calls one by one: Python, and autograd's own work. A graph of the step does without both.
"""

from __future__ import annotations

import time

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import median_seconds, synchronized
from benchmarks.synthetic import SHAPES, make_cell, make_trainer
from ganbench.training.op_log import OpLog
from ganbench.training.recorded import Recorded
from ganbench.training.trainer import Trainer

pytestmark = pytest.mark.benchmark(timer=synchronized, group="the host's part of a step")

CELLS = {
    "mlp": ("mlp[d_widths=[16],g_widths=[16]]", "non-saturating"),
    "dcgan": ("dcgan[width=4]", "non-saturating"),
    "dcgan-gp": ("dcgan[width=4,d_norm=layer]", "wgan-gp"),
}
_ROUNDS, _STEPS = 15, 10


def _trainer(name: str, recorded: bool) -> Trainer:
    architecture, loss = CELLS[name]
    training = {"batch_size": 4, "d_steps": 1}
    cell = make_cell(architecture, loss, SHAPES["8x8-gray"], **training)
    trainer = make_trainer(cell, torch.device("cpu"), Recorded() if recorded else None)
    trainer.time_steps(2)
    return trainer


@pytest.mark.parametrize("name", CELLS)
def test_eager(benchmark: BenchmarkFixture, name: str) -> None:
    trainer = _trainer(name, recorded=False)
    benchmark.pedantic(trainer.time_steps, (_STEPS,), rounds=_ROUNDS)
    log = OpLog()
    with log:
        trainer.time_steps(1)
    benchmark.extra_info["operations"] = len(log.calls)
    seconds = median_seconds(benchmark)
    if seconds is not None:
        bare = sorted(_bare(log) for _ in range(_ROUNDS))[_ROUNDS // 2]
        benchmark.extra_info["host_us"] = 1e6 * (seconds / _STEPS - bare)
        benchmark.extra_info["host_share"] = 1 - bare * _STEPS / seconds


@pytest.mark.parametrize("name", CELLS)
def test_recorded(benchmark: BenchmarkFixture, name: str) -> None:
    """Against `test_eager`: what the CPU's recording saves of the host's part, and adds in copies."""
    trainer = _trainer(name, recorded=True)
    assert trainer.executor.name == "graph", trainer.executor_reason
    benchmark.pedantic(trainer.time_steps, (_STEPS,), rounds=_ROUNDS)


def _bare(log: OpLog) -> float:
    """Seconds of a step's operations alone."""
    start = time.perf_counter()
    with torch.no_grad():
        for call in log.calls:
            call.operation(*call.args, **call.kwargs)
    return time.perf_counter() - start
