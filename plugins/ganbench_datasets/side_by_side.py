"""Halves of images that show a pair side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ganbench import DataNotFoundError, option
from ganbench_datasets.folder import Folder
from ganbench_datasets.image_files import ImageSource
from ganbench_datasets.layout import Layout

Side = Literal["left", "right"]


class Halves(Folder):
    """The left or the right halves of a folder's images, as if they were images of their own."""

    side: Side = option("left", "which half")

    def exists(self, root: Path) -> bool:
        """Whether there is such a folder."""
        try:
            self._place(root)
        except DataNotFoundError:
            return False
        return True

    def _find(self, root: Path) -> tuple[ImageSource, Layout]:
        whole, layout = super()._find(root)
        # A location of their own keeps what is decoded of the two halves apart in the cache.
        place = whole.location.with_name(f"{whole.location.name} ({self.side} halves)")
        return HalfSource(place, whole.stamps, whole, self.side), layout


@dataclass(frozen=True)
class HalfSource(ImageSource):
    """Halves of the images of another source."""

    whole: ImageSource
    side: Side

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, bytes | Exception]]:
        return self.whole.read(names)

    def part(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """The half of an image (h, w, c).

        :raises DataNotFoundError: for an image of odd width, which cannot be two.
        """
        width = pixels.shape[1]
        middle, odd = divmod(width, 2)
        if odd:
            raise DataNotFoundError(
                f"{name} in {self.whole.location} is {width} pixels wide: two images side by side "
                "have an even width"
            )
        return pixels[:, :middle] if self.side == "left" else pixels[:, middle:]
