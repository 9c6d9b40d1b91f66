"""The baseline of ``ganbench bench``: which code it has, and what is left afterwards."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from ganbench.base.errors import UsageError
from ganbench.execution.bench.baseline import baseline_side
from ganbench.registry.plugin_files import VARIABLE


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A repository with two versions of a plugin's module."""
    monkeypatch.setenv(VARIABLE, "")
    folder = tmp_path / "mine"
    folder.mkdir()
    git(folder, "init", "-q")
    for text in ("first", "second"):
        (folder / "my_plugin.py").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", text)
    return folder / "my_plugin.py"


def side_of(against, file):
    return baseline_side(str(against), str(file), str(file.parent))


def first_on_path(side):
    return Path(side.environment["PYTHONPATH"].split(os.pathsep)[0])


def test_a_git_ref_is_checked_out_and_gone_afterwards(mine):
    with side_of("HEAD~1", mine) as side:
        assert (first_on_path(side) / "my_plugin.py").read_text() == "first"
        tree = first_on_path(side)
    assert not tree.exists()
    assert len(git(mine.parent, "worktree", "list").splitlines()) == 1
    assert mine.read_text() == "second"


def test_the_plugin_file_of_a_ref_takes_the_place_of_the_current_one(mine, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(mine))
    with side_of("HEAD~1", mine) as side:
        (place,) = side.environment[VARIABLE].split(os.pathsep)
        assert Path(place).read_text() == "first"
        assert not (first_on_path(side) / "my_plugin.py").exists()  # its folder comes last


def test_another_plugin_file_takes_its_place(mine, tmp_path, monkeypatch):
    old = tmp_path / "old.py"
    old.write_text("old")
    with pytest.raises(UsageError, match="was not given by --plugin"), side_of(old, mine):
        pass
    monkeypatch.setenv(VARIABLE, str(mine))
    with side_of(old, mine) as side:
        assert side.environment[VARIABLE] == str(old)


def test_a_folder_and_a_wheel_come_first_on_the_path(mine, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "my_plugin.py").write_text("old")
    with side_of(folder, mine) as side:
        assert first_on_path(side) == folder
    wheel = tmp_path / "mine-0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("my_plugin.py", "packed")
    with side_of(wheel, mine) as side:
        assert (first_on_path(side) / "my_plugin.py").read_text() == "packed"
    with pytest.raises(UsageError, match=r"this folder has no my_plugin\.py"), side_of("/", mine):
        pass


def test_a_virtual_environment_brings_its_own_python(mine, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    with side_of(tmp_path / "venv", mine) as side:
        assert side.python == str(python)
        assert "PYTHONPATH" not in side.environment


def test_a_ref_that_does_not_exist_is_refused(mine, tmp_path):
    with pytest.raises(UsageError, match=r"no such commit in .*mine; give"):
        side_of("v9", mine).__enter__()
    loose = tmp_path / "loose.py"
    loose.touch()
    with pytest.raises(UsageError, match=r"no git repository tracks .*loose\.py"):
        side_of("HEAD", loose).__enter__()
