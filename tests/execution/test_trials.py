"""Whole trials: their rows, what goes wrong with them, and how they go on."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import ganbench as gb
from ganbench import Callback, Loss
from ganbench.registry import lookup, plugins

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
EVALUATION = {"ticks": 2, "samples": 64, "extractor": "pixels"}
#: Columns that tell of time, memory, neighbours or attempts.
TIMES = {
    *("train_seconds", "eval_seconds", "wall_seconds", "warmup_seconds", "compile_seconds"),
    *("images_per_second", "step_ms"),
}
TIMES |= {"peak_memory_mb", "eval_peak_memory_mb"}
TIMES |= {"steps_per_second", "started", "attempts", "exclusive"}


class NanAtStep(Loss):
    """Turns into NaN in the sixth update of the discriminator."""

    calls = 0

    def discriminator(self, real, fake):
        type(self).calls += 1
        return (fake - real).mean() * (math.nan if type(self).calls == WARM_UP + 6 else 1)

    def generator(self, real, fake):
        return -fake.mean()


#: Updates that are taken back before the first step.
WARM_UP = 1


class RaisesInForward(Loss):
    """Raises."""

    def discriminator(self, real, fake):
        raise RuntimeError("this loss\nis broken")

    def generator(self, real, fake):
        return -fake.mean()


class OutOfMemory(RaisesInForward):
    """Asks for more than there is."""

    def discriminator(self, real, fake):
        torch.empty(2**60, dtype=torch.uint8)


class Noisy(Loss):
    """Prints."""

    def discriminator(self, real, fake):
        print("a line from a loss")
        return (fake - real).mean()

    def generator(self, real, fake):
        return -fake.mean()


@pytest.fixture(autouse=True)
def hostile_losses(monkeypatch, tmp_path):
    """The installed components and the losses above."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    records, registrations = plugins.load_plugins()
    record = plugins.PluginRecord("hostile", "ganbench-hostile", "1.0", "hostile")
    extra = {"nan": NanAtStep, "raises": RaisesInForward, "oom": OutOfMemory, "noisy": Noisy}
    registrations += [
        plugins.Registration("loss", name, cls, "", record) for name, cls in extra.items()
    ]
    monkeypatch.setattr(lookup, "_default", lookup.Registry([*records, record], registrations))
    NanAtStep.calls = 0


def run(out, losses=("hinge",), seeds=1, budget="20steps", architecture=TINY, **kwargs):
    axes = {"architecture": [architecture], "loss": list(losses), "dataset": ["digits"]}
    evaluation = EVALUATION | kwargs.pop("evaluation", {})
    return gb.run(
        {"grid": axes},
        out,
        seeds=seeds,
        budget=budget,
        evaluation=evaluation,
        executor="inline",
        **kwargs,
    )


def test_a_trial_leaves_its_row_history_picture_and_checkpoint(tmp_path):
    result = run(tmp_path / "r", budget="300img", training={"batch_size": 10})
    assert result.exit_code == 0
    row = result.results.iloc[0]
    folder = tmp_path / "r" / "trials" / row["trial"]
    assert (row["status"], row["steps"], row["images"]) == ("ok", 30, 300)
    assert row["images_per_second"] == pytest.approx(10_000 / row["step_ms"])
    assert row["extractor"] == "pixels:64/1438:train"
    assert row[["fid", "is_mean"]].isna().all()
    history = gb.load_history(tmp_path / "r")
    assert history["tick"].tolist() == [0, 1, 2]
    assert history["images"].tolist() == [0, 150, 300]
    assert history["fd"].iloc[-1] == row["fd"]
    curve = gb.stability(history["images"], history["fd"])
    assert row["verdict"] == curve["verdict"]
    assert row["fd_auc"] == curve["fd_auc"]
    with Image.open(folder / "samples.png") as picture:
        assert picture.size == (8 * 68 + 4, 8 * 68 + 4)
        assert len(np.unique(np.asarray(picture))) > 10
    with Image.open(folder / "progress.png") as picture:
        assert picture.size == (8 * 68 + 4, 3 * 68 + 4)  # a row for each tick
        first, *later = np.split(np.asarray(picture)[4:], 3)
        assert all(np.any(first != other) for other in later)
    assert sorted(path.suffix for path in (folder / "checkpoint").iterdir()) == [
        ".json",
        ".safetensors",
    ]


