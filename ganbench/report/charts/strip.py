"""Samples of trials as they came to be: the same latents from tick to tick."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from ganbench.results.store import TrialFolder

#: Images in a row of progress.png.
LATENTS = 8


@dataclass(frozen=True)
class Strip:
    """The film strip of a trial.

    :ivar ticks: numbers of the ticks; ``images`` real images shown by then, None if not known.
    :ivar tiles: (ticks, latents, height, width, 1 or 3) uint8.
    """

    trial: str
    ticks: list[int]
    images: list[int | None]
    tiles: np.ndarray


@dataclass(frozen=True)
class Layout:
    """How a strip lies in its picture: a row for each tick, with a gap in pixels around each image."""

    ticks: list[int]
    gap: int

    @classmethod
    def of(cls, texts: Mapping[str, Any]) -> Layout | None:
        """From the texts of the picture; None if it is no strip."""
        try:
            layout = cls([int(tick) for tick in texts["ticks"].split()], int(texts["gap"]))
        except (KeyError, ValueError, AttributeError):
            return None
        return layout if layout.ticks and layout.gap >= 0 else None

    def tiles(self, picture: np.ndarray) -> np.ndarray | None:
        """(ticks, latents, height, width, channels) of a picture; None if they do not fit in."""
        height, width = picture.shape[0] - self.gap, picture.shape[1] - self.gap
        rows = len(self.ticks)
        if height % rows or width % LATENTS or min(height // rows, width // LATENTS) <= self.gap:
            return None
        tall, wide = height // rows, width // LATENTS
        tiles = picture[self.gap :, self.gap :].reshape(rows, tall, LATENTS, wide, -1)
        return np.ascontiguousarray(
            tiles.swapaxes(1, 2)[:, :, : tall - self.gap, : wide - self.gap]
        )


def read_strip(folder: TrialFolder, history: pd.DataFrame) -> Strip | None:
    """The strip of a trial; None if it has none, or a damaged one.

    :param history: of the run or of the trial.
    """
    picture, texts = read_picture(folder.progress_png)
    layout = Layout.of(texts)
    tiles = None if picture is None or layout is None else layout.tiles(picture)
    if layout is None or tiles is None:
        return None
    mine = history[(history["trial"] == folder.id) & history["tick"].notna()]
    counts = mine["images"].to_numpy("float64", na_value=math.nan)
    images = {
        int(tick): None if math.isnan(count) else int(count)
        for tick, count in zip(mine["tick"], counts, strict=True)
    }
    return Strip(folder.id, layout.ticks, [images.get(tick) for tick in layout.ticks], tiles)


def read_picture(path: Path) -> tuple[np.ndarray | None, Mapping[str, Any]]:
    """A PNG as (height, width, 1 or 3) uint8, and its texts.

    None if it is missing, damaged or unreasonably large.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as image:
                grey = image.mode in ("1", "L")
                array = np.asarray(image.convert("L" if grey else "RGB"))
                texts = {str(name): value for name, value in image.info.items()}
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ):
        return None, {}
    return array[..., None] if grey else array, texts
