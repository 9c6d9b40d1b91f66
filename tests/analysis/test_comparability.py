"""The same seed under several settings: nothing merges, nothing is dropped in silence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from made_up_runs import Row, synthetic_frame, write_synthetic_run

import ganbench as gb
from ganbench.analysis.comparability import MixedSettingsError, differences, distinguishing
from ganbench.analysis.summary import by_cell
from ganbench.base.errors import UsageError
from ganbench.cli.app import app
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.present.formats import render_results, render_table
from ganbench.report.content import gather
from ganbench.report.data.facets import facets
from ganbench.store.frames import load_results

USUAL = {"prdc_k": 3, "ticks": 10, "samples": 1000, "kid_subsets": 100}


def evaluated(**changes: Any) -> Row:
    return {"evaluation": json.dumps(USUAL | changes, sort_keys=True)}


def twice(first: Row, second: Row, losses: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    """Every trial in two ways, those of other losses in the first way alone."""
    one = synthetic_frame(lambda row: row | first)
    two = synthetic_frame(
        lambda row: (
            row | second | {"trial": f"{row['trial']}-again"} if row["loss"] in losses else None
        )
    )
    return pd.concat([one, two], ignore_index=True)


SETTINGS = [
    ({"prdc_k": 10}, r"prdc_k \(3 and 10\)"),
    ({"ticks": 20}, r"ticks \(10 and 20\)"),
    ({"samples": 50, "kid_subsets": 7}, r"kid_subsets \(7 and 100\), samples \(50 and 1000\)"),
]


@pytest.mark.parametrize(("changes", "named"), SETTINGS)
@pytest.mark.parametrize("losses", [("a", "b"), ("a",)], ids=["both sides", "one side"])
def test_one_seed_under_several_evaluation_settings_is_refused(
    changes: dict[str, int], named: str, losses: tuple[str, ...]
) -> None:
    frame = twice(evaluated(), evaluated(**changes), losses)
    with pytest.raises(MixedSettingsError, match=named) as caught:
        compare(frame, "a", frame, "b")
    assert "mlp-a-0-again" in str(caught.value)
    assert "and so have 7 other seeds" in str(caught.value)
    with pytest.raises(MixedSettingsError, match=named):
        rank(frame, "loss")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"providers": "ganbench==0.2.0"}, r"plugins \(ganbench==0.1.0 and ganbench==0.2.0\)"),
        ({"data_fingerprint": "bbb"}, r"data \(aaa and bbb\)"),
        (
            {"settings": '{"d_lr": 0.1}', "setting_sources": '{"d_lr": "loss"}'},
            r"d_lr \(0.001 and 0.1\)",  # the loss brings it along, so it is no part of the block
        ),
    ],
)
def test_whatever_else_differs_is_named(changes: Row, named: str) -> None:
    usual = evaluated() | {"data_fingerprint": "aaa", "settings": '{"d_lr": 0.001}'}
    usual |= {"setting_sources": '{"d_lr": "grid"}'}
    frame = twice(usual, usual | changes)
    with pytest.raises(MixedSettingsError, match=named):
        compare(frame, "a", frame, "b")


def test_sides_that_were_measured_otherwise_never_meet() -> None:
    frame = synthetic_frame(lambda row: row | evaluated(prdc_k=3 if row["loss"] == "a" else 10))
    with pytest.raises(UsageError, match=r"never trained in the same block \(prdc_k: 3 against"):
        compare(frame, "a", frame, "b")
    with pytest.raises(UsageError, match=r"prdc_k: 3 against 10|prdc_k: 10 against 3"):
        rank(frame, "loss")


def test_trials_that_wait_or_were_skipped_are_no_second_measurement() -> None:
    for status in ("interrupted", "skipped"):
        frame = twice(evaluated(), evaluated(prdc_k=10) | {"status": status})
        assert compare(frame, "a", frame, "b").overall.pairs == 8


@pytest.mark.parametrize(
    "changes",
    [{"settings": '{"d_lr": 0.1}'}, {"budget": "1img"}, {"extractor": "x:1/1:train"}],
    ids=["training settings", "budget", "features"],
)
def test_what_makes_another_block_is_one(changes: Row) -> None:
    usual = evaluated() | {"settings": '{"d_lr": 0.001}'}
    frame = twice(usual, usual | changes)
    assert len(compare(frame, "a", frame, "b").blocks) == 4


def test_other_data_sets_may_be_measured_otherwise() -> None:
    one = synthetic_frame(lambda row: row | evaluated())
    two = synthetic_frame(lambda row: row | evaluated(samples=9) | {"dataset": "mnist"})
    frame = pd.concat([one, two], ignore_index=True)
    assert len(compare(frame, "a", frame, "b").blocks) == 4


def test_runs_that_were_measured_otherwise_do_not_compare(tmp_path: Path) -> None:
    for name, changes in (("one", {}), ("two", {"prdc_k": 10})):
        write_synthetic_run(
            tmp_path / name, ticks=1, edit=lambda row, c=changes: row | evaluated(**c)
        )
    with pytest.raises(
        UsageError, match=r"other evaluation settings .*prdc_k 3\) than in .*prdc_k 10"
    ):
        gb.compare(tmp_path / "one", against=tmp_path / "two")


def test_other_ticks_change_the_curve_alone(tmp_path: Path) -> None:
    for name, ticks in (("one", 10), ("two", 20)):
        write_synthetic_run(
            tmp_path / name, ticks=1, edit=lambda row, t=ticks: row | evaluated(ticks=t)
        )
    one, two = tmp_path / "one", tmp_path / "two"
    assert gb.compare(one, against=two, metric="fd").blocks
    with pytest.raises(UsageError, match="ticks: 10 against 20"):
        gb.compare(one, against=two, metric="fd_auc")


def test_rows_of_before_take_it_from_the_trials_identity(tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", ticks=1)
    assert "evaluation" not in load_results(run.path).columns
    for number, file in enumerate(sorted(run.path.glob("trials/*/trial.json"))):
        identity = json.loads(file.read_text()) | {"evaluation": USUAL | {"ticks": number}}
        file.write_text(json.dumps(identity))
    texts = load_results(run.path).sort_values("trial")["evaluation"]
    assert [json.loads(text)["ticks"] for text in texts] == [*range(8)]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ways to evaluate the same trials in one folder, in all else alike."""
    path = tmp_path_factory.mktemp("mixed") / "run"
    run = write_synthetic_run(path, seeds=3, ticks=1, edit=lambda row: row | evaluated())
    for trial in list(run.trials()):
        row = trial.read_row()
        assert row is not None
        again = run.trial(f"{trial.id}-again")
        again.write_row(row | evaluated(prdc_k=10) | {"trial": again.id})
        again.write_history(
            [line | {"trial": again.id} for line in trial.read_history() if "trial" in line]
        )
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "non-saturating", "wgan-gp"),
        ("compare", "non-saturating", "wgan-gp", "--format", "json"),
        ("rank", "--by", "loss"),
        ("rank", "--by", "loss", "--format", "json"),
    ],
)
def test_commands_refuse_with_one_sentence(mixed: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [arguments[0], str(mixed), *arguments[1:]])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "prdc_k (3 and 10)" in result.stderr
    assert "folder of its own" in result.stderr


