"""``ganbench run`` and `ganbench.run`: wrong use, what is written, exit codes, what is printed."""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import ganbench as gb
from ganbench.cli.app import app
from ganbench.testing import installed

MLP = "mlp[d_widths=[8],g_widths=[8],latent_dim=4]"
DCGAN = "dcgan[latent_dim=4,width=2]"
EVALUATION = {"extractor": "pixels", "samples": 32, "ticks": 1}
SMALL = ["--budget", "2steps", "-o", "out", "--executor", "inline"]
for key, value in EVALUATION.items():
    SMALL += ["--set", f"evaluation.{key}={value}"]
ONE = ["-a", MLP, "-l", "hinge", "-d", "digits", *SMALL]
GRID = {
    "grid": {"architecture": [MLP], "loss": ["hinge"], "dataset": ["digits"]},
    "budget": {"steps": 2},
    "evaluation": EVALUATION,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, cache):
    """Every test runs in an empty folder, with a cache of its own and without a network."""
    monkeypatch.setenv("GANBENCH_CACHE", str(cache))
    monkeypatch.setenv("GANBENCH_DATA", str(cache / "data"))
    monkeypatch.setenv("TORCH_HOME", str(cache / "torch"))
    monkeypatch.delenv("GANBENCH_INCEPTION", raising=False)

    def unreachable(*arguments, **options):
        raise urllib.error.URLError("there is no network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(app, ["run", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def run_json(*arguments):
    result = run(*arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def refusal(*arguments):
    """The one sentence with which a command is refused, before anything was written."""
    before = sorted(Path().rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert sorted(Path().rglob("*")) == before
    lines = [line for line in result.stderr.splitlines() if not line.startswith("preparing ")]
    (*usage, sentence) = lines  # a slow machine says now and then that it works
    assert not usage or usage[0].startswith("Usage: ")  # of options that there are none of
    assert sentence.startswith("Error: ")
    return sentence.removeprefix("Error: ")


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (
                [],
                "a run needs an architecture (-a SPEC), a loss (-l SPEC) and a dataset (-d SPEC); or",
            ),
            (
                [*ONE, "--replicas", 2, "--set", "training.replicas=4"],
                "--replicas 2 and --set training.replicas=4 differ: give one of them",
            ),
            (
                ["-a", "mlp", "-l", "hinge"],
                "a run needs a dataset (-d SPEC); or take a grid with --grid",
            ),
            (["-a", "mpl", *ONE], "unknown architecture 'mpl'; did you mean 'mlp'?"),
            (["-a", "mlp[latent=3]", *ONE], "architecture 'mlp' has no option 'latent'; did you"),
            (["-a", "mlp[latent_dim=x]", *ONE], "option latent_dim=x is not allowed; it takes int"),
            (["-a", "mlp[latent_dim=0]", *ONE], "is not allowed; it takes int, at least 1"),
            (["-a", "mlp[", *ONE], "bad spec 'mlp[': the bracket after 'mlp' is not closed"),
            (["-r", "r1+", *ONE], "bad spec 'r1+': a component is missing beside a plus sign"),
            (["-A", "", *ONE], "a spec is empty; name a component"),
            (["-c", "nobody", *ONE], "unknown callback 'nobody'"),
            ([*ONE, "--budget", "5apples"], "bad budget '5apples': unknown unit 'apples'; write"),
            ([*ONE, "--budget", "0steps"], "bad budget steps = 0: must be more than zero"),
            ([*ONE, "--set", "lr=1"], "bad --set 'lr=1': write --set training.lr=1"),
            ([*ONE, "--set", "budget.steps=1"], "the section is training or evaluation"),
            ([*ONE, "--set", "training.btach_size=1"], "no option 'btach_size'; did you mean"),
            ([*ONE, "--set", "training.batch_size=0"], "option batch_size=0 is not allowed"),
            ([*ONE, "--set", "evaluation.extractor=pixel"], "unknown extractor 'pixel'; did you"),
            ([*ONE, "--seeds", "0"], "seeds = 0: expected 1 to 10000 seeds"),
            (
                [*ONE, "--seeds", "few"],
                "Invalid value for '--seeds': 'few' is not allowed; it takes",
            ),
            (
                [*ONE, "--threads", "0"],
                "Invalid value for '--threads': 0 is not allowed; it takes a",
            ),
            ([*ONE, "--jobs", "many"], "run: option jobs=many is not allowed; it takes int|auto"),
            ([*ONE, "--device", "tpu"], "--device tpu: unknown device; use cpu, cuda or cuda:0"),
            (
                [*ONE, "--device", "meta"],
                "--device meta: unsupported device; use cpu, cuda or cuda:0",
            ),
            ([*ONE, "--data-dir", "nowhere"], "--data-dir nowhere: this folder does not exist"),
            ([*ONE, "--nothing"], "no option --nothing; run has --architecture, "),
            ([*ONE, "more"], "Got unexpected extra argument (more)"),
            (["--grid", "quik"], "no grid file or shipped grid 'quik'; did you mean 'quick'?"),
            (["--grid", "no.toml"], "the grid file no.toml does not exist; `ganbench grids` lists"),
            (["--grid", ""], "no grid file or shipped grid ''"),
        ],
    )
    def test_it_is_refused_with_one_sentence(self, arguments, sentence):
        assert sentence in refusal(*arguments)

    def test_a_grid_file_with_a_mistake(self):
        Path("broken.toml").write_text('[grid]\narchitecture = ["mlp"\nloss = 3')
        assert refusal("--grid", "broken.toml") == (
            "broken.toml is not TOML: Unclosed array (at line 3, column 1)"
        )
        Path("typo.toml").write_text('[grid]\narchitecure = ["mlp"]')
        assert refusal("--grid", "typo.toml") == (
            "typo.toml: [grid] has no key 'architecure'; did you mean 'architecture'?"
        )

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_a_gpu_that_is_not_there(self):
        sentence = "--device cuda: torch finds no CUDA GPU here; use --device cpu"
        assert refusal(*ONE, "--device", "cuda") == sentence

    def test_an_output_folder_that_cannot_be_one(self):
        Path("file").touch()
        Path("full").mkdir()
        Path("full", "thesis.tex").touch()
        assert (
            refusal(*ONE, "-o", "file")
            == "file is not a folder, or lies in a file; choose another -o"
        )
        assert refusal(*ONE, "-o", "file/run").startswith("file/run is not a folder, or lies in")
        assert refusal(*ONE, "-o", "full").startswith(
            "full has files in it and is not a run folder"
        )
        assert refusal(*ONE, "-o", ".").startswith(". has files in it and is not a run folder")
        assert refusal(*ONE, "-o", "/proc/run").startswith("cannot write to /proc/run: ")

    def test_the_output_folder_is_looked_at_before_data_is_loaded(self):
        Path("file").touch()
        assert "file is not a folder" in refusal(*ONE, "-d", "mnist", "-o", "file")

    def test_data_that_is_not_there(self, here):
        assert refusal(*ONE, "-d", "folder[path=nowhere]").startswith("found no folder or archive ")
        sentence = refusal(*ONE, "-d", "cifar10")
        assert "is not in the data folder" in sentence
        assert "put cifar-10-python.tar.gz into " in sentence

    def test_an_extractor_whose_weights_are_not_to_be_had(self, cache, monkeypatch):
        """Nor those of its fallback, where the extra `offline` is not installed."""
        from PIL import Image

        monkeypatch.setattr(importlib.metadata, "files", lambda distribution: ())
        Path("photos").mkdir()
        for number in range(40):
            Image.new("RGB", (8, 8), (6 * number, 3, 5)).save(f"photos/{number}.png")
        arguments = ["-d", "folder[path=photos,size=8]", "--set", "evaluation.extractor=auto"]
        sentence = refusal("-a", MLP, "-l", "hinge", *SMALL, *arguments, "--json")
        assert "the weights of inception-v3-compat are not in" in sentence
        ways_out = (
            f"put that file at {cache}",
            "GANBENCH_INCEPTION",
            "pip install 'ganbench[offline]'",
        )
        for way_out in ways_out:
            assert way_out in sentence

    def test_a_name_that_two_distributions_claim(self):
        class Plugin:
            @gb.hookimpl
            def ganbench_losses(self, register):
                register("mine", type(gb.get("loss", "hinge")))

        with installed(Plugin(), "first"), installed(Plugin(), "second"):
            sentence = refusal(*ONE, "-l", "mine")
            assert sentence.endswith("write 'first:mine' or 'second:mine'")
            assert run(*ONE, "-l", "second:mine").exit_code == 0


class TestTheGridOption:
    @pytest.fixture(autouse=True)
    def instant(self, monkeypatch):
        estimate = importlib.import_module("ganbench.execution.estimate")
        monkeypatch.setattr(estimate, "estimate", lambda *_: estimate.Estimate(1.0, 1, 1))

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--grid", "-o", "out"],
            ["-o", "out", "--grid"],
            ["--grid=quick"],
            ["--grid", "quick"],
            ["--grid", "--data-dir", "."],
        ],
    )
    def test_without_a_value_it_is_quick(self, arguments):
        quick = gb.Grid.named("quick").with_seeds([0, 1])
        code, document = run_json("--dry-run", *arguments)
        assert (code, document["seeds"], document["budget"]) == (0, [0, 1], quick.budget.as_dict())
        found = {tuple(cell.values()) for cell in document["runnable"]}
        assert found == set(itertools.product(*quick.axes.values()))

    def test_axes_and_settings_replace_the_grids(self):
        Path("mine.toml").write_text(gb.Grid.from_dict(GRID).to_toml())
        arguments = ["--seeds", "3", "--budget", "1kimg", "-l", "hinge", "-l", "wgan", "-A", "none"]
        code, document = run_json("--dry-run", "--grid", "mine.toml", *arguments)
        assert (code, document["trials"], document["seeds"]) == (0, 6, [0, 1, 2])
        assert document["budget"] == {"images": 1000}
        assert [cell["loss"] for cell in document["runnable"]] == ["hinge", "wgan"]
        assert {cell["architecture"] for cell in document["runnable"]} == {MLP}


