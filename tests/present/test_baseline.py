"""``results --by-cell --baseline``: effects against one cell, or the same cell of another run."""

from __future__ import annotations

import math
from typing import Any

import pytest
from click.testing import CliRunner
from made_up_runs import Row, write_synthetic_run

import ganbench as gb
from ganbench.analysis.baseline import EFFECT, PAIRS, against, read_baseline
from ganbench.analysis.groups import group
from ganbench.base.errors import UsageError
from ganbench.cli.app import app
from ganbench.store.run_folder import RunFolder

FACTORS = {"a": 1.0, "b": 2.0, "c": 0.5}


def made(path: Any, factor: float = 1.0, **options: Any) -> RunFolder:
    """Cells whose ``fd`` is a fixed multiple of the seed's."""

    def edit(row: Row) -> Row:
        noise = 1 + 0.01 * ((row["seed"] * 7) % 5) * FACTORS[row["loss"]]
        return row | {"fd": factor * FACTORS[row["loss"]] * 10 * (1 + row["seed"]) * noise}

    known = {"architectures": ["mlp"], "losses": list(FACTORS), "seeds": 4, "ticks": 1}
    return write_synthetic_run(path, edit=edit, **(known | options))


@pytest.fixture
def run(tmp_path):
    return made(tmp_path / "run")


def effects(run: RunFolder, baseline: str) -> dict[str, tuple[float, float, float, int]]:
    groups = group(gb.load_results(run.path))
    found = against(groups, read_baseline(baseline, run.path, pytest.fail))
    names = (EFFECT, f"{EFFECT}_low", f"{EFFECT}_high", PAIRS)
    cells = groups.frame["loss"].groupby(groups.codes).first()
    return {loss: tuple(found[name][n] for name in names) for n, loss in enumerate(cells)}


def test_a_pinned_cell_is_compared_with_all_others(run):
    found = effects(run, f"{run.path}:loss=a")
    for loss, factor in (("b", 2.0), ("c", 0.5)):
        ratio, low, high, pairs = found[loss]
        assert ratio == pytest.approx(factor, rel=0.05)
        assert low <= ratio <= high
        assert pairs == 4
    assert math.isnan(found["a"][0])  # the baseline itself
    assert found["a"][3] == 0


def test_a_whole_run_gives_each_cell_its_counterpart(run, tmp_path):
    before = made(tmp_path / "before", factor=3.0, losses=["a", "b"], seeds=3)
    found = effects(run, str(before.path))
    assert found["a"][0] == pytest.approx(1 / 3)
    assert (found["b"][0], found["b"][3]) == (pytest.approx(1 / 3), 3)
    assert math.isnan(found["c"][0])  # not trained there


def test_numbers_that_mean_something_else_are_no_baseline(run, tmp_path):
    other = made(tmp_path / "other", losses=["a"], datasets=["mnist"])
    assert all(math.isnan(line[0]) for line in effects(run, f"{other.path}:loss=a").values())


def test_a_failed_trial_counts_as_the_worst(tmp_path):
    def edit(row: Row) -> Row:
        failed = row["loss"] == "b" and row["seed"] < 3
        return row | ({"status": "diverged", "fd": None} if failed else {"fd": 10.0 + row["seed"]})

    run = write_synthetic_run(
        tmp_path / "run", architectures=["mlp"], losses=["a", "b"], seeds=4, ticks=1, edit=edit
    )
    assert effects(run, f"{run.path}:loss=a")["b"][0] == math.inf


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ("nowhere", "this is not a run folder"),
        ("{run}", "this is the run itself; name one of its cells"),
        ("{run}:loss=z", "has loss=z"),
        ("{run}:seed=0", "names 3 cells; add conditions until it is one"),
    ],
)
def test_a_bad_baseline_is_one_sentence(run, baseline, words):
    with pytest.raises(UsageError) as error:
        read_baseline(baseline.format(run=run.path), run.path, pytest.fail)
    sentence, *cells = str(error.value).split("\n  ")
    assert words in sentence
    assert cells == [f"mlp × {loss} × digits" for loss in ("a", "b", "c") if "names 3" in words]


def test_tables_of_all_formats_show_it(run):
    arguments = ["results", str(run.path), "--by-cell", "--baseline", f"{run.path}:loss=a"]
    for format_ in ("table", "markdown", "latex"):
        result = CliRunner().invoke(app, [*arguments, "--format", format_])
        assert result.exit_code == 0, result.output
        assert "baseline" in result.output
        assert "Baseline: mlp" in " ".join(result.output.split())
    result = CliRunner().invoke(app, [*arguments, "--format", "csv"])
    assert {"baseline", "baseline_low", "baseline_high"} <= set(
        result.output.splitlines()[0].split(",")
    )
    result = CliRunner().invoke(app, ["results", str(run.path), "--baseline", str(run.path)])
    assert "add --by-cell" in result.output