def test_tables_keep_the_settings_apart_and_name_them(mixed: Path) -> None:
    results = load_results(mixed)
    summary = by_cell(results)
    assert (len(results), len(summary), set(summary["n"])) == (24, 8, {3})
    for text in (
        render_table(results, by_cell=True),
        render_table(results),
        render_results(results, "markdown", by_cell=True),
    ):
        assert "differs" in text
        assert text.count("prdc_k 3") == text.count("prdc_k 10") > 0
    assert "differs" not in render_table(results[results["evaluation"].str.contains('"prdc_k": 3')])


def test_bold_is_within_one_way_of_evaluation() -> None:
    def edit(row: Row) -> Row:
        better = row["loss"] == "a"
        return (
            row | evaluated(prdc_k=3 if better else 10) | {"fd": row["fd"] / (9 if better else 1)}
        )

    lines = render_results(synthetic_frame(edit), "markdown", by_cell=True).splitlines()
    assert sum("**" in line for line in lines if "| b |" in line) >= 1


def test_figures_keep_the_settings_apart(mixed: Path) -> None:
    found = facets(load_results(mixed))
    assert [facet.title for facet in found] == ["digits · prdc_k 3", "digits · prdc_k 10"]
    assert [len(facet.members) for facet in found] == [4, 4]