class TestDryRun:
    def test_it_says_what_would_be_done_and_writes_nothing(self, here):
        arguments = [*ONE, "-a", "dcgan[width=2]", "-d", "ring", "--dry-run"]
        result = run(*arguments)
        assert result.exit_code == 0
        assert f"{MLP}  hinge  digits" in result.stdout
        assert "skipped: dcgan[width=2] × hinge × ring: dcgan makes images, not" in result.stdout
        assert "3 cells x 1 seed = 3 trials of 2steps, 1 cell skipped" in result.stdout
        assert "about 0:00 of training on cpu, from timing 3 of 3 kinds of step" in result.stdout
        code, document = run_json(*arguments)
        assert (code, document["cells"], document["trials"]) == (0, 4, 3)
        assert 0 < document["estimated_seconds"] < 60
        (skipped,) = document["skipped"]
        assert (skipped["dataset"], skipped["architecture"]) == ("ring", "dcgan[width=2]")
        assert "use mlp for points" in skipped["reason"]
        assert list(here.iterdir()) == []

    def test_nothing_to_do_has_an_exit_code_of_its_own(self):
        code, document = run_json(*SMALL, "-a", "dcgan", "-l", "hinge", "-d", "ring", "--dry-run")
        assert (code, document["trials"], document["runnable"]) == (5, 0, [])

    def test_a_step_that_cannot_be_timed_leaves_no_estimate(self):
        with installed(Failing()):
            code, document = run_json(*ONE, "-a", "failing", "--dry-run")
            result = run("-a", "failing", "-l", "hinge", "-d", "digits", *SMALL, "--dry-run")
        assert (code, document["trials"]) == (0, 2)
        assert "the time cannot be estimated" in result.stdout


