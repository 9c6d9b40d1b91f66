"""The trainer of the last trial, for the next seed of its cell."""

from __future__ import annotations

import torch

from ganbench.components.data import ImageData
from ganbench.grid.cell import Cell
from ganbench.training.batches import TrainingData
from ganbench.training.replicas import ALONE, Replicas
from ganbench.training.trainer import Trainer


class LastTrainer:
    """Makes trainers, and uses the last one again where its steps are recorded or compiled.

    At most one trainer is kept, since its networks and recordings fill the device's memory.
    """

    def __init__(self) -> None:
        self._last: Trainer | None = None

    def take(
        self,
        cell: Cell,
        seed: int,
        data: TrainingData,
        device: torch.device,
        replicas: Replicas = ALONE,
    ) -> Trainer:
        """The trainer of a trial, at its start; results do not depend on where it comes from."""
        last, self._last = self._last, None
        if last is not None and _fits(last, cell, data, device):
            try:
                last.restart(seed)
                return last
            except (RuntimeError, ValueError, LookupError) as error:
                print(f"networks are built again, since they did not restart: {error}")
        del last
        return Trainer(cell, seed, data, device, replicas=replicas)

    def keep(self, trainer: Trainer) -> None:
        """Keep a trainer whose trial has ended well, if it saves time."""
        if trainer.lasting:
            self._last = trainer

    def expect(self, cell: Cell) -> None:
        """Free what is kept, if it cannot serve a trial of this cell."""
        if self._last is not None and self._last.cell.id != cell.id:
            self._last = None


def _fits(last: Trainer, cell: Cell, data: TrainingData, device: torch.device) -> bool:
    """Whether only the seed differs: recordings read the data where it lies."""
    same = last.cell.id == cell.id and last.device == device and last.data.spec == data.spec
    if not isinstance(data.source, ImageData):
        return same and last.data.source is data.source
    mine, other = last.data.source, data.source
    return (
        same
        and isinstance(mine, ImageData)
        and mine.images is other.images
        and mine.labels is other.labels
        and mine.sources is other.sources
    )
