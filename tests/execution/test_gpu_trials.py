"""Whole trials on a simulated GPU, in this process: its shares, its memory, and what is left after."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

import ganbench as gb
from ganbench.evaluation import residence
from ganbench.execution.share import gpu_users
from ganbench.execution.supervise import process_care
from ganbench.testing.simulated_gpu import simulated_gpu

SMALL, LARGE = "dcgan[latent_dim=4,width=4]", "mlp[g_widths=[2048,2048]]"


def grid(*architectures, dataset="digits", executor="auto"):
    return {
        "grid": {
            "architecture": [*architectures],
            "loss": ["hinge"],
            "dataset": [dataset],
            "seeds": 1,
        },
        "budget": {"steps": 3},
        "training": {"batch_size": 8, "lr_decay": "none", "executor": executor},
        "evaluation": {"ticks": 1, "samples": 16, "extractor": "pixels"},
    }


def run(tmp_path, *architectures, dataset="digits", **options):
    chosen = grid(*architectures, dataset=dataset)
    found = gb.run(chosen, out=tmp_path / "run", executor="inline", device="cuda", **options)
    return found.results.set_index("architecture")


@pytest.fixture
def after_trials(monkeypatch):
    """What part of the memory the process may use, and what it uses, after each release of memory."""
    seen = []
    release = process_care.release_memory

    def recorded(device):
        release(device)
        seen.append((torch.cuda.get_per_process_memory_fraction(), torch.cuda.memory_allocated()))

    monkeypatch.setattr(process_care, "release_memory", recorded)
    return seen


def test_a_share_limits_memory_while_trials_run(tmp_path, after_trials):
    with simulated_gpu(total_memory=16 * 2**30):
        row = run(tmp_path, SMALL, gpus_per_trial=0.5).loc[SMALL]
        assert torch.cuda.get_per_process_memory_fraction() == 1.0
    assert (row["status"], row["device"]) == ("ok", "Simulated GPU")
    assert row["exclusive"]
    assert row["deterministic"]
    expected = 0.5 - 640 / 2**14
    assert after_trials
    assert all(fraction == pytest.approx(expected) for fraction, _ in after_trials)


def test_only_data_and_features_stay_on_the_gpu_after_a_trial(tmp_path, after_trials):
    """But for recorded steps, which the next seed of the cell uses again."""
    with simulated_gpu():
        chosen = grid(LARGE, executor="eager")
        found = gb.run(chosen, out=tmp_path / "run", executor="inline", device="cuda")
    (row,) = found.results.to_dict("records")
    assert row["status"] == "ok"
    assert row["peak_memory_mb"] > 32
    *_, (_, used) = after_trials
    assert used < 4 * 2**20


def test_a_trial_beside_another_program_is_not_exclusive(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_users, "other_programs", lambda uuid: [7] * uuid.endswith("simulated"))
    with simulated_gpu():
        assert not run(tmp_path, SMALL).loc[SMALL, "exclusive"]


def test_a_trial_without_room_ends_as_oom_and_the_next_one_has_its_room(tmp_path):
    with simulated_gpu(total_memory=7 * 2**20):
        rows = run(tmp_path, LARGE, SMALL)
    assert rows["status"].to_dict() == {LARGE: "oom", SMALL: "ok"}
    assert "CUDA out of memory" in rows.loc[LARGE, "error"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "dataset"),
    [
        ("sngan[conditional=true,d_width=4,g_width=4]", "digits"),
        ("pix2pix[layers=1,width=4]", "edges[of=digits]"),
        ("cyclegan[blocks=1,layers=1,width=4]", "two-classes[a=3,b=8,of=digits]"),
    ],
)
def test_data_in_the_host_s_memory_gives_the_bits_of_data_on_the_gpu(
    tmp_path, monkeypatch, architecture, dataset
):
    values, weights = [], []
    for share in (residence.DATA_SHARE, 0.0):
        monkeypatch.setattr(residence, "DATA_SHARE", share)
        place = tmp_path / str(share)
        with simulated_gpu():
            row = run(place, architecture, dataset=dataset).iloc[0]
        assert (row["status"], row["device"]) == ("ok", "Simulated GPU"), row["error"]
        values.append(row["fd"])
        (newest,) = place.glob("run/trials/*/checkpoint/")
        tensors = load_file(max(newest.glob("*.safetensors")))
        weights.append({name: t for name, t in tensors.items() if "/averaged/" in name})
    assert values[0] == values[1]
    assert weights[0]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