class Failing:
    """A plugin with an architecture that cannot be built, and one that ends the process."""

    @gb.hookimpl
    def ganbench_architectures(self, register):
        register("failing", Unbuildable)
        register("leaving", Leaving)


class Unbuildable(gb.Architecture):
    latent_dim: int = 4

    def build(self, data):
        raise ZeroDivisionError("no layers")


class Leaving(Unbuildable):
    def build(self, data):
        raise SystemExit(0)


class TestRunning:
    def test_a_run_ends_well_and_a_second_one_has_nothing_left_to_do(self, here):
        code, document = run_json(*ONE, "--seeds", 2)
        assert (code, document["trained"], document["exit_code"]) == (0, 2, 0)
        assert {row["status"] for row in document["rows"]} == {"ok"}
        rows = {path: path.stat().st_mtime_ns for path in here.glob("out/trials/*/row.json")}
        assert len(rows) == 2

        code, document = run_json(*ONE, "--seeds", 2)
        assert (code, document["trained"], len(document["rows"])) == (0, 0, 2)
        assert {path: path.stat().st_mtime_ns for path in rows} == rows
        assert "Every trial was done before" in run(*ONE, "--seeds", 2).stderr

    def test_components_that_are_added_add_their_cells_only(self, here):
        run(*ONE)
        code, document = run_json(*ONE, "-l", "lsgan")
        assert (code, document["trained"], len(document["rows"])) == (0, 1, 2)
        code, document = run_json(*ONE, "--seeds", 2)
        assert (code, document["trained"], len(document["rows"])) == (0, 1, 2)
        assert len(gb.load_results("out")) == 3

    def test_the_grid_as_resolved_is_a_grid_file_for_the_same_run(self):
        run(*ONE, "-r", "r1[gamma=0.1]", "--set", "training.lr=1e-3", "--seeds", 2)
        written = gb.Grid.from_file("out/grid.toml")
        assert written.axes["regularizer"] == ("r1[gamma=0.1]",)
        assert written.training == {"g_lr": 1e-3, "d_lr": 1e-3}
        assert (written.seeds, str(written.budget)) == ((0, 1), "2steps")
        code, document = run_json("--grid", "out/grid.toml", "-o", "out")
        assert (code, document["trained"], len(document["rows"])) == (0, 0, 2)

    def test_what_was_resolved_and_where_settings_came_from_is_recorded(self, here):
        arguments = ["-a", DCGAN, "-l", "wgan-gp", "-d", "digits", "--set", "training.batch_size=4"]
        code, document = run_json(*arguments, *SMALL)
        (row,) = document["rows"]
        assert (code, row["status"], row["architecture"]) == (
            0,
            "ok",
            "dcgan[latent_dim=4,width=2]",
        )
        assert row["resolved_architecture"] == "dcgan[d_norm=layer,latent_dim=4,width=2]"
        sources = json.loads(row["setting_sources"])
        assert [sources[name] for name in ("flip", "d_steps", "batch_size", "precision")] == [
            "dataset",
            "loss",
            "grid",
            "default",
        ]
        (place,) = here.glob("out/trials/*/trial.json")
        identity = json.loads(place.read_text())
        assert identity["resolved_architecture"] == row["resolved_architecture"]
        assert identity["setting_sources"] == sources

    def test_cells_that_cannot_work_are_rows_with_a_reason_beside_those_that_do(self):
        arguments = ["-a", MLP, "-a", "dcgan[d_norm=batch,width=2]", "-l", "wgan-gp", *SMALL]
        code, document = run_json(*arguments, "-d", "digits")
        assert (code, document["trained"]) == (0, 1)
        (row,) = (row for row in document["rows"] if row["status"] == "skipped")
        assert "d_norm=auto, layer, instance, spectral or none" in row["error"]

    def test_a_run_of_which_nothing_can_work(self):
        code, document = run_json("-a", "dcgan", "-l", "hinge", "-d", "ring", *SMALL)
        assert (code, document["exit_code"], document["trained"]) == (5, 5, 0)
        (row,) = document["rows"]
        assert (row["status"], "use mlp for points" in row["error"]) == ("skipped", True)

    def test_a_trial_that_fails_hurts_no_other_and_is_tried_again_on_request_only(self):
        arguments = [*ONE, "-a", "failing", "-a", "leaving"]
        with installed(Failing()):
            code, document = run_json(*arguments)
            found = {row["architecture"]: row for row in document["rows"]}
            assert (code, document["trained"], len(found)) == (1, 3, 3)
            assert {row["status"] for row in found.values()} == {"ok", "error"}
            assert found["failing"]["error"] == "ZeroDivisionError: no layers"
            assert found["leaving"]["error"] == "SystemExit: 0"
            assert run_json(*arguments)[1]["trained"] == 0
            assert run_json(*arguments, "--retry-failed")[1]["trained"] == 2

    def test_a_trial_that_diverges_is_a_result(self):
        code, document = run_json(*ONE, "--set", "training.lr=1e30")
        assert (code, document["rows"][0]["status"]) == (0, "diverged")

    def test_progress_and_table_go_to_two_places(self):
        result = run(*ONE)
        assert f"{MLP} × hinge × digits seed 0: ok, fd " in result.stderr
        assert "hinge" in result.stdout
        assert result.stderr.endswith("Results are in out\n")


