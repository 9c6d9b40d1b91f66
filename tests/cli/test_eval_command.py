"""``ganbench eval``: what is printed, and what is said where something is wrong."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench.base.pixels import to_uint8
from ganbench.cli import progress_meter as meter
from ganbench.cli.app import app
from ganbench.evaluation.sampled_source import TrialSource
from ganbench.generators.trained import load_trained
from ganbench.store.run_folder import RunFolder

MLP = "mlp[latent_dim=4,g_widths=[8],d_widths=[8]]"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(tmp_path_factory, cache):
    """A run with a trial on images and one on points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(cache))
        grid = {
            "grid": {"architecture": [MLP], "loss": ["hinge"], "dataset": ["digits", "ring[n=64]"]},
            "budget": {"steps": 2},
            "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 1},
        }
        out = tmp_path_factory.mktemp("runs") / "out"
        assert gb.run(grid, out=out, executor="inline").exit_code == 0
    return out


@pytest.fixture(autouse=True)
def _here(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_CACHE", str(cache))
    for name, seed in (("real", 1), ("fake", 2)):
        Path(name).mkdir()
        for number, image in enumerate(np.random.RandomState(seed).rand(40, 4, 4, 3) * 255):
            Image.fromarray(image.astype(np.uint8)).save(f"{name}/{number:02}.png")


def evaluate(*arguments):
    result = CliRunner().invoke(app, ["eval", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


PIXELS = ("--real", "real", "--fake", "fake", "--extractor", "pixels")


def test_people_get_a_table_and_the_rest_goes_to_standard_error():
    result = evaluate(*PIXELS, "--metrics", "fd,kid,prdc,is")
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head == "extractor pixels:40/40:folder"
    table = {line.split()[0]: line for line in lines}
    assert set(table) >= {"fd", "kid_mean", "precision", "recall", "density", "coverage"}
    assert "100 subsets of 40, which are all fake and all real images" in table["kid_mean"]
    assert "±" not in table["kid_mean"]
    assert "the extractor has no logits" in table["cs_mean"]
    assert "fid" not in result.stdout.split()
    assert "real: real (40 images)" in result.stderr
    assert "Warning: 40 fake images are fewer than the 48 features" in result.stderr


def test_programs_get_one_document_with_every_circumstance(tmp_path):
    result = evaluate(*PIXELS, "--json", "--set", "kid_subset_size=30", "-n", 35, "-o", "m.json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert json.loads(Path("m.json").read_text()) == document
    assert document["metrics"]["fd"] > 0
    assert document["metrics"]["fid"] is None
    assert document["identity"] == "pixels:35/40:folder"
    assert document["extractor"]["identity"] == "pixels"
    assert document["details"]["fd"] == {"n_fake": 35, "n_real": 40, "ddof": 1}
    assert document["details"]["kid"]["subset_size"] == 30
    assert document["metrics"]["kid_std"] > 0
    whole = json.loads(evaluate(*PIXELS, "--json", "--metrics", "kid").stdout)["metrics"]
    assert whole["kid_mean"] is not None
    assert whole["kid_std"] is None
    assert document["fake"]["count"] == 35
    assert document["fake"]["listed"] == 40
    assert len(document["real"]["content"]) == 64
    assert document["ganbench_version"] == gb.__version__


def test_the_standard_network_alone_gives_names_to_the_official_scores(monkeypatch):
    from ganbench_extractors import pixels
    from ganbench_metrics import fd

    network = gb.FeatureNetwork(
        "inception-v3-compat",
        lambda x: gb.Features(x.flatten(1).float(), x[:, 0, 0].float()),
        standard_fid=True,
    )
    monkeypatch.setattr(pixels.Pixels, "prepare", lambda self, context: network)
    result = evaluate(*PIXELS, "--metrics", "fd,is", "--json")
    metrics = json.loads(result.stdout)["metrics"]
    assert metrics["is_mean"] == metrics["cs_mean"]
    assert metrics["fid"] is None
    assert "fd is called fid only at 50,000 fake images" in result.stderr
    monkeypatch.setattr(fd, "_STANDARD", 40)
    named = evaluate(*PIXELS, "--metrics", "fd,is", "--json")
    assert json.loads(named.stdout)["metrics"]["fid"] == metrics["fd"]
    assert "called fid only" not in named.stderr
    assert "\nfid ↓" in evaluate(*PIXELS, "--metrics", "fd,is").stdout


def test_a_trial_is_measured_against_its_own_data(run):
    result = evaluate("--fake", f"{run}:digits", "-n", 60, "--extractor", "pixels", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["identity"] == "pixels:60/1438:train"
    assert document["real"]["source"] == "digits"
    assert document["fake"]["trial"].startswith("mlp-hinge-digits-s0")
    assert document["channels"] == 1
    same = evaluate(
        "--fake", f"{run}/mlp-hinge-digits", "-n", 60, "--extractor", "pixels", "--json"
    )
    assert json.loads(same.stdout)["metrics"] == document["metrics"]
    other = evaluate(
        "--fake", f"{run}:digits", "-n", 60, "--extractor", "pixels", "--json", "--seed", 1
    )
    assert json.loads(other.stdout)["metrics"] != document["metrics"]


def test_a_trial_on_points_is_measured_against_points(run):
    result = evaluate("--fake", f"{run}:ring", "-n", 60, "--metrics", "fd,prdc", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["metrics"]["fd"] > 0


def test_the_generator_makes_the_images_of_the_sample_command(run):
    trial = RunFolder(run).find("digits")
    source = TrialSource("x", trial, 50, 3, torch.device("cpu"), Path())
    made = torch.cat([batch.images for batch in source.batches(source.places(), 1, 16)])
    assert torch.equal(made, to_uint8(torch.cat(list(load_trained(trial).batches(50, seed=3)))))


def test_images_in_grey_are_compared_with_a_data_set_in_grey(run):
    digits = gb.get("dataset", "digits").load("train", Path()).images[:100]
    Path("grey").mkdir()
    for number, image in enumerate(digits[:, 0].numpy()):
        Image.fromarray(np.stack([image] * 3, 2)).save(f"grey/{number:03}.png")
    result = evaluate("--real", "digits", "--fake", "grey", "--extractor", "pixels", "--json")
    array = gb.evaluate(real="digits", fake=digits, extractor="pixels")
    assert json.loads(result.stdout)["metrics"] == pytest.approx(array.metrics, nan_ok=True)
    assert "converted to gray" in result.stderr


def test_a_broken_file_is_named_and_left_out_on_request():
    Path("fake/13.png").write_bytes(b"no image")
    result = evaluate(*PIXELS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "1 of the 40 images in fake cannot be read: 13.png (not an image" in result.stderr
    result = evaluate(*PIXELS, "--skip-broken", "--metrics", "fd", "--json")
    assert json.loads(result.stdout)["fake"]["broken"] == 1
    assert "1 broken images in fake were left out: 13.png" in result.stderr


def test_equal_sides_are_told():
    shutil.rmtree("fake")
    shutil.copytree("real", "fake")
    result = evaluate(*PIXELS, "--metrics", "fd")
    assert "the fake and the real images are the same" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--real", "nowhere", "--fake", "fake"], "--real nowhere: this is not a folder"),
        (["--real", "mnst", "--fake", "fake"], "did you mean 'mnist'?"),
        (["--real", "real", "--fake", "nowhere"], "or trial (write RUN:TRIAL"),
        (["--real", "real", "--fake", "empty"], "empty has no images: it is empty"),
        (["--real", "real", "--fake", "texts"], "it holds other files, such as a.txt"),
        (["--real", "real", "--fake", "texts/a.txt"], "neither a folder, a zip or tar archive"),
        (["--real", "real", "--fake", "x.npy"], "numpy.savez('x.npz', numpy.load('x.npy'))"),
        (["--real", "f.npy", "--fake", "fake"], "convert them with (127.5 * (x + 1)).round()"),
        (
            ["--fake", "fake"],
            "fd, kid, prdc, class-fd need real images to compare with; name them with --real",
        ),
        (["--fake", "fake", "--metrics", "fd,is,kid"], "fd, kid need real images to compare with"),
        (["--real", "real", "--fake", "s.npz"], "have 3 features, but the extractor has 48"),
        (["--real", "s.npz", "--fake", "t.npz"], "t.npz have 2 features, but s.npz has 3"),
        (
            ["--real", "own.npz", "--fake", "fake"],
            "come from tiny@0, but the extractor is pixels: their "
            "distance has no meaning; choose --extractor 'tiny'",
        ),
        ([*PIXELS, "--save-statistics", "no/s.npz"], "there is no folder no"),
        ([*PIXELS, "--save-statistics", "s.txt"], "the name must end in .npz"),
        (["--real", "s.npz", "--save-statistics", "o.npz"], "s.npz holds statistics already"),
        (["--real", "real"], "Missing option '--fake'"),
        (["--real", "s.npz", "--fake", "fake"], "have 3 features, but the extractor has 48"),
        ([*PIXELS, "--metrics", "fid"], "unknown metric 'fid'; did you mean 'fd'?"),
        ([*PIXELS, "--metrics", ","], "--metrics is empty; name at least one of authpct, "),
        ([*PIXELS, "--metrics", "is"], "the extractor has no logits"),
        ([*PIXELS, "--extractor", "pixel"], "did you mean 'pixels'?"),
        ([*PIXELS, "--extractor", "small-cnn"], "learns from labels, but the data has none"),
        ([*PIXELS, "--set", "kid_size=3"], "did you mean 'kid_subset_size'?"),
        ([*PIXELS, "--set", "kid_size"], "write it as kid_subset_size=500"),
        ([*PIXELS, "--device", "tpu"], "--device tpu: unknown device"),
        ([*PIXELS, "--data-dir", "nowhere"], "--data-dir nowhere: this folder does not exist"),
        ([*PIXELS, "-o", "no/m.json"], "the folder no does not exist"),
        ([*PIXELS, "-n", "1"], "1 is not allowed; it takes a whole number, at least 2"),
        (["--real", "ring", "--fake", "fake"], "ring holds points, but fake holds images"),
    ],
)
def test_what_is_wrong_is_one_sentence_on_standard_error(arguments, message):
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.txt").write_text("text")
    np.savez("s.npz", mu=np.zeros(3), sigma=np.eye(3))
    np.savez("t.npz", mu=np.zeros(2), sigma=np.eye(2))
    np.savez("own.npz", mu=np.zeros(48), sigma=np.eye(48), extractor="tiny@0", spec="tiny")
    np.save("x.npy", np.zeros((2, 4, 4, 3), np.uint8))
    np.save("f.npy", np.linspace(-1, 1, 96).reshape(2, 4, 4, 3))
    extractor = () if "--extractor" in arguments else ("--extractor", "pixels")
    result = evaluate(*arguments, *extractor)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert message in result.stderr.splitlines()[-1]


def test_plain_lines_tell_the_rate_and_the_time_left(capsys):
    now = [0.0]
    shown = meter.PlainMeter(sys.stderr, lambda: now[0])
    shown.begin("fake: x", 1000)
    for _ in range(4):
        now[0] += 5
        shown.advance(50)
    shown.begin("computing fd")
    shown.close()
    assert capsys.readouterr().err.splitlines() == [
        "fake: x (1,000 images)",
        "fake: x: 100 of 1,000, 10.0 images/s, 1:30 left",
        "fake: x: 200 of 1,000, 10.0 images/s, 1:20 left",
        "computing fd",
    ]


def test_what_is_empty_or_no_file_is_refused():
    for option, other in (("--real", "--fake"), ("--fake", "--real")):
        result = evaluate(option, "", other, "real", "--extractor", "pixels")
        assert result.exit_code == 2
        assert f"{option} is empty" in result.stderr
    result = evaluate("--real", "real", "--fake", "/dev/zero", "--extractor", "pixels")
    assert result.exit_code == 2
    assert "neither a folder" in result.stderr


def test_fewer_images_than_asked_for_are_told():
    result = evaluate("--real", "real", "--fake", "fake", "--extractor", "pixels", "-n", 50)
    assert result.exit_code == 0
    assert "fake has 40 images, fewer than the requested 50" in result.stderr
