"""Small cells that train in milliseconds."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganbench.components.data import DataSpec, ImageData
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.training.batches import TrainingData

CPU = torch.device("cpu")


def make_cell(architecture="mlp[d_widths=[16],g_widths=[16],latent_dim=4]", loss="hinge", **kwargs):
    dataset = kwargs.pop("dataset", "digits")
    axes = {"architecture": [architecture], "loss": [loss], "dataset": [dataset]}
    axes |= {axis: [kwargs.pop(axis)] for axis in ("regularizer", "augmentation") if axis in kwargs}
    grid = {"grid": axes}
    budget = kwargs.pop("budget", "40steps")
    evaluation = {"ticks": 2, "samples": 32, "extractor": "pixels"} | kwargs.pop("evaluation", {})
    training = {"batch_size": 16} | kwargs
    cell = expand(configure(grid, None, 1, budget, training, evaluation), Path()).cells[0]
    assert cell.reason is None, cell.reason
    return cell


def make_data(count=100, size=8, channels=1, classes=10):
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(
        0, 256, (count, channels, size, size), dtype=torch.uint8, generator=noise
    )
    labels = torch.arange(count) % classes
    return TrainingData(DataSpec(channels, size, size, classes), ImageData(images, labels))


def weights(trainer):
    """All weights and buffers of both networks and the averaged generator, in one vector."""
    modules = [*trainer.networks, trainer.sampler().generator]
    tensors = [t.double().flatten() for m in modules for t in m.state_dict().values()]
    return torch.cat(tensors)


class NoWaiting(TorchDispatchMode):
    """Fails where a tensor's value is read by the host."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        waits = ("_local_scalar_dense", "aten.nonzero", "aten.equal", "aten.masked_select")
        assert not any(word in name for word in waits), f"{name} makes the host wait"
        return func(*args, **(kwargs or {}))
