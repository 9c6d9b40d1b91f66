"""Trials as event files of TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ganbench import option
from ganbench_trackers.tracker import Session, Tracker, images_before, place
from ganbench_trackers.values import hyperparameters, missing_package, numbers

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_COMPARED = ("fd", "fd_best", "cs_mean", "kid_mean", "images_per_second")


class TensorBoardEvents(Tracker):
    """Event files of TensorBoard, in ``folder/<trial id>``: ``tensorboard --logdir DIR/tensorboard``.

    Each evaluation's metrics stand at the step that counts images. When the trial has ended, the
    numbers of its row follow as ``final/…``, with its hyperparameters (for the tab HPARAMS), its
    verdict and its samples. A resumed trial continues in a new file, which voids the steps that it
    repeats.
    """

    folder: str = option("", "target folder; if empty, tensorboard in the run folder")

    def missing(self) -> str | None:
        return missing_package("tensorboard", "tensorboard")

    def begin(self, trial: Mapping[str, Any], folder: Path) -> Session:
        target = place(self.folder, "tensorboard", folder) / str(trial["trial"])
        return _EventSession(trial, folder, target)


class _EventSession(Session):
    def __init__(self, trial: Mapping[str, Any], folder: Path, target: Path) -> None:
        self._trial, self._folder, self._target = trial, folder, target
        self._writer: SummaryWriter | None = None

    def tick(self, record: Mapping[str, Any]) -> None:
        writer = self._opened(before=record["tick"])
        for name, value in numbers(record).items():
            writer.add_scalar(name, value, record["images"])
        writer.flush()

    def end(self, row: Mapping[str, Any]) -> None:
        if row["status"] != "interrupted":
            self._finish(self._opened(before=float("inf")), row)
        if self._writer is not None:
            self._writer.close()

    def _opened(self, before: float) -> SummaryWriter:
        """The writer; it voids the events of earlier sessions after the tick ``before``."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            since = images_before(self._folder, before) + 1
            again = self._target.is_dir() and any(self._target.iterdir())
            self._writer = SummaryWriter(str(self._target), purge_step=since if again else None)
            if not again or not since:
                identity = json.dumps(self._trial, indent=1, default=str)
                self._writer.add_text("trial", f"```json\n{identity}\n```", 0)
        return self._writer

    def _finish(self, writer: SummaryWriter, row: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard.summary import hparams

        step = row["images"] or 0
        found = {f"final/{name}": value for name, value in numbers(row).items()}
        for name, value in found.items():
            writer.add_scalar(name, value, step)
        for name in ("status", "verdict", "error"):
            if row.get(name):
                writer.add_text(name, str(row[name]), step)
        compared = {
            name: found[name] for name in map("final/{}".format, _COMPARED) if name in found
        }
        for summary in hparams(hyperparameters(self._trial), compared):
            assert writer.file_writer is not None
            writer.file_writer.add_summary(summary)
        samples = self._folder / "samples.png"
        if samples.is_file():
            writer.add_image("samples", _pixels(samples), step, dataformats="HWC")


def _pixels(file: Path) -> Any:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
