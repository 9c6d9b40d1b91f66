from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_runs import Row
from scipy import stats

from ganbench.analysis.groups import group
from ganbench.analysis.metrics import interval_scale
from ganbench.analysis.statistics.aggregates import median
from ganbench.analysis.statistics.intervals import interval
from ganbench.analysis.summary import STATISTICS, by_cell, cell_columns
from ganbench.present.columns_doc import columns_document
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.present.comparison_frame import COMPARISON_COLUMNS
from ganbench.present.ranking_frame import RANKING_COLUMNS
from ganbench.store.columns import installed
from ganbench.store.frames import load_results
from ganbench.store.run_folder import RunFolder

MakeRow = Callable[..., Row]


@pytest.fixture
def summed(run: RunFolder, row: MakeRow) -> Callable[..., pd.DataFrame]:
    """`by_cell` of trials that are given by what is special about them."""

    def make(*trials: dict[str, Any]) -> pd.DataFrame:
        for number, changes in enumerate(trials):
            run.trial(str(number)).write_row(row(str(number), seed=number) | changes)
        return by_cell(load_results(run.path))

    return make


def test_medians_and_ranges_over_seeds(summed: Callable[..., pd.DataFrame]) -> None:
    (line,) = summed(
        {"fd": 3.0, "fd_best": 2.0, "peak_memory_mb": 100.0, "train_seconds": 10.0},
        {"fd": 1.0, "fd_best": 1.0, "peak_memory_mb": 300.0, "train_seconds": 30.0},
        {"fd": 2.0, "fd_best": 1.5, "peak_memory_mb": 200.0, "train_seconds": 20.0},
    ).to_dict("records")
    assert (line["n"], line["failed"]) == (3, 0)
    assert (line["fd_median"], line["fd_min"], line["fd_max"]) == (2.0, 1.0, 3.0)
    assert line["fd_best_median"] == 1.5
    assert (line["peak_memory_mb"], line["train_seconds"]) == (300.0, 20.0)


def test_a_failure_counts_as_the_worst_and_stays(summed: Callable[..., pd.DataFrame]) -> None:
    (line,) = summed(
        {"fd": 1.0},
        {"fd": 2.0},
        {"fd": 0.1, "fd_best": 0.1, "status": "diverged", "verdict": "diverged"},
    ).to_dict("records")
    assert (line["n"], line["failed"]) == (3, 1)
    assert (line["fd_median"], line["fd_min"], line["fd_max"]) == (2.0, 1.0, math.inf)


def test_a_cell_of_failures_is_infinitely_bad(summed: Callable[..., pd.DataFrame]) -> None:
    failed = {"status": "crashed", "fd": None, "fd_best": None, "verdict": None}
    (line,) = summed(failed, failed).to_dict("records")
    assert line["fd_median"] == line["fd_best_median"] == math.inf
    assert line["verdicts"] == "crashed 2/2"
    assert math.isnan(line["images_per_second"])


def test_where_more_is_better_the_worst_is_below(summed: Callable[..., pd.DataFrame]) -> None:
    (line,) = summed(
        {"fid": 1.0, "is_mean": 7.0}, {"fid": 2.0, "is_mean": 8.0}, {"status": "oom"}
    ).to_dict("records")
    assert (line["fid_median"], line["is_mean_median"]) == (2.0, 7.0)
    assert line["is_mean_min"] == -math.inf


def test_columns_that_nobody_filled_are_not_there(summed: Callable[..., pd.DataFrame]) -> None:
    frame = summed({"fid": None}, {"fid": None})
    assert "fid_median" not in frame.columns
    assert "modes_median" not in frame.columns


def test_an_ok_trial_without_a_metric_was_not_measured(
    summed: Callable[..., pd.DataFrame],
) -> None:
    (line,) = summed({"fd": None}, {"fd": 4.0}).to_dict("records")
    assert (line["n"], line["failed"], line["fd_median"]) == (2, 0, 4.0)


def test_speed_is_of_trials_that_ran_alone(summed: Callable[..., pd.DataFrame]) -> None:
    (line,) = summed(
        {"images_per_second": 100.0},
        {"images_per_second": 10.0, "exclusive": False},
        {"images_per_second": 20.0, "exclusive": None},
        {"images_per_second": 30.0, "status": "timeout"},
    ).to_dict("records")
    assert line["images_per_second"] == 100.0


