"""A made-up trial: what a callback hears of one, and its folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from ganbench.components.data import DataSpec
from ganbench.grid.cell import Trial
from ganbench.testing.harness import make_cell
from ganbench.testing.partners import Partner, PartnerLoss
from ganbench.training.row_builder import RowBuilder

_HEAD = "trial,tick,images,steps,train_seconds,fd,d_loss,g_loss"


class MadeUpTrial:
    """A trial in a run folder, with the files that a callback may look for.

    :param place: where the run folder lies.
    :ivar identity: the content of ``trial.json``.
    :ivar folder: the trial's folder.
    """

    def __init__(self, place: Path, seed: int = 0) -> None:
        self._trial = Trial(make_cell(DataSpec(1, 8, 8, classes=3), Partner(), PartnerLoss()), seed)
        self.identity: dict[str, Any] = self._trial.identity()
        self.folder = place / "run" / "trials" / self._trial.id
        self.folder.mkdir(parents=True)
        (self.folder / "trial.json").write_text("{}")
        (self.folder / "history.csv").write_text(f"{_HEAD}\n")
        (self.folder / "samples.png").write_bytes(_PICTURE)

    def record(self, tick: int, **values: Any) -> dict[str, Any]:
        """The record of a tick."""
        return {
            "trial": self._trial.id,
            "tick": tick,
            "images": 100 * tick,
            "steps": 10 * tick,
            "train_seconds": float(tick),
            "fd": 10.0 - tick,
            "d_loss": 1.0,
            "g_loss": 2.0,
            **values,
        }

    def row(self, status: str, error: str | None = None, **values: Any) -> dict[str, Any]:
        """The row at its end, as ganbench makes it."""
        known = {"images": 200, "steps": 20, "train_seconds": 2.0, **values}
        return RowBuilder(self._trial, 1, "cpu").ended(status, error, **known)


def _png() -> bytes:
    with io.BytesIO() as target:
        Image.new("RGB", (2, 2)).save(target, "PNG")
        return target.getvalue()


_PICTURE = _png()
