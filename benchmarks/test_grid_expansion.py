"""A grid of ten thousand cells, from its dict to cells and names of trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import record_rate
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand

pytestmark = pytest.mark.benchmark(group="grid expansion")

_GRID = {
    "grid": {
        "architecture": [f"mlp[latent_dim={length}]" for length in range(1, 101)],
        "loss": [f"non-saturating[smoothing={share / 100}]" for share in range(10)],
        "dataset": ["digits", "digits[size=16]"],
        "regularizer": ["none", *(f"r1[gamma={gamma}]" for gamma in (0.1, 1.0, 10.0, 100.0))],
    },
    "budget": {"images": 1000},
}
_CELLS = 100 * 10 * 2 * 5


def test_expand(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    plan = benchmark.pedantic(lambda: expand(Grid.from_dict(_GRID), tmp_path), rounds=5)
    assert len(plan.runnable) == _CELLS
    record_rate(benchmark, "cells_per_second", _CELLS)


def test_trial_names(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A name ends in a hash of all that decides the trial; cells keep theirs, so each is new."""

    def fresh() -> tuple[tuple[list[object]], dict[str, object]]:
        return ([*expand(Grid.from_dict(_GRID), tmp_path).trials()],), {}

    names = benchmark.pedantic(lambda trials: {trial.id for trial in trials}, setup=fresh, rounds=3)
    assert len(names) == _CELLS
    record_rate(benchmark, "trials_per_second", _CELLS)
