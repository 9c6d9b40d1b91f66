from __future__ import annotations

import functools
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from made_up_runs import write_synthetic_run

from ganbench.base.errors import UsageError
from ganbench.cli.report import report
from ganbench.cli.results import results
from ganbench.store.run_folder import RunFolder

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_synthetic_run(tmp_path_factory.mktemp("cli") / "run", ticks=2)


@pytest.fixture
def call(folder: RunFolder) -> Call:
    def invoke(*args: str, path: Path = folder.path) -> Result:
        result = CliRunner().invoke(results, [str(path), *args])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_a_table(call: Call) -> None:
    result = call()
    assert result.exit_code == 0
    assert "architecture" in result.stdout
    assert "\x1b" not in result.stdout
    assert call("--by-cell").stdout.count("wgan-gp") == 2


def test_each_format_on_standard_output(call: Call) -> None:
    assert len(pd.read_csv(io.StringIO(call("--format", "csv").stdout))) == 8
    assert len(json.loads(call("--format", "json", "--by-cell").stdout)) == 4
    assert call("--format", "markdown").stdout.startswith("| architecture |")
    assert r"\toprule" in call("--format", "latex").stdout


def test_columns_and_order(call: Call) -> None:
    result = call("--format", "csv", "--columns", "seed, fd", "--sort", "images_per_second")
    assert result.stdout.splitlines()[0] == "seed,fd"


def test_two_seeds_give_their_values_in_every_format(call: Call) -> None:
    trials = pd.read_csv(io.StringIO(call("--format", "csv").stdout))
    of_cell = ["architecture", "loss"]
    both = trials.sort_values("seed").groupby(of_cell)["fd"].agg(list).iloc[0]
    frame = pd.read_csv(io.StringIO(call("--by-cell", "--format", "csv").stdout))
    assert (
        frame[["fd_low", "fd_high", "kid_mean_low", "images_per_second_high"]].isna().all(axis=None)
    )
    assert (frame["fd_median"] - (frame["fd_min"] + frame["fd_max"]) / 2).abs().max() < 1e-9
    records = json.loads(call("--by-cell", "--format", "json").stdout)
    assert {record["fd_low"] for record in records} == {None}
    for format_ in ("table", "markdown", "latex"):
        text = call("--by-cell", "--format", format_).stdout
        assert f"{both[0]:.1f} / {both[1]:.1f}" in text
        assert "two seeds give no interval; run at least three" in " ".join(text.split())
        assert "±" not in text
        assert "**" not in text
        assert "textbf" not in text


def test_cells_have_intervals_in_every_format(tmp_path: Path, call: Call) -> None:
    path = write_synthetic_run(tmp_path / "run", seeds=3, ticks=1).path
    call = functools.partial(call, path=path)
    frame = pd.read_csv(io.StringIO(call("--by-cell", "--format", "csv").stdout))
    assert (frame["fd_low"] < frame["fd_median"]).all()
    assert (frame["fd_median"] < frame["fd_high"]).all()
    assert frame[["failure_low", "interval_seed"]].to_numpy().tolist() == [[0.0, 0]] * 4
    columns = ("--by-cell", "--columns", "architecture,loss,fd,kid_mean,fd_high")
    for format_ in ("table", "markdown", "latex"):
        text = call(*columns, "--sort", "fd_low", "--format", format_).stdout
        assert "2000 replicates" in " ".join(text.split())
        order = frame.sort_values("fd_low")["loss"].tolist()
        assert re.findall("non-saturating|wgan-gp", text) == order


@pytest.mark.parametrize("format_", ["table", "csv", "json", "markdown", "latex", "parquet"])
def test_every_format_goes_to_a_file(call: Call, tmp_path: Path, format_: str) -> None:
    target = tmp_path / "out"
    result = call("--format", format_, "-o", str(target))
    assert result.stdout == ""
    assert f"Wrote {target}" in result.stderr
    if format_ == "parquet":
        assert len(pd.read_parquet(target)) == 8
    else:
        assert "wgan-gp" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--format", "parquet"], "-o FILE"),
        (["--columns", "fdd"], "no column 'fdd'; did you mean"),
        (["--sort", "fdd", "--by-cell"], "no column 'fdd'"),
        (["--sort", "_kind", "--by-cell"], "no column '_kind'"),
        (["-o", "/nowhere/at/all/x.csv"], "the folder /nowhere/at/all does not exist"),
        (["-o", "."], "is a folder"),
    ],
)
def test_wrong_use(call: Call, args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call(*args)


def test_no_run(call: Call, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        call(path=tmp_path / "missing")


def test_damage_is_told_on_standard_error(call: Call, tmp_path: Path) -> None:
    run = write_synthetic_run(tmp_path / "run", ticks=1)
    run.trial(run.trial_ids()[0]).row_json.write_text("{torn")
    result = call("--format", "json", path=run.path)
    assert len(json.loads(result.stdout)) == 7
    assert "Warning" in result.stderr
    assert "damaged" in result.stderr


def test_a_symbolic_link_stays_one(call: Call, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    call("-o", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").stat().st_size > 0


class TestReport:
    def test_it_lies_in_the_run_folder_by_default(self, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run", ticks=1)
        result = CliRunner().invoke(report, [str(run.path)], catch_exceptions=False)
        assert result.exit_code == 0
        assert (run.path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")

    def test_it_goes_where_it_is_told(self, folder: RunFolder, tmp_path: Path) -> None:
        target = tmp_path / "r.html"
        CliRunner().invoke(report, [str(folder.path), "-o", str(target)], catch_exceptions=False)
        assert target.stat().st_size > 0
        with pytest.raises(UsageError, match="does not exist"):
            CliRunner().invoke(report, ["missing"], catch_exceptions=False)


def test_results_and_reports_do_without_torch() -> None:
    names = (
        "cli.results",
        "store.frames",
        "present.formats",
        "present.compare_and_rank",
        "report.html",
    )
    modules = ", ".join(f"ganbench.{name}" for name in names)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