def test_a_trial_gives_the_same_bits_alone_and_in_a_grid(tmp_path):
    run(tmp_path / "alone", seeds=[1])
    run(tmp_path / "grid", ["lsgan", "wgan-gp", "hinge"], seeds=2)
    alone = gb.load_results(tmp_path / "alone").iloc[0]
    rows = gb.load_results(tmp_path / "grid")
    grid = rows[rows["trial"] == alone["trial"]].iloc[0]
    assert _same_row(alone, grid)
    assert _weights(tmp_path / "alone", alone["trial"]) == _weights(
        tmp_path / "grid", alone["trial"]
    )


def test_what_a_component_does_wrong_becomes_its_row_and_harms_no_other(tmp_path):
    healthy = run(tmp_path / "healthy").results.iloc[0]
    result = run(tmp_path / "r", ["nan", "raises", "oom", "noisy", "hinge"])
    rows = result.results.set_index("loss")
    assert rows["status"].to_dict() == {
        "nan": "diverged",
        "raises": "error",
        "oom": "oom",
        "noisy": "ok",
        "hinge": "ok",
    }
    assert rows.loc["raises", "error"] == "RuntimeError: this loss is broken"
    assert rows.loc["hinge", "fd"] == healthy["fd"]
    assert result.exit_code == 1
    logs = {
        loss: tmp_path / "r/trials" / rows.loc[loss, "trial"] / "log.txt" for loss in rows.index
    }
    assert "Traceback" in logs["raises"].read_text()
    assert "a line from a loss" in logs["noisy"].read_text()


def test_a_diverged_trial_says_where_and_keeps_its_curve(tmp_path):
    result = run(tmp_path / "r", ["nan"], training={"batch_size": 10})
    row = result.results.iloc[0]
    assert result.exit_code == 0
    assert (row["status"], row["verdict"]) == ("diverged", "diverged")
    assert (row["steps"], row["fail_images"]) == (6, 60)
    assert "step 6" in row["error"]
    assert np.isnan(row["fd"])
    assert gb.load_history(tmp_path / "r")["tick"].tolist() == [0]


def test_samples_that_are_not_finite_before_training_are_a_divergence(tmp_path, monkeypatch):
    from ganbench_classic.mlp import MLP

    build = MLP.build

    def broken(self, data):
        networks = build(self, data)
        torch.nn.init.constant_(list(networks.generator.parameters())[-1], math.nan)
        return networks

    monkeypatch.setattr(MLP, "build", broken)
    row = run(tmp_path / "r").results.iloc[0]
    assert (row["status"], row["fail_images"]) == ("diverged", 0)
    assert "before training" in row["error"]


