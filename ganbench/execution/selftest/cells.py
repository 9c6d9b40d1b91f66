"""The cells that the self-test trains: those of ``cells.toml``, and the other installed designs."""

from __future__ import annotations

import functools
import gc
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from ganbench.base.errors import UsageError
from ganbench.components.data import ImageData
from ganbench.execution.selftest.plugin import registry
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.training.batches import TrainingData
from ganbench.training.capture import Capture
from ganbench.training.trainer import Trainer

#: Steps of a family's whole training: enough for every stage, fade and lazy term.
FAMILY_STEPS = 6
_NO_END = 10**9
_COMPONENTS = ("architecture", "loss", "dataset", "regularizer", "augmentation")


@functools.cache
def table() -> Mapping[str, Any]:
    """The content of ``cells.toml``."""
    text = resources.files(__package__).joinpath("cells.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def families(**training: Any) -> list[Cell]:
    """A cell for each family of designs, and for each other architecture that can be trained.

    :param training: settings over those of the cells.
    """
    defaults = table()["family_defaults"]
    entries = [{**defaults, **entry} for entry in table()["family"]]
    for entry in entries:
        entry["training"] = {**defaults["training"], **entry["training"]}
    entries += _others(defaults, {_name(entry["architecture"]) for entry in entries})
    return [make_cell(entry, FAMILY_STEPS, **training) for entry in entries]


def entries(name: str, few: bool) -> list[dict[str, Any]]:
    """The entries of a list in the table.

    :param few: only those that a quick test, or a processor, has time for.
    """
    found: list[dict[str, Any]] = table()[name]
    defaults: dict[str, Any] = table()["defaults"]
    return [{**defaults, **entry} for entry in found if entry.get("quick") or not few]


def make_cell(entry: Mapping[str, Any], steps: int = _NO_END, **training: Any) -> Cell:
    """The cell of an entry of the table, resolved as in a run.

    :param training: settings over those of the entry.
    :raises UsageError: if it cannot work.
    """
    cell = _expanded(entry, steps, training)
    if cell.reason is not None:
        raise UsageError(f"{cell.label}: {cell.reason}")
    return cell


def make_trainer(
    cell: Cell, device: torch.device, seed: int = 0, capture: Capture | None = None
) -> Trainer:
    """A trainer of the cell, with its data on the device.

    :param capture: as in `Trainer`.
    """
    return Trainer(cell, seed, training_data(cell, device), device, capture)


def forget(device: torch.device) -> None:
    """Free the memory of trainers that are no longer needed."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@functools.lru_cache(maxsize=8)
def _loaded(dataset: Any, device: torch.device) -> ImageData:
    data: ImageData = dataset.load("train", Path())
    return data.to(device)


def training_data(cell: Cell, device: torch.device) -> TrainingData:
    """The cell's training split on the device."""
    assert cell.data is not None
    data = _loaded(cell.dataset.component, device)
    held_out = data if cell.data.source_channels else None
    return TrainingData(cell.data, data, held_out=held_out)


def name_of(cell: Cell) -> str:
    """A text that tells the cells of the table apart, such as ``dcgan × hinge, bf16``."""
    parts = [cell.architecture, cell.loss, *cell.regularizers, *cell.augmentations]
    names = [part.info.name for part in parts if part.spec != "none"]
    return f"{' × '.join(names)}, {cell.training.settings.precision}"


def size_of(cell: Cell) -> str:
    """The architecture with the size of its images, such as ``dcgan, 32 px, bf16``."""
    assert cell.data is not None
    architecture = cell.architecture.info.name
    return f"{architecture}, {cell.data.height} px, {cell.training.settings.precision}"


def _expanded(entry: Mapping[str, Any], steps: int, training: Mapping[str, Any]) -> Cell:
    axes = {name: entry[name] for name in _COMPONENTS if name in entry}
    given = {**entry.get("training", {}), **training}
    document = {"grid": axes, "budget": {"steps": steps}, "training": given}
    return expand(Grid.from_dict(document), Path(), registry()).cells[0]


def _others(defaults: Mapping[str, Any], known: set[str]) -> Iterator[dict[str, Any]]:
    """An entry for each architecture that the table does not name, where some data and loss suit it."""
    for name, info in registry().components("architecture").items():
        if name in known or info.error is not None:
            continue
        found = _first_that_works(name, defaults)
        if found is not None:
            yield found


def _first_that_works(architecture: str, defaults: Mapping[str, Any]) -> dict[str, Any] | None:
    losses = [info.name for info in registry().shipped("loss")]
    for dataset in defaults["others"]:
        for loss in losses:
            entry = {
                "architecture": architecture,
                "loss": loss,
                "dataset": dataset,
                "training": defaults["training"],
            }
            try:
                cell = _expanded(entry, FAMILY_STEPS, {})
            except Exception:  # a design of a third party whose own code fails
                continue
            if cell.reason is None:
                return entry
    return None


def _name(spec: str) -> str:
    return spec.partition("[")[0]
