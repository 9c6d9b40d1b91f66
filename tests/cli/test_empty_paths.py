"""An unset shell variable is no path."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import ganbench as gb
from ganbench.base.paths import data_root
from ganbench.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["run", "--grid", "-o", ""], "-o"),
        (["run", "--grid", "--dry-run", "--data-dir", ""], "--data-dir"),
        (["eval", "--real", "", "--fake", "."], "--real"),
        (["eval", "--real", ".", "--fake", " "], "--fake"),
        (["eval", "--fake", ".", "--data-dir", ""], "--data-dir"),
        (["eval", "--fake", ".", "-o", ""], "-o"),
        (["sample", "", "x"], "DIR"),
        (["sample", ".", "x", "-o", ""], "-o"),
        (["sample", ".", "x", "--data-dir", ""], "--data-dir"),
        (["export", "", "x"], "DIR"),
        (["export", ".", "x", "-o", ""], "-o"),
        (["results", ""], "DIR"),
        (["results", ".", "-o", ""], "-o"),
        (["status", ""], "DIR"),
        (["logs", "", "x"], "DIR"),
        (["compare", "", "a", "b"], "DIR"),
        (["compare", ".", "a", "b", "--against", ""], "--against"),
        (["rank", "", "--by", "loss"], "DIR"),
        (["plot", "", "--kind", "curves", "-o", "x.png"], "DIR"),
        (["plot", ".", "--kind", "curves", "-o", ""], "-o"),
        (["report", ""], "DIR"),
        (["report", ".", "-o", ""], "-o"),
        (["doctor", "--data-dir", ""], "--data-dir"),
        (["new", "loss", "mine", "-o", ""], "-o"),
    ],
)
def test_commands_refuse_an_empty_path(
    arguments: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.output
    folders = name != "-o" or arguments[0] in ("run", "new")
    instead = "write . for the current folder" if folders else "name a file"
    assert result.output.splitlines()[-1] == f"Error: {name} is empty; {instead}"
    assert list(tmp_path.iterdir()) == []


def test_functions_refuse_an_empty_path() -> None:
    for call in (
        lambda: gb.run(out=""),
        lambda: gb.run(out="x", data_dir=""),
        lambda: gb.load_results(""),
        lambda: gb.load_history(" "),
        lambda: gb.evaluate(real="", fake="."),
        lambda: gb.evaluate(real=".", fake=".", data_dir=""),
    ):
        with pytest.raises(gb.UsageError, match=r"is empty; write \. for the current"):
            call()


def test_an_empty_variable_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GANBENCH_DATA", "")
    assert data_root() == tmp_path / "ganbench" / "data"
