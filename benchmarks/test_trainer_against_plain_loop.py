"""The trainer against the same training written by hand: rates in one process, peaks in two.

Measuring, averaging and reproducing cost the trainer something, and its choice of optimizer and of
gradients saves something. The goals are a ``rate_ratio`` of at least 0.95 and a ``memory_ratio`` of
at most 1.1.
"""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import median_seconds, synchronized
from benchmarks.plain_loop import ARCHITECTURES, ROUNDS, Race, compare_memory


@pytest.mark.benchmark(timer=synchronized, group="trainer against plain loop")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rate(benchmark: BenchmarkFixture, device: torch.device, architecture: str) -> None:
    race = Race.between(architecture, device)
    if benchmark.enabled:
        race.warm_up()
    benchmark.pedantic(race.ours_round, setup=race.plain_round, rounds=ROUNDS)
    benchmark.extra_info["steps"] = race.steps
    seconds = median_seconds(benchmark)
    if seconds is not None:
        benchmark.extra_info |= race.rates(seconds)


@pytest.mark.benchmark(group="peak memory against plain loop, where time says nothing")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_memory(benchmark: BenchmarkFixture, device: torch.device, architecture: str) -> None:
    benchmark.extra_info |= benchmark.pedantic(compare_memory, (architecture, device))
