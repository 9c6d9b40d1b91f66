from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_runs import Row, synthetic_frame

from ganbench.analysis import ranking
from ganbench.analysis.statistics.intervals import wilson
from ganbench.base.errors import UsageError
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.present.ranking_frame import frame, record, table

LOSSES = ("a", "b", "c")


def ranked(edit: Any = lambda row: row, **shape: Any) -> pd.DataFrame:
    return rank(synthetic_frame(edit, **({"losses": LOSSES} | shape)), "loss")


def spread_out(row: Row) -> Row:
    """a is best, then b, then c."""
    return row | {"fd": row["fd"] * {"a": 1.0, "b": 2.0, "c": 4.0}[row["loss"]]}


def test_the_best_comes_first_and_ranks_are_what_they_are() -> None:
    frame = ranked(spread_out)
    assert frame["loss"].tolist() == ["a", "b", "c"]
    assert frame["rank"].tolist() == [1.0, 2.0, 3.0]
    assert frame["better"].tolist() == [1.0, 0.5, 0.0]
    assert frame["tied"].tolist() == [True, False, False]
    assert (frame["rank_low"] <= frame["rank"]).all()
    assert (frame["rank"] <= frame["rank_high"]).all()
    assert frame["n"].tolist() == [8, 8, 8]


def test_ratios_are_to_the_median_of_the_block() -> None:
    table_ = synthetic_frame(spread_out, losses=LOSSES, architectures=("mlp",), seeds=5)
    found = rank(table_, "loss").set_index("loss")
    values = np.sort(table_["fd"][table_["loss"] == "a"].to_numpy())
    expected = np.exp(np.log(values[1:4]).mean()) / table_["fd"].median()
    assert found["ratio"]["a"] == pytest.approx(expected)
    assert found["ratio_low"]["a"] < expected < found["ratio_high"]["a"]


def test_nothing_is_told_apart_where_nothing_differs() -> None:
    """Under the truth of no difference, at most about one ranking in twenty tells any apart."""
    told = 0
    for number in range(25):
        dice = np.random.default_rng(number)
        frame = ranked(
            lambda row, dice=dice: row | {"fd": float(np.exp(dice.normal(0, 0.2)))}, seeds=3
        )
        told += not frame["tied"].all()
    assert told <= 4


def test_a_median_of_zero_leaves_ratios_of_one_and_of_infinity() -> None:
    frame = ranked(lambda row: row | {"fd": 0.0 if row["loss"] != "c" else row["fd"]})
    assert frame["ratio"].tolist() == [1.0, 1.0, math.inf]


def test_what_the_sums_over_seeds_leave_out_is_told() -> None:
    def edit(row: Row) -> Row | None:
        if row["architecture"] == "mlp" and row["seed"]:
            return None
        return row | ({"status": "error"} if (row["loss"], row["seed"]) == ("c", 1) else {})

    told = " ".join(ranked(edit).attrs["captions"])
    assert "The columns p and fd leave out 1 block with one seed only." in told
    assert "without the lowest and the highest quarter, medians where trials failed." in told


def test_failures_stay_and_count_as_the_worst() -> None:
    for seeds in (4, 9):
        results = synthetic_frame(
            lambda row: row | ({"status": "crashed"} if row["loss"] == "b" else {}),
            losses=LOSSES,
            seeds=seeds,
        )
        found = ranking.rank(results, "loss")
        ranks = frame(found)
        last = ranks.iloc[-1]
        assert (last["loss"], last["failed"], last["ratio"]) == ("b", 2 * seeds, math.inf)
        expected = wilson(seeds, seeds)  # whatever the number of blocks
        assert (last["failed_low"], last["failed_high"]) == pytest.approx(
            (expected.low, expected.high)
        )
        assert last["tied"] == (seeds == 4)  # the signs of four seeds prove nothing
        assert "**b**" not in table(found, "markdown")
    assert np.isfinite(ranks["ratio"].iloc[:2]).all()


def test_failures_are_counted_where_the_metric_leaves_them_out() -> None:
    frame = ranked_by_memory(lambda row: row["loss"] == "b" and row["seed"] > 0)
    assert frame["n"].tolist() == [8, 8, 8]
    assert frame.set_index("loss")["failed"].to_dict() == {"a": 0, "b": 6, "c": 0}


def test_speeds_are_of_equal_devices() -> None:
    frame = synthetic_frame(
        lambda row: row | {"device": "gpu" if (row["loss"], row["seed"]) == ("a", 1) else "cpu"},
        losses=LOSSES,
    )
    assert "3 seeds in 2 blocks" in rank(frame, "loss", "images_per_second").attrs["captions"][0]
    frame["device"] = frame["loss"]
    with pytest.raises(UsageError, match="ran alone on equal devices"):
        rank(frame, "loss", "images_per_second")


