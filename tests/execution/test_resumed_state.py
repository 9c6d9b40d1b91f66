"""What a resumed trial reads, and where to."""

from __future__ import annotations

import pytest
import torch

from ganbench.base.errors import InterruptedTraining
from ganbench.execution.resources import Resources
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training import state
from ganbench.training.trial_context import TrialContext
from ganbench.training.trial_loop import TrialLoop

CPU = torch.device("cpu")


def test_a_checkpoint_is_read_to_the_cpu_whatever_the_trial_trains_on(tmp_path, monkeypatch):
    """Sample frames, random states and the best weights are for the CPU; networks copy theirs."""
    axes = {
        "architecture": ["dcgan[latent_dim=4,width=4]"],
        "loss": ["hinge"],
        "dataset": ["digits"],
    }
    evaluation = {"ticks": 3, "samples": 16, "extractor": "pixels"}
    grid = configure({"grid": axes}, None, 1, "6steps", {"batch_size": 8}, evaluation)
    (trial,) = expand(grid, tmp_path).trials()
    folder = RunFolder(tmp_path / "run").create().trial(trial.id)
    folder.path.mkdir(parents=True)
    resources = Resources(tmp_path, tmp_path / "cache", CPU, print)
    asked = []
    load_file = state.load_file

    def recorded(path, device):
        asked.append(device)
        return load_file(path, device="cpu")

    monkeypatch.setattr(state, "load_file", recorded)

    def attempt(should_stop):
        data, evaluator = resources.training_data(trial.cell), resources.evaluator(trial.cell)
        context = TrialContext(should_stop=lambda: should_stop(loop))
        loop = TrialLoop(trial, folder, data, evaluator, CPU, context)
        # Says that it is on a GPU, though its tensors are not.
        made_with = {"device": "cuda", "threads": 1, "sources": {}}
        monkeypatch.setattr(loop.checkpointing, "made_with", lambda: made_with)
        monkeypatch.setattr(loop, "device", torch.device("cuda"))
        monkeypatch.setattr(loop, "_row", lambda status, *rest, **more: {"status": status})
        return loop.run()

    with pytest.raises(InterruptedTraining):
        attempt(lambda loop: len(loop.state.history) >= 2)
    assert attempt(lambda loop: False)["status"] == "ok"
    assert asked == ["cpu"]
    assert folder.progress_png.exists()