def test_verdicts_are_counted(summed: Callable[..., pd.DataFrame]) -> None:
    (line,) = summed(
        {"verdict": "degraded"},
        {"verdict": "stable"},
        {"verdict": "stable"},
        {"status": "timeout", "verdict": "stable"},
    ).to_dict("records")
    assert line["verdicts"] == "stable 2/4, degraded 1/4, timeout 1/4"


def test_skipped_cells_are_listed_without_statistics(mixed_run: RunFolder) -> None:
    frame = by_cell(load_results(mixed_run.path))
    skipped = frame[frame["reason"].notna()]
    assert skipped[["architecture", "loss", "n", "failed", "reason"]].to_numpy().tolist() == [
        ["mlp", "wgan-gp", 0, 0, "mlp has no critic of samples; use dcgan"]
    ]
    assert skipped["fd_median"].isna().all()
    assert skipped["verdicts"].isna().all()
    assert len(frame) == 4


def test_interrupted_trials_wait(summed: Callable[..., pd.DataFrame]) -> None:
    (line,) = summed({"fd": 1.0}, {"status": "interrupted", "fd": None}).to_dict("records")
    assert (line["n"], line["failed"], line["interrupted"]) == (1, 0, 1)
    assert line["fd_max"] == 1.0


class TestIntervals:
    def test_of_the_median_on_the_metrics_scale(self, summed: Callable[..., pd.DataFrame]) -> None:
        values = {"fd": [3.0, 5.0, 4.0, 9.0], "precision": [0.5, 0.9, 0.8, 0.7]}
        values["fd_auc"] = [-1.0, 2.0, 1.0, 1.5]
        trials = ({name: found[seed] for name, found in values.items()} for seed in range(4))
        (line,) = summed(*trials).to_dict("records")
        for name, found in values.items():
            known = interval(np.array(found), "median", scale=interval_scale(installed()[name]))
            assert line[f"{name}_low"] == pytest.approx(known.low, rel=1e-12)
            assert line[f"{name}_high"] == pytest.approx(known.high, rel=1e-12)
        assert line["precision_high"] <= 1

    def test_a_failure_leaves_the_bad_side_open(self, summed: Callable[..., pd.DataFrame]) -> None:
        given = [{"fd": fd, "is_mean": fd} for fd in (1.0, 1.1, 1.2)]
        (line,) = summed(*given, {"status": "crashed", "fd": None}).to_dict("records")
        assert 0 < line["fd_low"] < line["fd_median"] < line["fd_high"] == math.inf
        assert 0 == line["is_mean_low"] < line["is_mean_median"] < line["is_mean_high"] < 9

    def test_failures_have_wilsons_interval(self, summed: Callable[..., pd.DataFrame]) -> None:
        (line,) = summed({}, {}, {}, {"status": "oom"}, {"status": "timeout"}).to_dict("records")
        known = stats.binomtest(2, 5).proportion_ci(method="wilson")
        assert line["failure_low"] == pytest.approx(known.low)
        assert line["failure_high"] == pytest.approx(known.high)

    def test_means_of_the_middle_half_need_four_seeds(
        self, summed: Callable[..., pd.DataFrame]
    ) -> None:
        values = [1.0, 7.0, 2.0, 3.0, 100.0]
        (line,) = summed(*({"fd": value} for value in values)).to_dict("records")
        assert line["fd_iqm"] == pytest.approx(stats.trim_mean(values, 0.25))
        assert line["fd_mean"] == pytest.approx(np.mean(values))

    def test_fewer_seeds_have_no_middle_half(self, summed: Callable[..., pd.DataFrame]) -> None:
        (line,) = summed({"fd": 1.0}, {"fd": 2.0}, {"status": "error"}).to_dict("records")
        assert math.isnan(line["fd_iqm"])
        assert line["fd_mean"] == math.inf

    def test_how_they_were_found_is_kept(self, summed: Callable[..., pd.DataFrame]) -> None:
        frame = summed({"fd": 1.0}, {"fd": 2.0}, {"fd": 4.0})
        assert frame.attrs["interval"]["statistic"] == "median"
        stored = ["interval_level", "interval_seed", "interval_replicates"]
        assert frame[stored].to_numpy().tolist() == [[0.95, 0, 2000]]

    def test_one_seed_has_none(self, summed: Callable[..., pd.DataFrame]) -> None:
        (line,) = summed({"fd": 1.0}).to_dict("records")
        assert math.isnan(line["fd_low"])
        assert math.isnan(line["fd_high"])

    def test_a_level_and_a_seed_of_ones_own(self, mixed_run: RunFolder) -> None:
        frame = load_results(mixed_run.path)
        wide, narrow = by_cell(frame), by_cell(frame, level=0.5, seed=3, replicates=500)
        assert (narrow["fd_low"][:1] > wide["fd_low"][:1]).all()
        assert narrow["interval_seed"].tolist() == [3] * 4


