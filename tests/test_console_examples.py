"""Every console example of README.md and docs/ runs, or the test says why it cannot run here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from console_examples import (
    NOT_HERE,
    PLUGINS,
    ROOT,
    examples,
    make_mnist,
    make_world,
    shrunk,
    why_not_here,
    write_plugins,
)

from ganbench.cli.app import app
from ganbench.registry import lookup
from ganbench.registry.plugin_files import VARIABLE

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINES = {path: examples(path) for path in DOCUMENTS}
RUNNING = [path for path, lines in LINES.items() if any(not why_not_here(one) for one in lines)]


def test_every_line_is_a_command_of_ganbench_or_has_a_reason():
    lines = [line for found in LINES.values() for line in found]
    assert len(lines) > 50
    assert [one for one in lines if not one.startswith("ganbench ") and not why_not_here(one)] == []
    run_here = [one for one in lines if not why_not_here(one)]
    assert len(run_here) > len(lines) / 2
    assert all(reason.strip() for reason in NOT_HERE.values())


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """A folder, a home and a data folder that every document starts from."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("here", "home", "data"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "here")
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("GANBENCH_CACHE", str(folder / "cache"))
        make_world(folder / "here", folder / "home")
        make_mnist(folder / "data")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("document", RUNNING, ids=lambda path: path.name)
def test_the_examples_of_a_document_run(document: Path, worlds, tmp_path, monkeypatch):
    shutil.copytree(worlds / "here", tmp_path / "here")
    write_plugins(document, tmp_path / "here")
    for file in PLUGINS.values():
        monkeypatch.delitem(sys.modules, file.removesuffix(".py"), raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])  # another document's plugins stay apart
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(worlds / "home"))
    monkeypatch.setenv("GANBENCH_CACHE", str(worlds / "cache"))
    monkeypatch.setenv("GANBENCH_DATA", str(worlds / "data"))
    for line in LINES[document]:
        if why_not_here(line):
            continue
        words = shrunk(line)
        if "--plugin" in words:
            monkeypatch.setattr(lookup, "_default", None)
            monkeypatch.setenv(VARIABLE, "")
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, f"{line}\n{words}\n{result.output}\n{result.exception!r}"