def test_a_skipped_cell_is_in_the_only_chart_of_its_data() -> None:
    def edit(row: Row) -> Row:
        skipped = {"status": "skipped", "error": "no room", "extractor": None, "protocol": None}
        return row | (skipped if row["loss"] == "b" else evaluated())

    assert [len(facet.members) for facet in facets(synthetic_frame(edit).assign(fid=math.nan))] == [
        4
    ]


def test_the_report_says_why_it_ranks_nothing(mixed: Path) -> None:
    report = gather(mixed)
    told = [text for text in report.findings if "not ranked" in text]
    assert len(told) == 2
    assert all("prdc_k (3 and 10)" in text for text in told)
    assert sum("(prdc_k 3)" in text for text in report.findings) == 1


def test_settings_are_told_in_order_and_each_once() -> None:
    texts = ['{"a": 1, "k": 10, "x": "p"}', '{"a": 1, "k": 3, "x": "q"}', '{"a": 1, "k": 3}']
    assert differences(texts) == {"k": ["3", "10"], "x": ["p", "q", "unknown"]}
    assert distinguishing(texts) == ["k 10, x p", "k 3, x q", "k 3"]
    assert differences([None, "no JSON", "[1]"]) == {}


MIXED = [
    ({"protocol": "0"}, "protocol (0 and 1)", "protocol 0"),
    ({"evaluation": json.dumps(USUAL | {"prdc_k": 10})}, "prdc_k (3 and 10)", "prdc_k 10"),
    ({"data_fingerprint": "f" * 64}, f"data (e and {12 * 'f'})", f"data {60 * 'f'}"),
]


@pytest.mark.parametrize(("changes", "named", "title"), MIXED)
def test_a_table_of_components_that_were_measured_in_several_ways_says_so(
    tmp_path: Path, changes: Row, named: str, title: str
) -> None:
    usual = evaluated() | {"data_fingerprint": "e"}
    run = tmp_path / "run"
    write_synthetic_run(
        run, ticks=1, edit=lambda row: row | usual | (changes if row["loss"] == "wgan-gp" else {})
    )
    frame = load_results(run)
    sentence = f"digits: only numbers with equal {named} are comparable"
    if "protocol" in changes:
        sentence = "numbers of different protocols are not comparable"
    for cells in (False, True):
        assert sentence in render_table(frame, by_cell=cells, width=400)
    first = [text for text in gather(run).findings if " median fd " in text]
    assert any(text.startswith(f"digits · {title}: ") for text in first)
    alike = frame[frame["loss"] == "wgan-gp"]
    assert "only numbers with equal" not in render_table(alike)


def test_what_was_not_trained_was_not_measured_otherwise() -> None:
    other = {"protocol": "0", "status": "skipped"}
    frame = synthetic_frame(lambda row: row | (other if row["loss"] == "b" else {}))
    assert "only numbers with equal" not in render_table(frame)


def test_protocols_mixed_in_one_folder_are_refused_with_a_way_out() -> None:
    one = synthetic_frame(lambda row: row | {"protocol": "9"})
    two = synthetic_frame(lambda row: row | {"protocol": "10", "trial": f"{row['trial']}-again"})
    frame = pd.concat([one, two], ignore_index=True)
    older = str(one["trial"].iloc[0])
    for attempt in (lambda: compare(frame, "a", frame, "b"), lambda: rank(frame, "loss")):
        with pytest.raises(MixedSettingsError, match="protocol 10 and 9 in this run") as caught:
            attempt()
        assert f"out of DIR/trials ({older}, " in str(caught.value)
        assert "-again" not in str(caught.value)
