"""A plugin that is edited between two runs: what its earlier code gave does not count any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ganbench.store.run_folder import RunFolder

LOSS = """
from ganbench import Loss
from mine_pkg.scales import SCALE
class Mine(Loss):
    def discriminator(self, real, fake): return (real - SCALE).square().mean() + fake.square().mean()
    def generator(self, real, fake): return (fake - SCALE).square().mean()
"""
HOOKS = """
from ganbench import hookimpl
@hookimpl
def ganbench_losses(register):
    register("mine", "mine_pkg.losses:Mine")
"""
GRID = """
[grid]
architecture = ["mlp[d_widths=[4],g_widths=[4]]"]
loss = ["mine", "hinge"]
dataset = ["digits"]
[budget]
steps = 4
[evaluation]
ticks = 2
samples = 20
extractor = "pixels"
"""


class Bench:
    """A plugin's files and a run folder, which command lines in processes of their own work on."""

    def __init__(self, folder):
        self.site, self.folder = folder / "site", folder
        self.run_folder = RunFolder(folder / "out")
        self.write("mine_pkg/__init__.py", HOOKS)
        self.write("mine_pkg/losses.py", LOSS)
        self.write("mine_pkg/scales.py", "SCALE = 1.0\n")
        self.write("other_pkg.py", "")
        self.write(
            "mine-0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n"
        )
        self.write("mine-0.1.dist-info/entry_points.txt", "[ganbench]\nmine = mine_pkg\n")
        (folder / "grid.toml").write_text(GRID)

    def write(self, name, text):
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def command(self, *arguments):
        path = os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-P", "-m", "ganbench", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done

    def run(self, *arguments, executor="inline"):
        """How many trials were trained, and what was said."""
        options = ("--grid", "grid.toml", "--device", "cpu", "-o", "out", "--executor", executor)
        done = self.command("run", *options, *arguments, "--json")
        return json.loads(done.stdout)["trained"], done.stderr

    def said(self, *arguments, executor="inline"):
        """What a run says on standard error."""
        options = ("--grid", "grid.toml", "--device", "cpu", "-o", "out", "--executor", executor)
        return self.command("run", *options, *arguments).stderr

    def row(self, loss="mine"):
        return next(row for row in self.run_folder.rows() if row["loss"] == loss)

    def identity(self, loss="mine"):
        return self.run_folder.trial(self.row(loss)["trial"]).read_identity()


KEY = "loss mine of mine"


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.slow
def test_an_edited_helper_has_its_trials_trained_again_and_keeps_what_was_there(bench):
    assert bench.run(executor="local")[0] == 2
    first, neighbour = bench.row(), bench.row("hinge")
    bench.write("other_pkg.py", "# another module, which the loss does not use")
    assert bench.run()[0] == 0

    bench.write("mine_pkg/scales.py", "SCALE = 100.0\n")
    said = bench.said(executor="local")
    assert f"{KEY} was edited: 1 trial of the earlier code will be trained again" in said
    assert first["trial"] in said
    again = bench.row()
    assert again["trial"] == first["trial"]
    assert again["fd"] != first["fd"]
    assert json.loads(again["sources"])[KEY] != json.loads(first["sources"])[KEY]
    assert bench.row("hinge")["started"] == neighbour["started"]
    (aside,) = (bench.run_folder.path / "set-aside").iterdir()
    assert json.loads((aside / "row.json").read_text())["fd"] == first["fd"]
    assert bench.run()[0] == 0


def test_results_are_kept_on_request_and_the_digest_is_noted(bench):
    bench.run()
    first, then = bench.row(), bench.identity()["sources"][KEY]
    bench.write("mine_pkg/losses.py", LOSS + "# a comment\n")
    said = bench.said("--keep-results")
    assert f"{KEY} was edited; the results of 1 trial are kept on request: {first['trial']}" in said
    assert bench.row() == first
    assert bench.identity()["sources"][KEY] != then
    assert not (bench.run_folder.path / "set-aside").exists()
    assert bench.run() == (0, "")


@pytest.mark.slow
def test_folders_without_digests_count_as_they_are_and_learn_them(bench):
    bench.run()
    first, folder = bench.row(), bench.run_folder.trial(bench.row()["trial"])
    identity = {key: value for key, value in folder.read_identity().items() if key != "sources"}
    folder.write_row({**first, "sources": None})
    folder.write_identity(identity)
    bench.write("mine_pkg/scales.py", "SCALE = 2.0\n")
    assert bench.run() == (0, "")
    assert bench.row()["fd"] == first["fd"]
    bench.write("mine_pkg/scales.py", "SCALE = 3.0\n")
    assert bench.run()[0] == 1


@pytest.mark.slow
def test_without_trial_json_the_row_tells_the_code(bench):
    bench.run()
    bench.run_folder.trial(bench.row()["trial"]).trial_json.unlink()
    bench.write("mine_pkg/scales.py", "SCALE = 2.0\n")
    assert bench.run()[0] == 1


def test_an_edited_component_s_checkpoint_is_not_gone_on_with(bench):
    bench.run()
    folder = bench.run_folder.trial(bench.row()["trial"])
    interrupted = {**bench.row(), "status": "interrupted", "error": "stopped on request"}
    folder.write_row(interrupted)
    assert "resumed after 4 steps" not in folder.log_txt.read_text()
    bench.write("mine_pkg/scales.py", "SCALE = 2.0\n")
    assert bench.run()[0] == 1
    assert "resumed" not in folder.log_txt.read_text()
    folder.write_row({**interrupted, "sources": bench.row()["sources"]})
    bench.write("mine_pkg/scales.py", "SCALE = 2.0  # a comment\n")
    assert bench.run("--keep-results")[0] == 1
    assert "resumed after 4 steps" in folder.log_txt.read_text()


PROGRAM = """
import sys, ganbench as gb
grid = gb.Grid.from_file("grid.toml")
gb.run(grid, "out", device="cpu", executor="inline")
open(sys.argv[1], "a").write("# edited\\n")
for _ in range(2):
    try:
        gb.run(grid, "out", device="cpu", executor="inline")
    except gb.UsageError as error:
        print(error)
"""


def test_a_process_that_loaded_the_component_before_it_was_edited_is_told_so(bench):
    path = os.pathsep.join([str(bench.site), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, bench.site / "mine_pkg" / "losses.py"],
        cwd=bench.folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    sentence = "loss mine of mine was edited after this process loaded it: start Python again"
    assert done.stdout.count(sentence) == 2, done.stderr
