"""Trials by selectors: components, options, settings, ``best``, and what is said where none fits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.base.errors import UnknownNameError, UsageError
from ganbench.store.run_folder import RunFolder
from ganbench.store.run_selectors import split_run
from ganbench.store.selectors import Condition, parse_conditions
from ganbench.store.trial_completion import completions
from ganbench.store.trial_search import candidates

#: Value of ``fd`` and ``recall`` by loss: the best of one is not the best of the other.
VALUES = {"hinge": (3.0, 0.2), "annealed[start=8]": (2.0, 0.1), "annealed[start=4]": (4.0, 0.9)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """One architecture, three losses of which two share a name, two regularizers, two seeds."""

    def edit(row: Row) -> Row:
        fd, recall = VALUES[row["loss"]]
        worse = row["seed"] + (row["regularizer"] != "none")
        return row | {"fd": fd + worse, "recall": recall - 0.01 * worse}

    return write_synthetic_run(
        tmp_path_factory.mktemp("selectors") / "run",
        architectures=["mlp"],
        losses=list(VALUES),
        regularizers=["none", "r1[gamma=0.5]+r2"],
        seeds=2,
        ticks=1,
        edit=edit,
    )


def picked(run: RunFolder, text: str) -> set[tuple[str, str, int]]:
    rows = [trial.read_row() or {} for trial in run.select(text)]
    return {(row["loss"], row["regularizer"], row["seed"]) for row in rows}


NONE, BOTH = "none", "r1[gamma=0.5]+r2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss=annealed[start=8],regularizer=none,seed=0", {("annealed[start=8]", NONE, 0)}),
        ("l=hinge,r=none", {("hinge", NONE, 0), ("hinge", NONE, 1)}),
        ("l=annealed,r=none,s=1", {(f"annealed[start={n}]", NONE, 1) for n in (4, 8)}),
        ("l=annealed[start=8.0],r=none,s=1", {("annealed[start=8]", NONE, 1)}),
        ("loss=hin*,seed=1,regularizer=r2", {("hinge", BOTH, 1)}),
        ("regularizer=r1[gamma=5e-1]+r2,loss=h?nge,seed=0", {("hinge", BOTH, 0)}),
        ("annealed[start=8],r2,seed=0", {("annealed[start=8]", BOTH, 0)}),
        ("best", {("annealed[start=8]", NONE, 0)}),
        ("best:loss=hinge", {("hinge", NONE, 0)}),
        ("best:metric=recall,regularizer=r1", {("annealed[start=4]", BOTH, 0)}),
        ("mlp-hinge-*-s1-*", {("hinge", NONE, 1), ("hinge", BOTH, 1)}),
        ("budget=200000img,status=ok,seed=1,l=hinge,r=none", {("hinge", NONE, 1)}),
    ],
)
def test_a_selector_names_its_trials(run, text, expected):
    assert picked(run, text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loss=hing", "has loss=hing; did you mean 'hinge'?"),
        ("los=hinge", "trials have no 'los'; did you mean 'loss'?"),
        ("loss=hinge,seed=7", "has seed=7 and loss=hinge; known: 0, 1"),
        ("loss=", "write it as loss=VALUE"),
        ("hinje", "did you mean 'hinge'?"),
        ("loss=annealed[start=9]", "has loss=annealed[start=9]"),
        ("loss=annealed[stop=8]", "has loss=annealed[stop=8]"),
        ("best:metric=seed", "best cannot choose by 'seed'"),
        ("loss=annealed[start=8", "a bracket is not closed"),
    ],
)
def test_where_nothing_fits_the_reason_is_said(run, text, words):
    with pytest.raises(UsageError) as error:
        run.find(text)
    assert words in str(error.value)


def test_an_ambiguous_selector_lists_its_candidates_with_their_cells(run):
    with pytest.raises(
        UsageError, match=r"fits 4 trials; name one of them:\n  mlp-annealed"
    ) as error:
        run.find("loss=annealed,seed=0")
    listed = str(error.value)
    for own in (
        "loss=annealed[start=8],regularizer=none",
        f"loss=annealed[start=4],regularizer={BOTH}",
    ):
        assert f"({own})" in listed


def test_what_tells_candidates_apart_is_a_selector(run):
    trials = run.select("loss=annealed")
    for line in candidates(trials).split("\n  ")[1:]:
        name, _, own = line.removesuffix(")").partition(" (")
        assert run.find(own).id == name


def test_a_message_lists_ten_trials_at_most(tmp_path):
    run = RunFolder(tmp_path)
    for number in range(13):
        (run.trials_dir / f"mlp-s{number}").mkdir(parents=True)
    for text in ("mlp", "zebra"):
        with pytest.raises(UsageError) as error:
            run.find(text)
        lines = str(error.value).splitlines()
        assert (len(lines), lines[-1]) == (12, "  and 3 more")


def test_best_needs_numbers_that_compare(tmp_path):
    run = write_synthetic_run(tmp_path / "run", datasets=["digits", "ring"], ticks=1)
    with pytest.raises(UsageError, match="add one, as in best:dataset=digits"):
        run.find("best")
    assert "digits" in run.find("best:dataset=digits").id


def test_best_leaves_out_what_did_not_end_well(tmp_path):
    def edit(row: Row) -> Row:
        failed = {"status": "diverged", "fd": 0.1, "error": "x"}
        return row | ({"fd": 5.0} if row["seed"] else failed)

    run = write_synthetic_run(
        tmp_path / "run", architectures=["mlp"], losses=["hinge"], ticks=1, edit=edit
    )
    assert "-s1-" in run.find("best").id
    with pytest.raises(UsageError, match="has ended well yet"):
        run.find("best:seed=0")


def test_names_of_the_grid_are_values_too(run, tmp_path):
    copy = RunFolder(shutil.copytree(run.path, tmp_path / "copy"))
    text = copy.grid_file.read_text()
    copy.grid_file.write_text(text + '\n[names]\n"annealed[start=8]" = "Ours"\n')
    assert picked(copy, "loss=Ours,r=none,s=0") == {("annealed[start=8]", NONE, 0)}
    assert picked(copy, "best:loss=Ours") == {("annealed[start=8]", NONE, 0)}


def test_completion_offers_ids_keys_and_values(run):
    assert {"loss=", "regularizer=", "seed=", "best", "best:"} <= set(completions(run, ""))
    assert "dataset=" not in completions(run, "")  # all trials have the same
    assert completions(run, "loss=h") == ["loss=hinge"]
    assert completions(run, "best:loss=annealed[start=8],se") == [
        "best:loss=annealed[start=8],seed="
    ]
    assert completions(run, "loss=hinge,seed=") == ["loss=hinge,seed=0", "loss=hinge,seed=1"]
    assert completions(run, "loss=annealed[st") == []
    assert [
        text for text in completions(run, "mlp-hinge") if not text.startswith("mlp-hinge")
    ] == []


def test_a_run_and_a_selector_in_one_text(run):
    found = split_run(f"{run.path}:best:loss=hinge")
    assert found is not None
    assert (found.run.path, found.selector) == (run.path, "best:loss=hinge")
    whole = split_run(str(run.path))
    assert whole is not None
    assert whole.selector == ""
    assert split_run(str(Path(run.path) / "missing")) is None


def test_conditions_split_outside_of_brackets():
    assert parse_conditions("loss=a[x=1,y=2],r=b+c,d") == [
        Condition("loss", "a[x=1,y=2]"),
        Condition("regularizer", "b+c"),
        Condition("", "d"),
    ]


def test_an_unknown_name_is_an_unknown_name_error(run):
    with pytest.raises(UnknownNameError):
        run.find("nobody")