def test_every_column_is_described(mixed_run: RunFolder) -> None:
    results = load_results(mixed_run.path).assign(modes=8.0, cell="x")
    results.loc[0, "cell"] = "y"
    frame = by_cell(results)
    known = {column.name: column.dtype for column in cell_columns(installed()).values()}
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: known[str(name)] for name in frame.columns
    }
    document = columns_document()
    general = {f"{column.name}_{name}" for column in installed().values() for name in STATISTICS}
    names = [name for name in (*frame.columns, *results.columns) if name not in general]
    assert all(f"| `{name}` |" in document for name in names)
    assert all(f"- `X_{name}`: " in document for name in STATISTICS)


def test_every_column_of_comparisons_and_ranks_is_described(mixed_run: RunFolder) -> None:
    results = load_results(mixed_run.path)
    compared = compare(results, "non-saturating", results, "wgan-gp", "loss").frame()
    for frame, columns in (
        (compared, COMPARISON_COLUMNS),
        (rank(results, "loss"), RANKING_COLUMNS),
        (rank(results, "loss", "precision"), RANKING_COLUMNS),
    ):
        known = {column.name: column.dtype for column in columns}
        found = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
        assert found == {name: known[name] for name in found}


class TestCells:
    def test_they_are_what_pandas_groups(self) -> None:
        dice = np.random.default_rng(0)
        names = ["architecture", "loss", "dataset", "regularizer", "augmentation", "budget"]
        frame = pd.DataFrame({name: dice.choice(["a", "b"], 300) for name in names}, dtype="string")
        groups = group(frame)
        assert groups.settings == ["budget"]
        numbers = frame.groupby(names, sort=False).ngroup()
        assert groups.codes.tolist() == numbers.tolist()
        assert groups.count == numbers.nunique()

    def test_settings_tell_cells_apart(self, summed: Callable[..., pd.DataFrame]) -> None:
        frame = summed({"budget": "1000img"}, {"budget": "2000img"}, {"budget": "1000img"})
        assert frame[["budget", "n"]].to_numpy().tolist() == [["1000img", 2], ["2000img", 1]]
        assert "batch_size" not in frame.columns

    def test_a_failed_trial_that_lacks_a_setting_stays_with_its_seeds(
        self, summed: Callable[..., pd.DataFrame]
    ) -> None:
        frame = summed(
            {"extractor": "x"},
            {"extractor": None, "status": "error"},
            {"extractor": "y", "dataset": "mnist"},
        )
        assert frame[["dataset", "n", "failed"]].to_numpy().tolist() == [
            ["digits", 2, 1],
            ["mnist", 1, 0],
        ]

    def test_a_trial_that_could_be_of_either_cell_is_of_neither(
        self, summed: Callable[..., pd.DataFrame]
    ) -> None:
        frame = summed({"budget": "1img"}, {"budget": "2img"}, {"budget": None, "status": "error"})
        assert frame["n"].tolist() == [1, 1, 1]


def test_an_empty_run(run: RunFolder) -> None:
    frame = by_cell(load_results(run.path))
    assert len(frame) == 0
    assert frame["fd_median"].dtype == "float64"
    assert frame["n"].dtype == "Int64"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0], 2.0),
        ([3.0, 1.0], 2.0),
        ([1.0, math.inf], math.inf),
        ([math.inf, math.inf], math.inf),
        ([-math.inf, 1.0, 2.0], 1.0),
    ],
)
def test_median(values: list[float], expected: float) -> None:
    assert median(np.array(values)) == expected
    assert math.isnan(median(np.array([])))
