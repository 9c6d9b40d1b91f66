"""The kernel distance is unbiased, and so at times below zero: nothing takes its logarithm."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from made_up_runs import Row, synthetic_frame, write_synthetic_run

from ganbench.analysis.metrics import interval_scale
from ganbench.analysis.statistics.intervals import interval
from ganbench.analysis.summary import by_cell
from ganbench.cli.app import app
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.present.formats import render_results
from ganbench.present.selection import in_order
from ganbench.report.data.bands import suits_log
from ganbench.report.kinds.curves import curves
from ganbench.report.kinds.heatmap import heatmaps
from ganbench.report.kinds.pareto import pareto
from ganbench.store.columns import columns_of
from ganbench.store.frames import load_history, load_results
from ganbench.store.run_folder import RunFolder

VALUES = {"a": (-0.002, 0.001, -0.001), "b": (0.05, 0.04, 0.06)}


def kernel(row: Row) -> Row:
    return row | {"kid_mean": VALUES[row["loss"]][row["seed"]]}


@pytest.fixture
def frame() -> pd.DataFrame:
    return synthetic_frame(kernel, seeds=3, architectures=("mlp",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("kid") / "run"
    return write_synthetic_run(path, losses=("a", "b"), seeds=3, ticks=2, edit=kernel)


def test_intervals_are_of_the_values_themselves_whatever_their_signs() -> None:
    for shift in (0.0, 1.0):  # also where all are positive
        frame = synthetic_frame(
            lambda row, by=shift: kernel(row) | {"kid_mean": kernel(row)["kid_mean"] + by},
            seeds=3,
            architectures=("mlp",),
        )
        table = by_cell(frame).set_index("loss")
        expected = interval(np.array(VALUES["a"]) + shift, "median")
        found = table.loc["a", ["kid_mean_low", "kid_mean_high"]].tolist()
        assert found == pytest.approx([expected.low, expected.high])


def test_comparisons_and_rankings_are_by_differences(frame: pd.DataFrame) -> None:
    found = compare(frame, "a", frame, "b", metric="kid_mean")
    assert found.scale == "linear"
    assert found.overall.effect.estimate == pytest.approx(-0.052)  # the middle of three
    positive = frame.assign(kid_mean=frame["kid_mean"] + 1)
    assert compare(positive, "a", positive, "b", metric="kid_mean").scale == "linear"
    assert "difference" in rank(positive, "loss", "kid_mean").columns


def test_the_least_is_the_best_also_below_zero(frame: pd.DataFrame) -> None:
    assert in_order(by_cell(frame), "kid_mean")["loss"].tolist() == ["a", "b"]
    first = next(
        line
        for line in render_results(frame, "markdown", by_cell=True).splitlines()
        if "| a |" in line
    )
    assert "**-0.001" in first


def test_no_figure_has_a_logarithmic_scale(folder: RunFolder) -> None:
    kid = columns_of(load_results(folder.path))["kid_mean"]
    assert interval_scale(kid) == "linear"
    assert not suits_log(kid, np.array([0.1, 9.0]))
    results = load_results(folder.path)
    history = load_history(folder.path)
    history["kid_mean"] = np.linspace(0.5, -0.01, len(history))
    (fields,), (lines,), (points,) = (
        heatmaps(results, metric="kid_mean"),
        curves(results, history, metric="kid_mean"),
        pareto(results, quality="kid_mean"),
    )
    assert [scale.log for scale in (fields.fields[0], lines.y, points.y)] == [False] * 3
    front = [point.label for point in points.points if point.filled]
    assert any(" a" in label or label == "a" for label in front)


@pytest.mark.parametrize("kind", ["heatmap", "pareto", "profile"])
def test_plots_show_it_and_refuse_a_logarithm(folder: RunFolder, tmp_path: Path, kind: str) -> None:
    command = ["plot", str(folder.path), "--kind", kind, "--metric", "kid_mean", "--dpi", "30"]
    command += ["-o", str(tmp_path / "kid.png")]
    assert CliRunner().invoke(app, command).exit_code == 0
    refused = CliRunner().invoke(app, [*command, "--log"])
    assert refused.exit_code == 2
    assert "kid_mean has values of zero or less" in refused.stderr


def test_a_missing_deviation_is_empty_in_every_format(tmp_path: Path) -> None:
    run = write_synthetic_run(
        tmp_path / "run", seeds=1, ticks=1, edit=lambda row: row | {"kid_std": math.nan}
    )
    arguments = ["results", str(run.path), "--columns", "loss,kid_std", "--format"]
    texts = {f: CliRunner().invoke(app, [*arguments, f]).stdout for f in ("csv", "json", "table")}
    assert texts["csv"].splitlines()[1].endswith(",")
    assert '"kid_std": null' in texts["json"]
    assert "–" in texts["table"]
    assert load_results(run.path)["kid_std"].isna().all()
