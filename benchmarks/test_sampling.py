"""Samples of the averaged generator of every architecture."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import record_rate, synchronized
from benchmarks.synthetic import (
    SHAPES,
    make_cell,
    make_trainer,
    unconditional_architectures,
)

pytestmark = pytest.mark.benchmark(timer=synchronized, group="sampling")

_SHAPES = ("8x8-grey", "32x32-colour")
_SAMPLES = 1000


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("architecture", unconditional_architectures())
def test_sampling(
    benchmark: BenchmarkFixture, device: torch.device, architecture: str, shape: str
) -> None:
    cell = make_cell(architecture, "non-saturating", SHAPES[shape])
    if cell.reason is not None:
        pytest.skip(cell.reason)
    sampler = make_trainer(cell, device).sampler()
    images = benchmark.pedantic(sampler.images, (_SAMPLES, "benchmark"), rounds=10, warmup_rounds=1)
    assert cell.data is not None
    assert images.shape == (_SAMPLES, *cell.data.shape)
    record_rate(benchmark, "images_per_second", _SAMPLES)
