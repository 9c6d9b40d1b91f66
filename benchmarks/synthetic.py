"""Data of any shape without a download, and trainers on it.

The module is a plugin of ganbench itself: it provides the data set ``noise``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from ganbench import Dataset, DataSpec, ImageData, hookimpl, option
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.registry import Registry
from ganbench.registry.discovery import ENTRY_POINT_GROUP, installed_entry_points

if TYPE_CHECKING:
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


class Noise(Dataset):
    """Uniform noise in every pixel, with labels."""

    extractor: ClassVar[str] = "pixels"

    size: int = option(32, "pixels a side", ge=1)
    channels: int = option(3, "channels", ge=1)
    classes: int = option(10, "classes", ge=1)
    images: int = option(4096, "images in a split", ge=1)
    sources: int = option(0, "channels of the images to translate from; 0: none", ge=0)
    paired: bool = option(False, "whether each image has its source")

    def spec(self, root: Path) -> DataSpec:
        pairing: Literal["none", "paired", "unpaired"] = "none"
        if self.sources:
            pairing = "paired" if self.paired else "unpaired"
        return DataSpec(
            self.channels,
            self.size,
            self.size,
            self.classes,
            source_channels=self.sources,
            pairing=pairing,
        )

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        random = torch.Generator().manual_seed(0 if split == "train" else 1)
        shape = (self.images, self.channels, self.size, self.size)
        images = torch.randint(256, shape, generator=random, dtype=torch.uint8)
        labels = torch.randint(self.classes, (self.images,), generator=random)
        sources = None
        if self.sources:
            shape = (self.images, self.sources, self.size, self.size)
            sources = torch.randint(256, shape, generator=random, dtype=torch.uint8)
        names = tuple(map(str, range(self.classes)))
        return ImageData(images, labels, names, sources=sources, paired=self.paired)


@hookimpl
def ganbench_datasets(register: Callable[..., None]) -> None:
    register("noise", Noise)


@functools.cache
def registry() -> Registry:
    """The installed plugins and this module."""
    own = EntryPoint("noise", __name__, ENTRY_POINT_GROUP)
    return Registry.load([*installed_entry_points(), own], {})


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


def make_trainer(cell: Cell, device: torch.device) -> Trainer:
    """The trainer of the cell's first seed, with its data on the device."""
    from ganbench.training.batches import TrainingData
    from ganbench.training.trainer import Trainer

    assert cell.data is not None
    data = make_data(cell, device)
    held_out = data if cell.data.source_channels else None
    return Trainer(cell, 0, TrainingData(cell.data, data, held_out=held_out), device)


def data_for(architecture: str) -> str:
    """The spec of 32x32 color data that an architecture can train on."""
    return _DATA_OF_TASK[str(registry().components("architecture")[architecture].task)]


def losses_that_fit(architecture: str, dataset: str) -> list[str]:
    """The losses that an architecture can train with, the simplest first."""
    names = ["non-saturating", *losses()]
    return [name for name in names if make_cell(architecture, name, dataset).reason is None]


def small_architectures() -> list[str]:
    """Architectures so small that the cost of a loss or a trainer is visible."""
    return ["mlp", "dcgan"]


def losses() -> list[str]:
    """Names of the losses that can be used."""
    return [name for name, info in registry().components("loss").items() if info.error is None]
