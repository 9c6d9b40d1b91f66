"""Whole runs on a GPU, in this process: a grid, and the commands that read what it left."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner

import ganbench as gb
from ganbench.cli.app import app

AXES = {
    "architecture": [
        "dcgan[latent_dim=4,width=4]",
        "mlp[d_widths=[16],g_widths=[16],latent_dim=4]",
    ],
    "loss": ["wgan-gp"],
    "dataset": ["digits"],
    "augmentation": ["ada"],
}
EVALUATION = {"ticks": 2, "samples": 64, "extractor": "pixels"}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))


def run(out, axes, seeds, **kwargs):
    done = gb.run(
        {"grid": axes},
        out,
        seeds=seeds,
        budget="8steps",
        training={"batch_size": 8},
        evaluation=EVALUATION,
        executor="inline",
        device="cuda",
        **kwargs,
    )
    assert done.exit_code == 0
    return done.results.set_index("trial")


@pytest.mark.slow
def test_a_trial_gives_the_same_numbers_alone_and_after_others_of_its_cell(device, tmp_path):
    """The second seed goes on with the networks and the recordings of the first."""
    rows = run(tmp_path / "grid", AXES, 2)
    assert set(rows["status"]) == {"ok"}
    assert set(rows["device"]) == {torch.cuda.get_device_name(device)}
    assert rows["deterministic"].all()
    assert set(rows["executor"]) == {"graph"}, set(rows["executor_reason"])
    assert (rows["peak_memory_mb"] > 0).all()
    last = AXES | {name: [values[-1]] for name, values in AXES.items()}
    (alone,) = run(tmp_path / "alone", last, [1]).iloc
    other = rows.loc[alone.name]
    for column in ("fd", "fd_best", "kid_mean", "d_auc", "coverage"):
        assert alone[column] == other[column]


@pytest.mark.slow
def test_commands_read_what_a_gpu_left(device, tmp_path):
    (row,) = run(tmp_path / "run", AXES | {n: v[:1] for n, v in AXES.items()}, 1).iloc
    folder, name = str(tmp_path / "run"), str(row.name)
    for command in (
        ["sample", folder, name, "-n", "6", "-o", str(tmp_path / "samples.png")],
        ["export", folder, name, "-o", str(tmp_path / "generator.pt2")],
        ["eval", "--real", "digits", "--fake", f"{folder}/trials/{name}", "--extractor", "pixels",
         "--samples", "64", "--device", "cuda"],
        ["doctor"],
    ):  # fmt: skip
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
