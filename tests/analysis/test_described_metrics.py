"""A metric without its plugin is shown, sorted, compared, ranked, plotted and reported."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from made_up_runs import Row, synthetic_frame, write_synthetic_run

from ganbench.analysis.summary import by_cell
from ganbench.base.errors import UsageError
from ganbench.cli.app import app
from ganbench.components.column import Column
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.present.results_view import make_view
from ganbench.present.selection import in_order
from ganbench.registry import lookup
from ganbench.report.content import gather
from ganbench.report.kinds.curves import curves
from ganbench.report.kinds.heatmap import heatmaps
from ganbench.report.kinds.pareto import pareto
from ganbench.report.kinds.profiles import score_profiles
from ganbench.report.kinds.samples import choose
from ganbench.report.tables import whole_view
from ganbench.store.columns import Columns, describe_frame
from ganbench.store.frames import load_history, load_results
from ganbench.store.primary import curve_columns
from ganbench.store.results_table import refresh_table
from ganbench.store.run_folder import RunFolder

HUE = Column(
    "hue_match", unit="%", better="higher", scale="share", label="share of hues", shown=True
)
OTHER = Column("hue_match@dinov2", better="higher", scale="share", label="hues", shown=True)
OURS = (
    "fd", "fd_best", "cs_mean", "cs_std", "kid_mean", "kid_std", "precision", "recall", "density",
    "coverage", "fd_drift", "fd_auc", "fd_rough",
)  # fmt: skip
EVALUATION = {"primary": "hue_match", "ticks": 2}


def value(loss: str, seed: int) -> float:
    return {"good": 0.6, "bad": 0.2}[loss] + 0.01 * (seed % 3)


def measured(row: Row) -> Row:
    hue = value(row["loss"], row["seed"])
    found = {"hue_match": hue, "hue_match_best": hue, "hue_match@dinov2": 0.9 - hue}
    return row | found | {"evaluation": json.dumps(EVALUATION)}


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_default", lookup.Registry([], []))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("hues") / "run"
    run = write_synthetic_run(
        path,
        losses=("good", "bad"),
        seeds=3,
        ticks=2,
        edit=measured,
        columns=[HUE, OTHER, *curve_columns(HUE)],
        pictures=True,
        table=False,
    )
    for trial in run.trials():
        row, history = trial.read_row(), trial.read_history()
        assert row is not None
        curve = [r | {"hue_match": row["hue_match"] * r["tick"] / 2} for r in history]
        trial.write_history([r | dict.fromkeys({*OURS} & set(r)) for r in curve])
        trial.write_row(row | dict.fromkeys(OURS))
    refresh_table(run)
    return run


@pytest.fixture
def results(folder: RunFolder) -> pd.DataFrame:
    return load_results(folder.path)


def call(*arguments: object) -> Result:
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert found.exit_code == 0, found.output
    return found


def test_tables_show_it_the_best_first_and_bold(results: pd.DataFrame) -> None:
    for by in (None, "hue_match"):
        assert in_order(by_cell(results), by)["loss"].tolist() == ["good"] * 2 + ["bad"] * 2
    assert in_order(results, "hue_match@dinov2")["loss"].iloc[0] == "bad"
    view = make_view(results, by_cell=True)
    columns = {column.name: column for column in view.columns}
    assert columns["hue_match_median"].header == "hue match median ↑"
    assert columns["hue_match_median"].best == [True, True, False, False]
    assert columns["hue_match@dinov2_median"].best == [False, False, True, True]
    assert "[" in columns["hue_match_median"].cells[0]
    names = [column.name for column in make_view(results).columns]
    assert names[5:8] == ["hue_match", "hue_match_best", "hue_match@dinov2"]
    assert not {*OURS} & {*names}


@pytest.mark.parametrize("format_", ["table", "csv", "json", "markdown", "latex", "parquet"])
def test_every_format_has_it(folder: RunFolder, tmp_path: Path, format_: str) -> None:
    arguments = ["results", folder.path, "--by-cell", "--format", format_, "--sort"]
    columns = ["--columns", "loss,hue_match,hue_match@dinov2"]
    out = tmp_path / "out"
    call(*arguments, "hue_match@dinov2", *columns, "-o", out)
    if format_ == "parquet":
        assert pd.read_parquet(out)["hue_match@dinov2_median"].iloc[0] == pytest.approx(0.69)
        return
    text = out.read_text()
    head = {
        "markdown": "| loss | share of hues (%) ↑ | hues on dinov2 ↑ |",
        "latex": r"loss & share of hues (\%) $\uparrow$ & hues on dinov2 $\uparrow$ \\",
        "csv": "loss,hue_match_median,hue_match@dinov2_median",
        "json": '"hue_match@dinov2_median": 0.69',
        "table": "hue match@dinov2\n",
    }
    assert head[format_] in text


def test_it_is_compared_and_ranked(results: pd.DataFrame) -> None:
    found = compare(results, "good", results, "bad")
    assert (found.metric, found.scale) == ("hue_match", "linear")
    assert found.overall.effect.estimate == pytest.approx(0.4)
    assert found.overall.better.probability == 1.0
    assert (
        compare(results, "good", results, "bad", metric=OTHER.name).overall.better.probability == 0
    )
    assert rank(results, "loss")["loss"].tolist() == ["good", "bad"]
    assert rank(results, "loss", OTHER.name)["loss"].tolist() == ["bad", "good"]


def test_it_is_compared_and_ranked_at_the_command_line(folder: RunFolder) -> None:
    text = " ".join(call("compare", folder.path, "good", "bad").stdout.split())
    assert "good is better by hue_match." in text
    metric = ["--metric", "hue_match@dinov2"]
    assert "hue_match@dinov2" in call("compare", folder.path, "good", "bad", *metric).stdout
    assert "hue_match@dinov2" in call("rank", folder.path, "--by", "loss", *metric).stdout


def test_figures_draw_it(folder: RunFolder, results: pd.DataFrame) -> None:
    history = load_history(folder.path)
    (lines,), (fields,), (points,) = curves(results, history), heatmaps(results), pareto(results)
    (field,) = fields.fields
    assert {lines.y.title, field.title, points.y.title} == {"share of hues (%)"}
    assert {lines.y.better, field.better, points.y.better} == {"higher"}
    assert not any(scale.log for scale in (lines.y, field, points.y))
    assert all("good" in point.label for point in points.points if point.filled)
    assert score_profiles(results)[0].lines[0].start == "right"
    (chosen, *_) = choose(results)
    assert chosen.note == "of each cell the seed with the median share of hues"
    assert "hue_match 0." in chosen.detail


@pytest.mark.parametrize("kind", ["curves", "heatmap", "pareto", "profile", "samples"])
def test_plots_are_written(folder: RunFolder, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "figure.png"
    call("plot", folder.path, "--kind", kind, "-o", out, "--dpi", 30)
    if kind in ("heatmap", "pareto", "profile"):
        call("plot", folder.path, "--kind", kind, "-o", out, "--dpi", 30, "--metric", OTHER.name)
    assert out.stat().st_size


def test_the_report_is_about_it(folder: RunFolder, tmp_path: Path) -> None:
    report = gather(folder.path)
    assert "has the highest median hue_match 0.61" in report.findings[0]
    claim = "good comes first on average over 2 blocks, and the data tell all others apart from it"
    assert any(f"by hue_match, {claim}" in text for text in report.findings)
    chapters = {chapter.anchor for chapter in report.chapters}
    assert {"heat-maps", "curves", "speed", "profiles", "time"} <= chapters
    assert "hue_match@dinov2_median" in report.cells.defaults
    assert "hue_match\u00a00." in report.galleries[0].pictures[0].caption
    out = tmp_path / "report.html"
    call("report", folder.path, "-o", out)
    assert "share of hues (%)" in out.read_text()


def test_a_hundred_metrics_are_no_burden(results: pd.DataFrame) -> None:
    many = Columns(
        Column(f"metric{n}", better="lower", scale="log", shown=True) for n in range(100)
    )
    values = dict.fromkeys(many, results["hue_match"])
    wide = describe_frame(pd.concat([results, pd.DataFrame(values)], axis=1), many)
    view = whole_view(
        wide, by_cell(wide)
    )  # pandas would warn of slow frames, which is an error here
    assert {f"metric{n}_median" for n in range(100)} <= {column.name for column in view.columns}


class TestTwoPrimaries:
    @pytest.fixture
    def mixed(self, results: pd.DataFrame) -> pd.DataFrame:
        other = json.dumps(EVALUATION | {"primary": OTHER.name})
        return results.assign(evaluation=results["evaluation"].where(results["seed"] != 1, other))

    def test_no_metric_is_taken_for_both(self, mixed: pd.DataFrame) -> None:
        with pytest.raises(UsageError, match="their primary metrics are hue_match and hue_match@d"):
            rank(mixed, "loss")
        with pytest.raises(UsageError, match="name one metric with --metric"):
            heatmaps(mixed)

    def test_a_named_one_is_common_to_both(self, mixed: pd.DataFrame) -> None:
        found = compare(mixed, "good", mixed, "bad", metric="hue_match")
        assert sum(map(len, found.overall.seeds)) == 6
        (chart,) = heatmaps(mixed, metric="hue_match")
        assert chart.fields[0].cells[0][0] is not None

    def test_tables_show_both(self, mixed: pd.DataFrame) -> None:
        names = [column.name for column in make_view(mixed, by_cell=True).columns]
        assert {"hue_match_median", "hue_match@dinov2_median"} <= {*names}


def test_numbers_on_two_scales_are_not_compared() -> None:
    frames = [
        describe_frame(
            synthetic_frame(lambda row: row | {"hue_match": 0.5}),
            Columns([Column("hue_match", better="higher", scale=scale)]),
        )
        for scale in ("share", "linear")
    ]
    with pytest.raises(UsageError, match=r"differs in meaning between the runs: its scale differs"):
        compare(frames[0], None, frames[1], None, metric="hue_match")
