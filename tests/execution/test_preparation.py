"""A run before its first trial: others see it, and one that fails leaves no trace."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ganbench.cli.app import app
from ganbench.execution.context import RunContext
from ganbench.execution.preparation import Preparation
from ganbench.execution.progress.listener import Progress
from ganbench.execution.run_options import RunOptions
from ganbench.store.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "some" / "run")
    return RunContext(folder, RunOptions(executor="local"), Progress(), lambda: False)


def status(run, *arguments):
    done = CliRunner().invoke(app, ["status", str(run.folder.path), *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_others_see_a_run_that_prepares(run):
    with Preparation(run) as preparation:
        preparation.beat(3)
        first, second = status(run).splitlines()
        (supervisor,) = json.loads(status(run, "--json"))["supervisors"]
        run.folder.check()  # another run may use the folder too
    assert first.startswith("Being prepared by process ")
    assert second == "It prepares data and features; no trial of it has begun yet."
    assert supervisor["preparing"] is True


def test_a_run_that_does_not_begin_leaves_no_trace(run, tmp_path):
    with pytest.raises(KeyboardInterrupt), Preparation(run):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_begins_keeps_its_folder_and_ends_its_heartbeat(run):
    with Preparation(run) as preparation:
        run.folder.create()
        assert preparation.begun() is not None
    assert run.folder.trials_dir.is_dir()
    assert list(run.folder.supervisors_dir.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_left_to_whoever_writes_rows(run, tmp_path):
    (tmp_path / "some").write_text("a file")
    with Preparation(run) as preparation:
        preparation.beat(1)
        assert preparation.heartbeat is None
