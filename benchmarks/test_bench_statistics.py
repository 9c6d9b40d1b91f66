"""Intervals of five thousand cells, beside a bootstrap of a few of them cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from made_up_runs import synthetic_frame
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import record_rate
from ganbench.analysis.statistics.intervals import intervals
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank

_CELLS = 5_000
_BOOTSTRAPPED = 50


@pytest.fixture(scope="module")
def cells() -> list[np.ndarray]:
    """Values over 3 to 10 seeds; in every tenth cell one seed failed."""
    random = np.random.default_rng(0)
    found = [random.lognormal(size=count) for count in random.integers(3, 11, _CELLS)]
    for values in found[::10]:
        values[0] = np.inf
    return found


@pytest.mark.benchmark(group="intervals over seeds")
@pytest.mark.parametrize("statistic", ["median", "mean", "iqm"])
def test_intervals(benchmark: BenchmarkFixture, cells: list[np.ndarray], statistic: str) -> None:
    lows, highs = benchmark(intervals, cells, statistic, scale="log")
    record_rate(benchmark, "cells", _CELLS)
    known = ~np.isnan(lows)
    assert (lows[known] <= highs[known]).all()


@pytest.mark.benchmark(group="intervals over seeds")
def test_a_bootstrap_cell_by_cell(benchmark: BenchmarkFixture, cells: list[np.ndarray]) -> None:
    """The plain way, for scale: scipy's percentile bootstrap with as many replicates."""

    def bootstrap() -> None:
        for values in cells[1:_BOOTSTRAPPED]:
            if np.isfinite(values).all():
                scipy.stats.bootstrap(
                    (values,), np.median, n_resamples=2000, method="percentile", rng=0
                )

    benchmark.pedantic(bootstrap, rounds=3, warmup_rounds=1)
    record_rate(benchmark, "cells", _BOOTSTRAPPED)


@pytest.mark.benchmark(group="questions to five thousand trials")
@pytest.mark.parametrize("question", ["compare", "rank"])
def test_questions(benchmark: BenchmarkFixture, question: str) -> None:
    architectures = [f"dcgan[width={width}]" for width in range(8, 808, 8)]
    frame = synthetic_frame(architectures=architectures, losses=tuple("abcdefghij"), seeds=5)
    if question == "compare":
        found = benchmark(compare, frame, "a", frame, "b")
        assert len(found.blocks) == 100
    else:
        assert len(benchmark(rank, frame, "loss")) == 10
    record_rate(benchmark, "trials", len(frame))
