"""Halves of images that show a pair side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from ganbench import DataNotFoundError, option
from ganbench.base.image_files import ImageFiles
from ganbench_datasets.folder import Folder

Side = Literal["left", "right"]


class Halves(Folder):
    """The left or the right halves of a folder's images, as images."""

    side: Side = option("left", "which half")

    def exists(self, root: Path) -> bool:
        """Whether the split's folder exists."""
        try:
            self._place(root)
        except DataNotFoundError:
            return False
        return True

    @property
    def _suffix(self) -> str:
        return f" ({self.side} halves)"

    def _part(self, files: ImageFiles, pixels: np.ndarray, name: str) -> np.ndarray:
        """The half of an image (h, w, c).

        :raises DataNotFoundError: for an image of odd width.
        """
        width = pixels.shape[1]
        middle, odd = divmod(width, 2)
        if odd:
            raise DataNotFoundError(
                f"{name} in {files.location} is {width} pixels wide: two images side by side "
                "have an even width"
            )
        return pixels[:, :middle] if self.side == "left" else pixels[:, middle:]
