"""The kernel distance is unbiased, and so at times below zero: nothing takes its logarithm."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from ganbench.cli.app import app
from ganbench.report.charts.bands import suits_log
from ganbench.report.charts.curves import curves
from ganbench.report.charts.heatmap import heatmaps
from ganbench.report.charts.pareto import pareto
from ganbench.results.columns import columns_of
from ganbench.results.comparison import compare
from ganbench.results.export import to_markdown
from ganbench.results.frames import load_history, load_results
from ganbench.results.metrics import interval_scale
from ganbench.results.ranking import rank
from ganbench.results.selection import in_order
from ganbench.results.statistics.intervals import interval
from ganbench.results.store import RunFolder
from ganbench.results.summary import by_cell
from ganbench.testing.runs import Row, synthetic_frame, write_synthetic_run

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
    first = next(line for line in to_markdown(frame, by_cell=True).splitlines() if "| a |" in line)
    assert "**-0.001" in first


def test_no_figure_has_a_logarithmic_scale(folder: RunFolder) -> None:
    kid = columns_of(load_results(folder.path))["kid_mean"]
    assert interval_scale(kid) == "linear"
    assert not suits_log(kid, np.array([0.1, 9.0]))
    results = load_results(folder.path)
    history = load_history(folder.path)
    history["kid_mean"] = np.linspace(0.5, -0.01, len(history))
    charts = [
        *heatmaps(results, metric="kid_mean"),
        *curves(results, history, metric="kid_mean"),
        *pareto(results, quality="kid_mean"),
    ]
    assert [chart.log for chart in charts] == [False] * 3
    front = [point.label for point in charts[2].points if point.on_front]  # type: ignore[union-attr]
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
