"""``ganbench sample``: pictures of trained generators, and what is said where there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench.base.pixels import to_uint8
from ganbench.cli.app import app
from ganbench.evaluation.sampled_source import NOISE, TrialSource
from ganbench.generators.trained import load_trained
from ganbench.grid.settings import TrainingSettings
from ganbench.store.run_folder import RunFolder
from ganbench.training.state import newest_checkpoint
from ganbench.training.trial_state import TrialState

MLP = "mlp[latent_dim=4,g_widths=[8],d_widths=[8]]"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with a trial that was trained and one that was skipped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        grid = {
            "grid": {"architecture": [MLP], "loss": ["hinge"], "dataset": ["digits", "ring[n=64]"]},
            "budget": {"steps": 2},
            "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 1},
        }
        out = tmp_path_factory.mktemp("runs") / "out"
        assert gb.run(grid, out=out, executor="inline").exit_code == 0
        skipped = grid | {"grid": grid["grid"] | {"architecture": ["dcgan"], "dataset": ["ring"]}}
        assert gb.run(skipped, out=out, executor="inline").exit_code == 5
    return out


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sample(*arguments):
    result = CliRunner().invoke(app, ["sample", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def refusal(*arguments):
    before = sorted(Path().rglob("*"))
    result = sample(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert sorted(Path().rglob("*")) == before
    *_, sentence = result.stderr.splitlines()
    return sentence.removeprefix("Error: ")


def pixels(name):
    with Image.open(name) as image:
        return np.asarray(image)


def test_a_trial_is_found_by_a_part_of_its_id(trained):
    result = sample(trained, "hinge-digits", "-n", 9)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("9 samples of mlp-hinge-digits-s0-")
    assert result.stdout.endswith(" are in samples.png\n")
    height, width = pixels("samples.png").shape
    assert height == width  # nine pictures, three by three


def test_a_seed_always_gives_the_same_picture_and_another_one_another(trained):
    for seed, name in ((0, "a.png"), (0, "b.png"), (1, "c.png")):
        sample(trained, "hinge-digits", "-n", 4, "--seed", seed, "-o", name)
    assert np.array_equal(pixels("a.png"), pixels("b.png"))
    assert not np.array_equal(pixels("a.png"), pixels("c.png"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"protocol": 1}, "its protocol was 1, now "),
        ({"version": "0.0.1"}, "architecture mlp of ganbench had version 0.0.1, now "),
        ({"source": "0" * 16}, "architecture mlp of ganbench has changed since"),
    ],
)
def test_images_that_may_be_others_than_in_training_are_drawn_with_a_warning(
    trained, tmp_path, changes, reason
):
    out = tmp_path / "copy"
    shutil.copytree(trained, out)
    place = RunFolder(out).find("hinge-digits")
    identity = place.read_identity()
    identity["protocol"] = changes.get("protocol", identity["protocol"])
    identity["architecture"]["version"] = changes.get(
        "version", identity["architecture"]["version"]
    )
    known = "architecture mlp of ganbench"
    digest = identity["sources"][known]
    identity["sources"][known] = changes.get("source", digest[:16]) + digest[16:]
    assert sample(trained, "hinge-digits", "-n", 4).stderr == ""
    place.write_identity(identity)
    for command in ("sample", "export"):
        result = CliRunner().invoke(app, [command, str(out), "hinge-digits"])
        assert result.exit_code == 0, result.output
        assert "may differ from those of its training" in result.stderr
        assert reason in result.stderr


@pytest.mark.parametrize("command", ["sample", "export"])
@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("tpu", "--device tpu: unknown device; use cpu, cuda or cuda:0"),
        ("cuda:9", "--device cuda:9: "),
    ],
)
def test_a_device_that_is_not_there(trained, command, device, reason):
    result = CliRunner().invoke(app, [command, str(trained), "hinge-digits", "--device", device])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {reason}")
    assert not list(Path().iterdir())


def test_samples_are_those_of_the_trials_evaluation(tmp_path):
    grid = {
        "grid": {"architecture": ["dcgan[width=4]"], "loss": ["hinge"], "dataset": ["digits"]},
        "budget": {"steps": 2},
        "training": {"precision": "bf16", "memory_format": "channels_last", "batch_size": 8},
        "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 1},
    }
    assert gb.run(grid, out="run", executor="inline", device="cpu").exit_code == 0
    place = RunFolder("run").find("dcgan")
    state, kept = newest_checkpoint(place.checkpoint_dir)[0], TrialState()
    kept.load_dict(state["session"])
    seen = kept.timeline["1"]  # the first samples of the last evaluation
    trained = load_trained(place)
    ours = trained.sampler(0).images(32, NOISE)
    assert torch.equal(to_uint8(ours[: len(seen)]), seen)
    in_fp32 = trained.sampler(0, settings=TrainingSettings()).images(32, NOISE)
    assert not torch.equal(in_fp32, ours)
    source = TrialSource("x", place, 32, 0, torch.device("cpu"), Path())
    (batch,) = source.batches(source.places(), 1, 32)
    assert sample("run", "dcgan", "-n", 32, "-o", "a.npz", "--device", "cpu").exit_code == 0
    assert np.array_equal(np.load("a.npz")["arr_0"], batch.images.permute(0, 2, 3, 1).numpy())


def test_points_are_drawn_in_the_plane(trained):
    assert sample(trained, "mlp-hinge-ring", "-o", "points.PNG").exit_code == 0
    assert pixels("points.PNG").shape[2] == 3


def test_folders_that_hold_no_run(trained):
    Path("empty").mkdir()
    Path("file").touch()
    assert refusal("nowhere", "x").startswith("the folder nowhere does not exist; name a run")
    assert refusal("file", "x") == "file is not a folder"
    assert refusal("empty", "x") == "empty is not a run folder: it has no trials and no results"
    for command in ("results", "report"):
        result = CliRunner().invoke(app, [command, "empty"])
        assert (result.exit_code, result.stdout) == (2, "")


def test_trials_that_cannot_be_sampled(trained):
    for text, words in (("wgan", "no trial 'wgan' in "), ("hinge", "'hinge' fits 3 trials; name")):
        result = sample(trained, text)
        assert result.exit_code == 2
        assert words in result.stderr
        assert "\n  dcgan-hinge-ring-s0-" in result.stderr  # each trial on a line
    assert "has no checkpoint to sample from" in refusal(trained, "dcgan")


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["-o", "picture.jpg"], "-o picture.jpg: the name must end in .png"),
        (["-o", "no/where.png"], "-o no/where.png: the folder no does not exist"),
        (["-o", "folder.png"], "-o folder.png is a folder; name a file"),
        (["-n", "0"], "Invalid value for '-n': 0 is not allowed"),
        (["--seed", "-1"], "Invalid value for '--seed': -1 is not allowed"),
    ],
)
def test_pictures_that_cannot_be_written(trained, option, sentence):
    Path("folder.png").mkdir()
    assert refusal(trained, "hinge-digits", *option).startswith(sentence)


class TestATrialThatDoesNotFit:
    @pytest.fixture
    def trial(self, trained, tmp_path):
        """A copy of the trained trial, to be changed; a function edits its trial.json."""
        shutil.copytree(trained, tmp_path / "copy")
        trial = RunFolder(tmp_path / "copy").find("hinge-digits")

        def edit(change):
            identity = json.loads(trial.trial_json.read_text())
            change(identity)
            trial.trial_json.write_text(json.dumps(identity))
            return refusal("copy", trial.id)

        return edit

    def test_its_architecture_is_not_installed(self, trial):
        sentence = trial(lambda identity: identity["architecture"].update(name="mpl"))
        assert sentence.startswith("unknown architecture 'mpl' in 'ganbench'; ")

    def test_its_architecture_comes_from_elsewhere(self, trial):
        sentence = trial(lambda identity: identity["architecture"].update(provider="theirs"))
        assert sentence.startswith("unknown architecture 'mlp' in 'theirs'; ")

    def test_its_architecture_has_changed(self, trial):
        def change(identity):
            identity["architecture"]["version"] = "0.0.1"
            identity["architecture"]["options"]["g_widths"] = [9]

        sentence = trial(change)
        assert "the weights of trial mlp-hinge-digits-s0-" in sentence
        assert "do not fit" in sentence
        assert sentence.endswith("the trial used version 0.0.1")

    def test_its_record_is_damaged(self, trial):
        assert trial(dict.clear).endswith("has a damaged trial.json: no architecture")
