"""Cells that went on to a larger budget count once, and no claim mixes budgets."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from made_up_runs import synthetic_frame

from ganbench.analysis.comparison import compare
from ganbench.analysis.larger_budgets import at_largest_budget, is_past
from ganbench.analysis.ranking import rank
from ganbench.present.ranking_frame import claim
from ganbench.present.results_view import exact, make_view
from ganbench.report.data.facets import facets

SMALL, LARGE, LARGEST = 200_000, 400_000, 800_000


def at(frame: pd.DataFrame, images: int, base: int | None = None) -> pd.DataFrame:
    """The trials at another budget, on from those of a smaller one."""

    def called(size: int) -> pd.Series:
        return (frame["trial"].astype("string") + f"-{size}").astype("string")

    settled = frame.assign(trial=called(images), budget=f"{images}img", steps=images // 64)
    return settled.assign(extended_from=None if base is None else called(base)).astype(
        {"extended_from": "string"}
    )


def grown(*went_on: str, losses: tuple[str, ...] = ("a", "b", "c")) -> pd.DataFrame:
    """Three seeds of each loss; those of some went on."""
    first = synthetic_frame(architectures=("mlp",), losses=losses, seeds=3)
    larger = first[first["loss"].isin(went_on)]
    return pd.concat([at(first, SMALL), at(larger, LARGE, SMALL)], ignore_index=True)


def shown(frame: pd.DataFrame) -> list[Any]:
    table = exact(frame, by_cell=True, columns=["loss", "budget", "n"], sort="loss")
    return table.sort_values("loss").to_numpy().tolist()


def test_a_cell_stands_once_at_the_largest_budget_and_one_that_stopped_stays() -> None:
    frame = grown("a", "b")
    large, small = f"{LARGE}img", f"{SMALL}img"
    assert shown(frame) == [["a", large, 3], ["b", large, 3], ["c", small, 3]]
    view = make_view(frame, by_cell=True)
    assert "budget" in [column.name for column in view.columns]
    assert sum("6 trials of 200000img went on" in note for note in view.footnotes) == 1
    assert any("only trials of one budget are compared" in note for note in view.footnotes)
    assert len(make_view(frame).frame) == 15  # a table of trials has them all
    assert {m.parts["settings"] for f in facets(at_largest_budget(frame)) for m in f.members} == {
        f"budget={large}",
        f"budget={small}",
    }


def test_steps_of_a_ladder_count_once() -> None:
    frame = grown("a")
    last = frame[frame["budget"] == f"{LARGE}img"].copy()
    last["extended_from"] = last["trial"]
    last = last.assign(trial=last["trial"] + "+", budget=f"{LARGEST}img", steps=LARGEST // 64)
    every = pd.concat([frame, last], ignore_index=True)
    assert is_past(every).sum() == 6
    assert shown(every)[0] == ["a", f"{LARGEST}img", 3]


@pytest.mark.parametrize("waiting", ["interrupted", "missing"])
def test_a_cell_that_reached_it_with_some_seeds_only_stays(waiting: str) -> None:
    frame = grown("a")
    one = frame["extended_from"].notna() & (frame["seed"] == 1)
    if waiting == "missing":
        frame = frame[~one]
    else:
        frame.loc[one, "status"] = "interrupted"
    assert not is_past(frame).any()


def test_equal_cells_without_a_common_training_stay_apart() -> None:
    frame = grown("a").assign(extended_from=pd.array([None] * 12, dtype="string"))
    assert len(shown(frame)) == 4
    assert not is_past(frame.drop(columns="extended_from")).any()


def test_a_comparison_counts_the_seeds_once() -> None:
    frame = grown("a", "b")
    found = compare(frame, "a", frame, "b")
    assert [len(block.seeds[0]) for block in found.blocks] == [3]
    (left_out,) = found.left_out
    assert "went on to mlp × digits (budget 400000img) and count once" in left_out.reason
    stopped = compare(frame, "a", frame, "c")
    assert len(stopped.blocks) == 1  # at the budget that both have


def test_a_ranking_says_its_budget() -> None:
    two = claim(rank(grown("a", "b", losses=("a", "b")), "loss"))
    assert two.endswith("This is at a budget of 400000img; there are others.")
    assert "budget of 200000img" in claim(rank(grown("a", "b"), "loss"))
    assert "budget" not in claim(rank(grown(), "loss"))