def ranked_by_memory(failed: Callable[[Row], bool]) -> pd.DataFrame:
    def edit(row: Row) -> Row:
        return row | {"status": "oom"} if failed(row) else row

    return rank(synthetic_frame(edit, losses=LOSSES), "loss", "peak_memory_mb")


def test_only_what_all_share_enters() -> None:
    def edit(row: Row) -> Row:
        if row["loss"] == "c" and row["architecture"] == "mlp":
            return row | {"status": "skipped", "error": "it cannot"}
        return row | ({"status": "interrupted"} if (row["loss"], row["seed"]) == ("a", 3) else {})

    frame = ranked(edit)
    assert frame["contexts"].tolist() == [1, 1, 1]
    assert frame["n"].tolist() == [3, 3, 3]
    assert frame.attrs["left_out"] == [
        "mlp × digits: c was skipped: it cannot",
        "dcgan[width=32] × digits: seeds that not all have: 3",
    ]
    assert any("run it with every loss" in caption for caption in frame.attrs["captions"])


def test_a_component_that_shares_nothing_is_left_out() -> None:
    frame = ranked(
        lambda row: (
            row | ({"status": "skipped", "error": "it cannot"} if row["loss"] == "b" else {})
        )
    )
    assert sorted(frame["loss"]) == ["a", "c"]
    assert frame.attrs["left_out"] == ["b: skipped: it cannot"]


def test_equal_numbers_are_never_told_apart() -> None:
    frame = ranked(lambda row: row | {"fd": 5.0})
    assert frame["tied"].all()
    assert (frame["p"].iloc[1:] == 1.0).all()


def test_trials_under_two_names_count_once() -> None:
    frame = ranked(lambda row: row | {"resolved_architecture": "mlp"})
    assert frame["contexts"].tolist() == [1, 1, 1]
    (left_out,) = frame.attrs["left_out"]
    assert "resolve to what" in left_out
    assert not any("run it with every" in caption for caption in frame.attrs["captions"])


def test_one_seed_tells_nothing_apart() -> None:
    frame = ranked(spread_out, seeds=1)
    assert frame["tied"].all()
    assert frame["ratio_low"].isna().all()
    assert any("One seed cannot tell components apart" in text for text in frame.attrs["captions"])


@pytest.mark.parametrize(
    ("axis", "edit", "message"),
    [
        ("dataset", lambda row: row, "data sets cannot be compared"),
        (
            "augmentation",
            lambda row: row,
            "a ranking needs two components, and this run has one augmentation, none",
        ),
        ("lose", lambda row: row, "unknown --by 'lose'; did you mean 'loss'"),
        (
            "loss",
            lambda row: row | {"budget": row["loss"]},
            "no two of a, b, c were trained in the",
        ),
        (
            "loss",
            lambda row: row | {"seed": ord(row["loss"])},
            "nothing to rank: the trials share no seed",
        ),
    ],
)
def test_wrong_use(axis: str, edit: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        rank(synthetic_frame(edit, losses=LOSSES, seeds=1), axis)


def test_higher_metrics_rank_the_other_way() -> None:
    frame = synthetic_frame(
        lambda row: row | {"recall": 0.9 if row["loss"] == "a" else 0.1 + row["seed"] / 10},
        losses=LOSSES,
    )
    found = rank(frame, "loss", "recall")
    assert found["loss"].iloc[0] == "a"
    assert found["rank"].iloc[0] == 1.0
    assert "difference" in found.columns or "ratio" in found.columns


def test_tables_and_json() -> None:
    found = ranking.rank(synthetic_frame(spread_out, losses=LOSSES), "loss")
    assert "Holm-corrected for 3 comparisons" in " ".join(frame(found).attrs["captions"])
    assert table(found, "markdown").startswith("| loss |")
    assert "**a**" in table(found, "markdown")
    assert r"\toprule" in table(found, "latex")
    assert table(found, "csv").splitlines()[0].startswith("loss,contexts,n,failed,")
    claimed = "a comes first on average over 2 blocks, and the data tell all others apart from it"
    assert claimed in " ".join(table(found, "table").split())
    document = json.loads(json.dumps(record(found), allow_nan=False))
    assert [line["loss"] for line in document["components"]] == ["a", "b", "c"]
    assert (document["seed"], document["level"]) == (0, 0.95)
