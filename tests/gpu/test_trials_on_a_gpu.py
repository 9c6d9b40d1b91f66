"""Whole trials on a GPU, one of each task: interrupted ones end as undisturbed ones do."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from ganbench.base.errors import InterruptedTraining
from ganbench.execution.resources import Resources
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training.trial_context import TrialContext
from ganbench.training.trial_loop import TrialLoop

#: Task -> architecture, loss and data set.
TRIALS = {
    "unconditional": ("dcgan[latent_dim=4,width=4]", "non-saturating", "digits"),
    "class-conditional": (
        "sngan[conditional=true,g_width=4,d_width=4]",
        "hinge",
        "digits",
    ),
    "paired-translation": ("pix2pix[width=4,layers=1]", "non-saturating", "edges[of=digits]"),
    "unpaired-translation": (
        "cyclegan[width=4,layers=1,blocks=1,fake_pool=6]",
        "lsgan",
        "two-classes[a=0,b=1,of=digits]",
    ),
}
#: Columns of quality, which the latents and every step decide.
QUALITY = ("fd", "fd_best", "kid_mean", "precision", "coverage", "d_auc", "g_grad_cv", "steps")


@pytest.mark.slow
@pytest.mark.sampled(2)
@pytest.mark.parametrize("task", TRIALS)
def test_an_interrupted_trial_ends_as_an_undisturbed_one(task, gpu, tmp_path):
    trial = planned(task, tmp_path)
    assert trial.cell.task == task
    rows = []
    for name, breaks in (("straight", False), ("broken", True)):
        folder = RunFolder(tmp_path / name).create().trial(trial.id)
        folder.path.mkdir(parents=True)
        resources = Resources(tmp_path, tmp_path / "cache", gpu.device, print)
        if breaks:
            with pytest.raises(InterruptedTraining):
                attempt(trial, folder, resources, lambda loop: len(loop.state.history) >= 2)
        rows.append(attempt(trial, folder, resources))
    straight, broken = rows
    assert (straight["status"], straight["error"]) == ("ok", None)
    assert {k: broken.get(k) for k in QUALITY} == {k: straight.get(k) for k in QUALITY}
    assert straight["device"] == torch.cuda.get_device_name(gpu.device)
    assert straight["peak_memory_mb"] > 0
    one, other = (weights_of(tmp_path / name, trial) for name in ("straight", "broken"))
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def planned(task, root):
    architecture, loss, data = TRIALS[task]
    axes = {"architecture": [architecture], "loss": [loss], "dataset": [data]}
    evaluation = {"ticks": 2, "samples": 32, "extractor": "pixels"}
    grid = configure({"grid": axes}, None, 1, "4steps", {"batch_size": 4}, evaluation)
    (trial,) = expand(grid, root).trials()
    assert trial.cell.reason is None, trial.cell.reason
    return trial


def attempt(trial, folder, resources, should_stop=lambda loop: False):
    data, evaluator = resources.training_data(trial.cell), resources.evaluator(trial.cell)
    context = TrialContext(should_stop=lambda: should_stop(loop))
    loop = TrialLoop(trial, folder, data, evaluator, resources.device, context)
    return loop.run()


def weights_of(run, trial):
    """The newest weights, and the frames and best weights beside them."""
    folder = RunFolder(run).trial(trial.id).checkpoint_dir
    tensors = load_file(sorted(folder.glob("*.safetensors"))[-1])
    return {name: tensor for name, tensor in tensors.items() if "times" not in name}
