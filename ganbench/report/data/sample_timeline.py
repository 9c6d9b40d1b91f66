"""Pictures of trials: sample grids, and timelines with the same latents from tick to tick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from ganbench.report.marks import Frames
from ganbench.store.trial_folder import TrialFolder

#: Images in a row of progress.png.
LATENTS = 8
_MOST_PIXELS = 40_000_000


class TimelineLayout(NamedTuple):
    """A timeline in its picture: a row for each tick, with a gap in pixels around each image."""

    ticks: list[int]
    gap: int

    @classmethod
    def of(cls, texts: Mapping[Any, Any]) -> TimelineLayout | None:
        """From the texts of the picture; None if they describe no timeline."""
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


def read_timeline(folder: TrialFolder, history: pd.DataFrame) -> Frames | None:
    """The timeline of a trial; None if it has none, or a damaged one.

    :param history: of the run or of the trial.
    """
    image = open_png(folder.progress_png)
    layout = TimelineLayout.of(image.info) if image else None
    tiles = layout.tiles(pixels(image)) if image and layout else None
    if layout is None or tiles is None:
        return None
    mine = history[(history["trial"] == folder.id) & history["tick"].notna()]
    counts = mine["images"].to_numpy("float64", na_value=math.nan)
    images = {
        int(tick): None if math.isnan(count) else int(count)
        for tick, count in zip(mine["tick"], counts, strict=True)
    }
    shown = [images.get(tick) for tick in layout.ticks]
    return Frames(tiles=tiles, ticks=layout.ticks, images=shown)


def open_png(path: Path) -> Image.Image | None:
    """A loaded PNG; None if it is missing, damaged or unreasonably large."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            image.load()
            return image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def pixels(image: Image.Image) -> np.ndarray:
    """An image as (height, width, 1 or 3) uint8."""
    gray = image.mode in ("1", "L")
    array = np.asarray(image.convert("L" if gray else "RGB"))
    return array[..., None] if gray else array
