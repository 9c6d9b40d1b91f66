"""What a table of cells marks in bold."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from made_up_runs import Row

from ganbench.analysis.groups import group
from ganbench.analysis.statistics.paired import differences, holm, paired_effect
from ganbench.analysis.summary import by_cell
from ganbench.analysis.tied_with_best import tied_with_best
from ganbench.store.frames import load_results
from ganbench.store.run_folder import RunFolder

Bold = Callable[..., list[str]]


@pytest.fixture
def bold(run: RunFolder, row: Callable[..., Row]) -> Bold:
    """Which losses are marked, of trials given by loss: a value per seed, None for a failure."""

    def make(
        values: Mapping[str, Sequence[float | None]],
        metric: str = "fd",
        seeds: Mapping[str, int] | None = None,
        **changes: Mapping[str, Any],
    ) -> list[str]:
        for loss, found in values.items():
            for number, value in enumerate(found):
                seed = number + (seeds or {}).get(loss, 0)
                trial = f"{loss}-{seed}"
                special = {name: of[loss] for name, of in changes.items() if loss in of}
                status = {"status": "ok" if value is not None else "diverged"}
                changed = {"loss": loss, "seed": seed, metric: value} | status | special
                run.trial(trial).write_row(row(trial, **changed))
        groups = group(load_results(run.path))
        table = by_cell(groups)
        marked = tied_with_best(groups, table, groups.columns[metric])
        return sorted(table["loss"][marked])

    return make


HARD_SEEDS = [3.0, 6.0, 12.0, 24.0]  # how hard a seed is outweighs what tells losses apart
WORSE = [x * f for x, f in zip(HARD_SEEDS, (1.20, 1.22, 1.21, 1.19), strict=True)]
CLOSE = [x * f for x, f in zip(HARD_SEEDS, (1.3, 0.8, 1.2, 0.95), strict=True)]


def test_pairs_tell_apart_what_intervals_do_not(bold: Bold) -> None:
    assert bold({"best": HARD_SEEDS, "worse": WORSE, "close": CLOSE}) == ["best", "close"]


def test_without_shared_seeds_the_intervals_decide(bold: Bold) -> None:
    values = {"best": HARD_SEEDS, "worse": WORSE, "far": [900.0, 1000.0, 1100.0, 1000.0]}
    assert bold(values, seeds={"worse": 10, "far": 20}) == ["best", "worse"]


def test_where_more_is_better(bold: Bold) -> None:
    values = {"best": [0.90, 0.91, 0.92], "close": [0.93, 0.88, 0.90], "worse": [0.5, 0.52, 0.51]}
    assert bold(values, metric="recall") == ["best", "close"]


def test_a_failure_is_no_way_into_the_best(bold: Bold) -> None:
    values = {"best": [1.0, 1.1, 1.2, 1.1], "worse": [3.0, 3.3, 3.6, None], "lost": [None] * 4}
    assert bold(values) == ["best"]


def test_where_the_best_failed_few_seeds_tell_nothing(bold: Bold) -> None:
    assert bold({"best": [1.0, 1.1, None], "other": [2.0, 2.2, 2.4]}) == ["best", "other"]


def test_speeds_count_where_a_trial_ran_alone(bold: Bold) -> None:
    values = {
        "fast": [900.0, 910.0, 905.0],
        "slow": [500.0, 520.0, 510.0],
        "busy": [990.0, 995.0, 992.0],
    }
    shared = {"busy": False}
    assert bold(values, metric="images_per_second", exclusive=shared) == ["fast"]
    assert bold(values, metric="images_per_second", device={"slow": "another"}) == ["busy"]


@pytest.mark.parametrize("count", [1, 2])
def test_one_seed_or_two_mark_nothing(bold: Bold, count: int) -> None:
    assert bold({"best": [1.0, 1.01][:count], "other": [2.0, 2.02][:count]}) == []


def test_cells_of_few_seeds_do_not_take_part(bold: Bold) -> None:
    values = {"few": [0.1, 0.11], "single": [0.05], "best": [1.0, 1.1, 1.2], "far": [9.0, 9.1, 9.2]}
    assert bold(values) == ["best"]


def test_equals_have_no_best(bold: Bold) -> None:
    assert bold({"a": [1.0, 2.0], "b": [2.0, 1.0]}) == []
    assert bold({"a": [None], "b": [None]}) == []


@pytest.mark.parametrize("name", ["dataset", "extractor", "budget", "protocol"])
def test_only_like_is_compared_with_like(bold: Bold, name: str) -> None:
    values = {"good": [1.0, 1.1, 1.2], "better": [0.5, 0.54, 0.61]}
    values |= {"else": [9.0, 9.1, 9.2], "last": [18.0, 18.1, 18.7]}
    other = dict.fromkeys(["else", "last"], "another")
    assert bold(values, **{name: other}) == ["better", "else"]


def test_it_agrees_with_paired_effects(run: RunFolder, row: Callable[..., Row]) -> None:
    dice = np.random.default_rng(1)
    seeds, losses = 7, 12
    hard = dice.normal(0, 1, seeds)
    better = np.linspace(0, 2, losses)[:, None]
    scores = np.exp(hard + better + dice.normal(0, 0.2, (losses, seeds)))
    scores[4:][dice.random((8, seeds)) < 0.1] = math.inf
    for (loss, seed), score in np.ndenumerate(scores):
        changes = {"fd": score, "status": "ok" if math.isfinite(score) else "error"}
        trial = f"{loss}-{seed}"
        run.trial(trial).write_row(row(trial, loss=f"loss-{loss:02d}", seed=seed, **changes))
    groups = group(load_results(run.path))
    table = by_cell(groups)
    best = scores[int(table["fd_median"].argmin())]
    medians = table["fd_median"].to_numpy()
    order = [
        cell for cell in np.argsort(medians, kind="stable")[1:] if math.isfinite(medians[cell])
    ]
    effects = [paired_effect([differences(scores[cell], best, "log")]) for cell in order]
    p = holm([e.p if e.estimate > 0 else 1.0 for e in effects], (len(order) + 1) * len(order) // 2)
    expected = {int(medians.argmin())}
    for cell, value in zip(order, p, strict=True):
        if value <= 0.05:
            break
        expected.add(int(cell))
    assert (
        set(np.flatnonzero(tied_with_best(groups, table, groups.columns["fd"])).tolist())
        == expected
    )
    assert 1 < len(expected) < losses


def test_a_failure_far_below_takes_no_bold_from_those_above(bold: Bold) -> None:
    values: dict[str, Sequence[float | None]] = {
        "best": [1.0, 1.1, 1.05, 1.02, 0.99],
        "told": [4.0, 4.2, 4.3, 3.9, 4.1],
        "wild": [9.0, None, 80.0, 1.2, 300.0],
    }
    assert bold(values) == ["best"]


def test_speeds_do_not_compete_across_discriminator_updates(bold: Bold) -> None:
    values = {"once": [100.0, 101.0, 102.0], "other": [50.0, 51.0, 52.0]}
    values |= {"five": [900.0, 905.0, 903.0], "least": [300.0, 302.0, 301.0]}
    settings = {
        loss: json.dumps({"d_steps": 5 if loss in ("five", "least") else 1}) for loss in values
    }
    assert bold(values, "images_per_second", settings=settings) == ["five", "once"]
    assert bold(values, "images_per_second") == ["five"]