class TestChattyPlugins:
    """Whatever plugins print, standard output stays one JSON document."""

    @pytest.fixture(autouse=True)
    def chatty(self):
        class Mlp(type(gb.get("architecture", MLP))):
            def problem(self, data):
                print("problem")

            def build(self, data):
                print("build")
                return super().build(data)

        class Digits(type(gb.get("dataset", "digits"))):
            def spec(self, root):
                print("spec")
                return super().spec(root)

            def load(self, split, root):
                print("load")
                return super().load(split, root)

        class Watcher(gb.Callback):
            def tick(self, trial, record):
                print("tick")

        class Plugin:
            @gb.hookimpl
            def ganbench_architectures(self, register):
                print("hook")
                register("loud", Mlp)

            @gb.hookimpl
            def ganbench_datasets(self, register):
                register("loud", Digits)

            @gb.hookimpl
            def ganbench_callbacks(self, register):
                register("loud", Watcher)

        with installed(Plugin()):
            yield

    def test_standard_output_is_one_document(self, here):
        arguments = ["-a", "loud[g_widths=[8],d_widths=[8]]", "-l", "hinge", "-d", "loud"]
        code, document = run_json(*arguments, *SMALL, "--dry-run")
        assert (code, document["trials"]) == (0, 1)
        code, document = run_json(*arguments, *SMALL, "-c", "loud")
        assert (code, document["rows"][0]["status"]) == (0, "ok")
        (log,) = here.glob("out/trials/*/log.txt")
        assert {"build", "tick"} <= set(log.read_text().split())


