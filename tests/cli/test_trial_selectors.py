"""Selectors wherever a command asks for a trial, and their completion in a shell."""

from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from made_up_runs import write_synthetic_run

from ganbench.cli.app import app

SPECS = ["annealed[start=8]", "annealed[start=4]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = write_synthetic_run(
        tmp_path_factory.mktemp("selectors") / "run",
        architectures=["mlp"],
        losses=SPECS,
        seeds=2,
        ticks=2,
        pictures=True,
    )
    for trial in run.trials():
        trial.log_txt.write_text(f"log of {trial.id}\n")
    return run


def call(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert "Traceback" not in result.output
    return result


def offered(*arguments):
    *before, incomplete = arguments
    complete = ShellComplete(app, {}, "ganbench", "_GANBENCH_COMPLETE")
    return [item.value for item in complete.get_completions(list(map(str, before)), incomplete)]


def test_logs_of_a_selector(run):
    result = call("logs", run.path, "loss=annealed[start=8],seed=1")
    chosen = run.find("loss=annealed[start=8],seed=1")
    assert result.output == f"log of {chosen.id}\n"


@pytest.mark.parametrize("command", ["logs", "sample", "export"])
def test_an_ambiguous_trial_lists_cells_and_options(run, command):
    result = call(command, run.path, "seed=0")
    assert result.exit_code == 2
    for spec in SPECS:
        assert f"(loss={spec})" in result.stderr


def test_samples_of_selected_trials(run, tmp_path):
    out = tmp_path / "samples.png"
    for selector in ("best", "loss=annealed[start=4],seed=0", "mlp-annealed"):
        result = call("plot", run.path, "--kind", "samples", "--trials", selector, "-o", out)
        assert result.exit_code == 0, result.output
    both = ["--trials", "loss=annealed[start=4],seed=0", "--trials", "best"]
    assert call("plot", run.path, "--kind", "samples", *both, "-o", out).exit_code == 0
    assert (
        call("plot", run.path, "--kind", "samples", "--trials", "loss=z", "-o", out).exit_code == 2
    )


def test_eval_of_a_run_names_its_trials(run):
    for arguments in (["--fake", run.path], ["--fake", run.path, "--real", "digits"]):
        result = call("eval", *arguments)
        assert result.exit_code == 2
        assert f"is a run folder; name one of its trials, as in {run.path}:best" in result.stderr
        assert "(loss=annealed[start=8],seed=0)" in result.stderr


def test_a_shell_completes_trials(run):
    assert offered("logs", run.path, "loss=annealed[start=8],s") == ["loss=annealed[start=8],seed="]
    assert offered("sample", run.path, "loss=") == [f"loss={spec}" for spec in sorted(SPECS)]
    assert "best" in offered("export", run.path, "b")
    assert offered("measure", run.path, "best", "seed=") == ["seed=0", "seed=1"]
    assert offered("logs", "no-such-folder", "x") == []


def test_specs_are_completed_by_names_and_options():
    assert offered("run", "-a", "dcg") == ["dcgan"]
    assert offered("run", "-a", "dcgan[wid") == ["dcgan[width="]
    assert offered("run", "-r", "r1[gamma=1]+gra") == ["r1[gamma=1]+gradient-penalty"]
    assert "r1[gamma=1,every=" in offered("run", "-r", "r1[gamma=1,")
    assert offered("run", "-a", "dcgan[width=") == []
    assert "tensorboard" in offered("run", "-c", "")
