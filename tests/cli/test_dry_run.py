"""``ganbench run --dry-run``: against the run folder, with the run's checks, and times per cell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import ganbench as gb
from ganbench.cli.app import app
from ganbench.testing import installed

SMALL = [
    "--budget",
    "4steps",
    "-o",
    "out",
    "--executor",
    "inline",
    "--set",
    "training.batch_size=16",
]
for setting in ("extractor=pixels", "samples=32", "ticks=2", "metrics=[fd]"):
    SMALL += ["--set", f"evaluation.{setting}"]
CELL = ["-a", "mlp[d_widths=[8],g_widths=[8]]", "-l", "hinge", "-d", "digits"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def run(*arguments):
    result = CliRunner().invoke(app, ["run", *CELL, *SMALL, *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def document(*arguments):
    result = run(*arguments, "--dry-run", "--json")
    return result.exit_code, json.loads(result.stdout)


def files():
    return {path: path.stat().st_mtime_ns for path in Path().rglob("*")}


def test_a_new_folder_has_everything_to_do():
    code, found = document("--seeds", 2, "-l", "lsgan")
    assert (code, found["new"], found["done"], found["folder"]) == (0, 4, 0, "out")
    assert [cell["new"] for cell in found["to_do"]] == [2, 2]
    assert found["checked"] == ["digits, pixels: ready, pixels:32/1438:train"]
    assert found["evaluation_seconds"] > 0
    each = [cell["estimated_seconds"] for cell in found["to_do"]]
    assert found["estimated_seconds"] == pytest.approx(sum(each))
    assert files() == {}


def test_it_says_what_is_done_what_goes_on_and_what_is_new():
    assert run("--seeds", 2).exit_code == 0
    (going,) = Path("out/trials").glob("*-s1-*")
    (going / "row.json").unlink()
    before = files()
    code, found = document("--seeds", 3)
    assert (code, found["done"], found["goes_on"], found["new"]) == (0, 1, 1, 1)
    result = run("--seeds", 3, "--dry-run")
    assert "in out: 1 done, 1 goes on, 1 new" in result.stdout
    assert re.search(r"none +none +1 done, 1 goes on, 1 new +0:0\d", result.stdout)
    code, found = document("--seeds", 2, "--rerun", "hinge")
    assert (code, found["again"], found["done"]) == (0, 2, 0)
    assert files() == before


def test_a_finished_run_has_nothing_to_do():
    run()
    result = run("--dry-run")
    assert result.exit_code == 0
    assert "every trial is done; the run would train nothing" in result.stdout
    code, found = document()
    assert (code, found["estimated_seconds"], found["checked"]) == (0, 0.0, [])


def test_a_larger_budget_can_be_extended():
    run()
    more = ["--budget", "8steps", "--set", "evaluation.ticks=4"]
    code, found = document(*more, "--extend")
    assert (code, found["extended"], found["new"]) == (0, 1, 0)
    code, without = document(*more)
    assert (code, without["extended"], without["new"]) == (0, 0, 1)
    assert "--extend goes on from smaller budgets" in " ".join(without["notes"])
    assert run(*more, "--extend").exit_code == 0
    (row,) = (r for r in gb.load_results("out").to_dict("records") if r["budget"] == "8steps")
    assert row["extended_from"] in {path.name for path in Path("out/trials").iterdir()}


def test_jobs_share_the_time():
    alone, pair = (document("--seeds", 2, "-j", jobs, "--executor", "local")[1] for jobs in (1, 2))
    assert (alone["jobs"], pair["jobs"]) == (1, 2)
    assert [cell["new"] for cell in pair["to_do"]] == [2]


def test_what_would_stop_the_run_stops_the_dry_run():
    class Lost(gb.Extractor):
        def prepare(self, context):
            raise gb.DataNotFoundError("put the weights into weights.pt")

    class Absent(gb.Callback):
        def missing(self):
            return "install it"

    class Plugin:
        @gb.hookimpl
        def ganbench_extractors(self, register):
            register("lost", Lost)

        @gb.hookimpl
        def ganbench_callbacks(self, register):
            register("absent", Absent)

    with installed(Plugin()):
        result = run("--dry-run", "--set", "evaluation.extractor=lost")
        assert result.exit_code == 2
        assert "would stop before it trains: put the weights into weights.pt" in result.stderr
        result = run("--dry-run", "-c", "absent")
        assert (result.exit_code, "callback absent: install it" in result.stderr) == (2, True)
    Path("file").write_text("")
    result = run("--dry-run", "-o", "file")
    assert (result.exit_code, "is not a folder" in result.stderr) == (2, True)