class TestFromPython:
    def test_a_dict_a_file_and_a_grid_are_the_same_run(self):
        first = gb.run(GRID, out="out")
        assert (first.exit_code, first.trained, first.interrupted) == (0, 1, False)
        assert first.folder == Path("out")
        assert list(first.results["status"]) == ["ok"]
        Path("mine.toml").write_text(gb.Grid.from_dict(GRID).to_toml())
        for grid in (gb.Grid.from_dict(GRID), "mine.toml", Path("mine.toml")):
            again = gb.run(grid, out="out")
            assert (again.exit_code, again.trained, len(again.results)) == (0, 0, 1)

    def test_a_name_with_everything_laid_over_it(self, capsys):
        result = gb.run(
            "quick",
            axes={"architecture": MLP, "loss": ["hinge"]},
            seeds=[4],
            budget="2steps",
            training={"lr": 1e-3},
            evaluation=EVALUATION,
            device="cpu",
        )
        assert result.folder == Path("runs/quick")
        (row,) = result.results.to_dict("records")
        assert (row["seed"], row["steps"], row["architecture"]) == (4, 2, MLP)
        assert json.loads(row["settings"])["g_lr"] == 1e-3
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"axes": {"losses": ["hinge"]}}, "unknown axis 'losses'"),
            ({"axes": {"loss": "hinges"}}, "unknown loss 'hinges'; did you mean 'hinge'"),
            ({"seeds": 0}, "seeds = 0: expected"),
            ({"seeds": [-1]}, r"seeds = \[-1\]: expected"),
            ({"budget": 2000}, "bad budget 2000: write it as"),
            ({"training": {"lr": "high"}}, "option lr=high is not allowed"),
            ({"device": "tpu"}, "--device tpu: unknown device"),
        ],
    )
    def test_wrong_use(self, here, options, sentence):
        with pytest.raises(gb.UsageError, match=sentence):
            gb.run(GRID, out="out", **options)
        assert list(here.iterdir()) == []

    def test_exit_codes(self):
        assert gb.run({**GRID, "grid": {**GRID["grid"], "architecture": ["dcgan"],
                                        "dataset": ["ring"]}}, out="none").exit_code == 5  # fmt: skip
        with installed(Failing()):
            result = gb.run(GRID, out="bad", axes={"architecture": "failing"})
        assert (result.exit_code, result.trained) == (1, 1)


def test_closed_standard_streams_do_not_end_a_command(tmp_path):
    command = f"'{sys.executable}' -m ganbench list losses <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command]).returncode == 0
