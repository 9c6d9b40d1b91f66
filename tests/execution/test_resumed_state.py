"""What a resumed trial reads, where to, and which checkpoint it continues."""

from __future__ import annotations

import pytest
import torch

from ganbench.base.errors import InterruptedTraining
from ganbench.execution.resources import Resources
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training import checkpointing, state
from ganbench.training.trial_context import TrialContext
from ganbench.training.trial_loop import TrialLoop

CPU = torch.device("cpu")


class Attempts:
    """Attempts at one trial on the CPU.

    :param change: changes each attempt's loop before it runs.
    """

    def __init__(self, tmp_path, change=lambda loop: None):
        axes = {
            "architecture": ["dcgan[latent_dim=4,width=4]"],
            "loss": ["hinge"],
            "dataset": ["digits"],
        }
        evaluation = {"ticks": 3, "samples": 16, "extractor": "pixels"}
        grid = configure({"grid": axes}, None, 1, "6steps", {"batch_size": 8}, evaluation)
        (self.trial,) = expand(grid, tmp_path).trials()
        self.folder = RunFolder(tmp_path / "run").create().trial(self.trial.id)
        self.folder.path.mkdir(parents=True)
        self._resources = Resources(tmp_path, tmp_path / "cache", CPU, print)
        self._change = change

    def run(self, should_stop=lambda loop: False):
        cell = self.trial.cell
        data, evaluator = self._resources.training_data(cell), self._resources.evaluator(cell)
        context = TrialContext(should_stop=lambda: should_stop(loop))
        loop = TrialLoop(self.trial, self.folder, data, evaluator, CPU, context)
        self._change(loop)
        return loop.run()

    def interrupt(self):
        """One attempt that is stopped after two ticks."""
        with pytest.raises(InterruptedTraining) as stopped:
            self.run(lambda loop: len(loop.state.history) >= 2)
        return stopped.value.row


def test_a_checkpoint_is_read_to_the_cpu_whatever_the_trial_trains_on(tmp_path, monkeypatch):
    """Sample frames, random states and the best weights are for the CPU; networks copy theirs."""
    asked = []
    load_file = state.load_file

    def recorded(path, device):
        asked.append(device)
        return load_file(path, device="cpu")

    def pretend(loop):
        """Say that it is on a GPU, though its tensors are not."""
        made_with = {"device": "H100", "threads": 1, "sources": {}}
        monkeypatch.setattr(loop.checkpointing, "made_with", lambda: made_with)
        monkeypatch.setattr(loop, "device", torch.device("cuda"))
        monkeypatch.setattr(loop, "_row", lambda status, *rest, **more: {"status": status})

    monkeypatch.setattr(state, "load_file", recorded)
    attempts = Attempts(tmp_path, pretend)
    attempts.interrupt()
    assert attempts.run()["status"] == "ok"
    assert asked == ["cpu"]
    assert attempts.folder.progress_png.exists()


@pytest.mark.parametrize("then", ["NVIDIA A100-SXM4-40GB", "cuda", "cpu"])
def test_a_checkpoint_of_another_model_of_gpu_is_not_continued(tmp_path, monkeypatch, capsys, then):
    """One that says ``cuda`` was written before names were kept, maybe on another model."""
    attempts = Attempts(tmp_path)
    monkeypatch.setattr(checkpointing, "device_model", lambda device: then)
    attempts.interrupt()
    monkeypatch.setattr(checkpointing, "device_model", lambda device: "NVIDIA H100 80GB HBM3")
    assert attempts.run()["steps"] == 6
    said = (
        f"the checkpoint has device {then}, now NVIDIA H100 80GB HBM3; starting from the beginning"
    )
    assert said in capsys.readouterr().out
    monkeypatch.setattr(checkpointing, "device_model", lambda device: "NVIDIA H100 80GB HBM3")
    attempts.run()
    assert "resumed after 6 steps" in capsys.readouterr().out


def test_a_resumed_trial_remembers_what_was_not_deterministic(tmp_path, capsys):
    def unordered(loop):
        evaluate = loop._evaluate

        def also(tick):
            if tick == 1:
                torch.zeros(4).put_(torch.tensor([1, 2]), torch.ones(2))
            return evaluate(tick)

        loop._evaluate = also

    attempts = Attempts(tmp_path, unordered)
    stopped = attempts.interrupt()
    row = attempts.run()  # it does not come to tick 1 again
    assert "resumed after" in capsys.readouterr().out
    for one in (stopped, row):
        assert (one["deterministic"], one["nondeterministic"]) == (False, "put_")


def test_a_stop_within_an_evaluation_is_heard_and_changes_no_bit(tmp_path):
    undisturbed = Attempts(tmp_path / "undisturbed")
    expected = undisturbed.run()
    disturbed, stops = Attempts(tmp_path / "disturbed"), []
    row = None
    while row is None:
        calls = iter(range(4 + 3 * len(stops), 0, -1))  # each attempt comes a little further
        try:
            row = disturbed.run(lambda loop, calls=calls: next(calls, None) is None)
        except InterruptedTraining as stop:
            stops.append(str(stop))
    assert stops[0] == "stopped on request after 0 steps", "in the evaluation of tick 0"
    assert len(stops) > 3
    assert [row[name] for name in ("fd", "fd_best", "d_auc", "steps")] == [
        expected[name] for name in ("fd", "fd_best", "d_auc", "steps")
    ]
    timed = {"trial", "train_seconds"}
    histories = (
        [{k: v for k, v in line.items() if k not in timed} for line in one.folder.read_history()]
        for one in (undisturbed, disturbed)
    )
    first, second = histories
    assert repr(first) == repr(second)  # nan is not equal to itself
