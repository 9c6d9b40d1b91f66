"""Shared by all benchmarks: the device, and a record of the machine beside each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from benchmarks.measuring import circumstances
from ganbench.testing.speed.device import bench_device


@pytest.fixture(scope="session")
def device() -> torch.device:
    """``$GANBENCH_BENCH_DEVICE``, else the GPU if there is one, else the CPU."""
    return bench_device()


@pytest.fixture(autouse=True)
def _record_circumstances(request: pytest.FixtureRequest) -> Iterator[None]:
    """After the benchmark, since trainers set the switches of TF32."""
    benchmark = (
        request.getfixturevalue("benchmark") if "benchmark" in request.fixturenames else None
    )
    yield
    if benchmark is not None:
        benchmark.extra_info.update(circumstances(bench_device()))
