from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from made_up_runs import write_synthetic_run

from ganbench.base.errors import UsageError
from ganbench.cli.compare import compare, rank
from ganbench.store.run_folder import RunFolder

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_synthetic_run(tmp_path_factory.mktemp("compare") / "run", seeds=3, ticks=1)


@pytest.fixture
def call(folder: RunFolder) -> Call:
    def invoke(command: str, *args: str) -> Result:
        chosen = compare if command == "compare" else rank
        result = CliRunner().invoke(chosen, [str(folder.path), *args])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_the_table_comes_with_its_sentence(call: Call) -> None:
    text = " ".join(call("compare", "wgan-gp", "non-saturating").stdout.split())
    assert "3 seeds in 2 blocks: wgan-gp's fd, by the median over seeds, is" in text
    assert "A is wgan-gp, B non-saturating. Effects: medians over seeds of differences" in text
    assert "mean rank" in call("rank", "--by", "architecture").stdout


@pytest.mark.parametrize("command", [("compare", "dcgan", "mlp"), ("rank", "--by", "loss")])
def test_every_format_to_a_file(call: Call, tmp_path: Path, command: tuple[str, ...]) -> None:
    for format_ in ("table", "json", "markdown", "latex", "csv"):
        target = tmp_path / format_
        result = call(*command, "--format", format_, "-o", str(target))
        assert result.stdout == ""
        assert f"Wrote {target}" in result.stderr
    assert json.loads((tmp_path / "json").read_text())["metric"] == "fd"
    assert len(pd.read_csv(tmp_path / "csv")) in (2, 3)
    assert (tmp_path / "latex").read_text().count(r"\toprule") == 1


def test_json_is_one_document(call: Call) -> None:
    found = json.loads(call("compare", "dcgan", "mlp", "--format", "json", "--seed", "7").stdout)
    assert (found["seed"], found["replicates"], found["axis"]) == (7, 2000, "architecture")


def test_two_folders(call: Call, folder: RunFolder, tmp_path: Path) -> None:
    write_synthetic_run(tmp_path / "other", seeds=3, ticks=1)
    text = " ".join(call("compare", str(tmp_path / "other")).stdout.split())
    assert "the same fd in every pair" in text
    one = call("compare", "wgan-gp", "--against", str(tmp_path / "other")).stdout
    assert "wgan-gp in" in one
    two = call("compare", "wgan-gp", "non-saturating", "--against", str(tmp_path / "other")).stdout
    assert "non-saturating in" in two


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["compare"], "compare needs A and B: name two components"),
        (["compare", "wgan-gp"], "compare needs B: name two"),
        (["compare", "a", "b", "c"], "takes DIR, A and B, and not 'c'"),
        (["compare", "wgan-gq", "mlp"], "did you mean 'wgan-gp'"),
        (["compare", "mlp", "dcgan", "-o", "/nowhere/x"], "the folder /nowhere does not exist"),
        (
            ["compare", "mlp", "dcgan", "--against", "/nowhere"],
            "the folder /nowhere does not exist",
        ),
        (["compare", "mlp", "dcgan", "--level", "95"], "such as 0.95"),
        (["rank", "--by", "dataset"], "data sets cannot be compared"),
        (["rank", "--by", "loss", "--metric", "fdd"], "did you mean 'fd'"),
    ],
)
def test_wrong_use_is_one_sentence(call: Call, args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        call(*args)
    assert "\n" not in str(caught.value)


def test_a_folder_is_not_compared_with_itself(call: Call, folder: RunFolder) -> None:
    with pytest.raises(UsageError, match="cannot be compared with itself"):
        call("compare", str(folder.path))


def test_damage_is_told_on_standard_error(call: Call, tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", seeds=2, ticks=1, table=False)
    run.trial(run.trial_ids()[0]).row_json.write_text("{torn")
    result = CliRunner().invoke(rank, [str(run.path), "--by", "loss"], catch_exceptions=False)
    assert "damaged" in result.stderr


def test_comparing_does_without_torch() -> None:
    names = ("cli.compare", "present.compare_and_rank", "present.comparison_frame")
    modules = ", ".join(f"ganbench.{name}" for name in names)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