def test_changed_data_makes_new_trials_beside_the_old(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()

    def draw(count):
        for number in range(count):
            noise = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(noise).save(pictures / f"{number}.png")

    def train():
        dataset = f"folder[path={pictures},size=8,channels=1,test_fraction=0.2]"
        axes = {"architecture": [TINY], "loss": ["hinge"], "dataset": [dataset]}
        options = {"evaluation": EVALUATION, "executor": "inline"}
        return gb.run({"grid": axes}, tmp_path / "r", budget="5steps", **options)

    draw(40)
    assert [train().trained for _ in range(2)] == [1, 0]
    draw(50)
    assert train().trained == 1
    assert len(gb.load_results(tmp_path / "r")) == 2


def test_a_second_run_trains_only_what_is_missing(tmp_path):
    assert run(tmp_path / "r", ["hinge"]).trained == 1
    more = run(tmp_path / "r", ["hinge", "lsgan"], seeds=2)
    assert more.trained == 3
    assert run(tmp_path / "r", ["hinge", "lsgan"], seeds=2).trained == 0
    assert len(gb.load_results(tmp_path / "r")) == 4


def test_failed_trials_are_left_alone_unless_asked_for(tmp_path):
    run(tmp_path / "r", ["raises"])
    assert run(tmp_path / "r", ["raises"]).trained == 0
    assert run(tmp_path / "r", ["raises"], retry_failed=True).trained == 1


class Recorder(Callback):
    """Writes down what it is told, and raises at every tick."""

    def trial_started(self, trial, folder):
        HEARD.append(("started", trial["seed"]))

    def tick(self, trial, record):
        HEARD.append(("tick", record["tick"]))
        raise RuntimeError("a tracker that is down")

    def trial_ended(self, trial, row):
        HEARD.append(("ended", row["status"]))


HEARD: list = []


def test_a_callback_hears_of_everything_and_cannot_spoil_it(tmp_path, capsys):
    HEARD.clear()
    result = run(tmp_path / "r", callbacks=[Recorder()], quiet=False)
    assert result.exit_code == 0
    assert HEARD == [("started", 0), ("tick", 0), ("tick", 1), ("tick", 2), ("ended", "ok")]
    log = next((tmp_path / "r" / "trials").glob("*/log.txt")).read_text()
    assert "a tracker that is down" in log
    said = capsys.readouterr().err
    assert said.count("callback Recorder failed: RuntimeError: a tracker that is down") == 1


class Quits(Callback):
    """Leaves at every moment, as trackers do that cannot log in."""

    def trial_started(self, trial, folder):
        sys.exit(1)

    def tick(self, trial, record):
        sys.exit(1)

    def trial_ended(self, trial, row):
        sys.exit(1)


def test_a_callback_that_leaves_leaves_alone(tmp_path):
    assert run(tmp_path / "r", callbacks=[Quits()]).exit_code == 0


def test_an_architecture_that_makes_the_wrong_shape_is_skipped_with_the_reason(
    tmp_path, monkeypatch
):
    from ganbench_classic.mlp import MLP

    build = MLP.build
    monkeypatch.setattr(MLP, "build", lambda self, data: build(self, gb.DataSpec(1, 9, 9)))
    row = run(tmp_path / "r").results.iloc[0]
    assert row["status"] == "skipped"
    assert "(8, 1, 9, 9)" in row["error"]


def test_points_get_their_own_metrics_and_a_scatter_plot(tmp_path):
    axes = {"architecture": [TINY], "loss": ["hinge"], "dataset": ["ring"]}
    options = {"evaluation": EVALUATION, "executor": "inline"}
    result = gb.run({"grid": axes}, tmp_path / "r", budget="30steps", **options)
    row = result.results.iloc[0]
    assert row["status"] == "ok"
    assert 0 <= row["high_quality"] <= 1
    assert "modes" in gb.load_history(tmp_path / "r")


@pytest.mark.parametrize(
    "architecture", [pytest.param(TINY, marks=pytest.mark.slow), "dcgan[width=4]"]
)
def test_ctrl_c_saves_and_the_same_command_goes_on_to_the_same_bits(tmp_path, architecture):
    command = [
        sys.executable, "-m", "ganbench", "run", "-a", architecture, "-l", "wgan-gp", "-d", "digits",
        "--budget", "150steps", "--threads", "1", "--set", "evaluation.extractor=pixels",
        "--set", "evaluation.samples=64", "--set", "evaluation.ticks=4",
    ]  # fmt: skip
    env = {**os.environ, "GANBENCH_CACHE": str(tmp_path / "cache"), "COLUMNS": "200"}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = subprocess.run([*command, "-o", whole], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    first = subprocess.Popen([*command, "-o", parts], env=env, stderr=subprocess.PIPE, text=True)
    _wait_for(lambda: any(parts.glob("trials/*/history.csv")), first)
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130, errors
    assert "the same command continues" in errors
    stopped = json.loads(next(parts.glob("trials/*/row.json")).read_text())
    assert stopped["status"] == "interrupted"

    again = subprocess.run([*command, "-o", parts], env=env, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    a, b = (gb.load_results(folder).iloc[0] for folder in (whole, parts))
    assert b["attempts"] == 2
    assert _same_row(a, b)
    ours, theirs = (gb.load_history(f).drop(columns="train_seconds") for f in (whole, parts))
    assert ours.equals(theirs)
    assert _weights(whole, a["trial"]) == _weights(parts, a["trial"])


def _wait_for(condition, process, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)


def _same_row(a, b):
    columns = [column for column in a.index if column not in TIMES]
    return a[columns].equals(b[columns])


def _weights(folder, trial):
    newest = max((folder / "trials" / trial / "checkpoint").glob("*.safetensors"))
    tensors = load_file(newest)
    return {
        name: tensor.numpy().tobytes()
        for name, tensor in sorted(tensors.items())
        if name.startswith(("/trainer/generator", "/trainer/discriminator", "/trainer/averaged"))
    }
