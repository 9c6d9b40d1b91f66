"""Names of components: in a grid file, in tables, comparisons, figures and reports."""

from __future__ import annotations

import tomllib

import pytest
from click.testing import CliRunner
from made_up_runs import write_synthetic_run

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.cli.app import app
from ganbench.grid.auto_extractor import as_begun
from ganbench.report.content import gather
from ganbench.store.display_names import display_name
from ganbench.store.frames import read_results

GRID = {"grid": {"architecture": ["mlp"], "loss": ["hinge", "lsgan"], "dataset": ["digits"]}}
NAMES = {"r1[gamma=1]": "Ours", "hinge": "Hinge"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = write_synthetic_run(
        tmp_path_factory.mktemp("names") / "run",
        architectures=["mlp"],
        losses=["hinge", "lsgan"],
        regularizers=["none", "r1[gamma=1.0]", "r1[gamma=1.0]+r2"],
        seeds=3,
        ticks=2,
    )
    lines = "".join(f'"{spec}" = "{name}"\n' for spec, name in NAMES.items())
    run.grid_file.write_text(run.grid_file.read_text() + f"\n[names]\n{lines}")
    return run


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("r1[gamma=1.0]", "Ours"),
        ("r1[gamma=1.0]+r2", "Ours+r2"),
        ("r1[gamma=2]", "r1[gamma=2]"),
        ("hinge", "Hinge"),
        ("none", "none"),
        ("not a spec", "not a spec"),
    ],
)
def test_a_name_belongs_to_a_spec_however_it_is_written(spec, name):
    assert display_name(spec, NAMES) == name


def test_people_see_names_and_programs_see_specs(run):
    def results(*arguments):
        return CliRunner().invoke(app, ["results", str(run.path), *arguments]).output

    for arguments in (["--by-cell"], ["--format", "markdown"], ["--format", "latex", "--by-cell"]):
        assert "Ours+r2" in results(*arguments)
    assert "Ours" not in results("--format", "csv")
    assert "Ours" not in set(gb.load_results(run.path)["regularizer"])


def test_a_comparison_takes_names_and_specs(run):
    found = [
        gb.compare(run.path, a, b, by="loss") for a, b in (("Hinge", "lsgan"), ("hinge", "lsgan"))
    ]
    assert [str(one) for one in found] == [str(found[0])] * 2
    assert "Hinge's fd" in str(found[0])
    assert set(gb.rank(run.path, "regularizer")["regularizer"]) == {"none", "Ours", "Ours+r2"}


def test_the_report_shows_names_and_says_what_they_are(run):
    report = gather(run.path)
    assert (
        "Names",
        "Hinge = hinge · Ours = r1[gamma=1.0] · Ours+r2 = r1[gamma=1.0]+r2",
    ) in report.facts
    assert any("Ours" in text for text in report.findings)
    assert "Ours" in {c for column in report.cells.columns for c in column.texts}


def test_a_grid_keeps_its_names_and_they_change_no_trial():
    named = gb.Grid.from_dict(GRID | {"names": NAMES})
    assert gb.Grid.from_dict(tomllib.loads(named.to_toml())).names == NAMES
    plain = gb.Grid.from_dict(GRID)
    assert {**named.as_dict(), "names": {}} == plain.as_dict() | {"names": {}}


def test_a_later_run_without_names_keeps_those_of_the_folder(run):
    assert as_begun(gb.Grid.from_dict(GRID), run).names == NAMES
    other = {"lsgan": "LS"}
    assert as_begun(gb.Grid.from_dict(GRID | {"names": other}), run).names == other


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"hinge": "X", "lsgan": "X"}, "have the same name, 'X'"),
        ({"hinge": "lsgan"}, "is the spec of another component"),
        ({"hinge": 3}, "expected a name, not 3"),
        ({"hinge": " "}, "expected a name"),
        ({"hinge[": "X"}, "bad spec"),
    ],
)
def test_bad_names_are_refused(names, words):
    with pytest.raises(UsageError) as error:
        gb.Grid.from_dict(GRID | {"names": names})
    assert words in str(error.value)


def test_a_damaged_grid_file_has_no_names(run, tmp_path):
    copy = write_synthetic_run(tmp_path / "copy", ticks=1)
    copy.grid_file.write_text("names = [")
    assert read_results(copy.path).names == {}
