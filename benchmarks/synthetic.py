"""Data of any shape without a download, and trainers on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ganbench import ImageData
from ganbench.execution.selftest.plugin import registry
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand

if TYPE_CHECKING:
    from ganbench.training.capture import Capture
    from ganbench.training.trainer import Trainer

#: Specs of the shapes that are measured, by name.
SHAPES = {
    "8x8-gray": "noise[size=8,channels=1]",
    "28x28-gray": "noise[size=28,channels=1]",
    "32x32-color": "noise[size=32,channels=3]",
}
#: The same for each task, for what is measured once for every architecture.
_DATA_OF_TASK = {
    "unconditional": "noise",
    "class-conditional": "noise",
    "paired-translation": "noise[sources=3,paired=true]",
    "unpaired-translation": "noise[sources=3]",
}


def make_cell(architecture: str, loss: str, dataset: str, **training: Any) -> Cell:
    """One cell, resolved as in a run; ``reason`` says why it cannot work, if so."""
    grid = Grid.from_dict(
        {
            "grid": {"architecture": architecture, "loss": loss, "dataset": dataset},
            "budget": {"steps": 1_000_000},  # more than anyone measures
            "training": training,
        }
    )
    return expand(grid, Path(), registry()).cells[0]


def make_data(cell: Cell, device: torch.device) -> ImageData:
    """The cell's training split on the device."""
    data: ImageData = cell.dataset.component.load("train", Path())
    return data.to(device)


def make_trainer(cell: Cell, device: torch.device, capture: Capture | None = None) -> Trainer:
    """The trainer of the cell's first seed, with its data on the device.

    :param capture: how to record steps, if not as CUDA graphs on a GPU.
    """
    from ganbench.training.batches import TrainingData
    from ganbench.training.trainer import Trainer

    assert cell.data is not None
    data = make_data(cell, device)
    held_out = data if cell.data.source_channels else None
    return Trainer(cell, 0, TrainingData(cell.data, data, held_out=held_out), device, capture)


def data_for(architecture: str) -> str:
    """The spec of 32x32 color data that an architecture can train on."""
    return _DATA_OF_TASK[str(registry().components("architecture")[architecture].task)]


def losses_that_fit(architecture: str, dataset: str) -> list[str]:
    """The losses that an architecture can train with, the simplest first."""
    usable = [name for name, info in registry().components("loss").items() if info.error is None]
    names = ["non-saturating", *usable]
    return [name for name in names if make_cell(architecture, name, dataset).reason is None]
