"""Halves of images that show a pair side by side."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps

from ganbench import DataNotFoundError, option
from ganbench_datasets.folder import Folder
from ganbench_datasets.image_files import ImageSource
from ganbench_datasets.layout import Layout

Side = Literal["left", "right"]

_LOSSLESS = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")  # modes that PNG holds as they are


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
    """Halves of the images of another source.

    :raises DataNotFoundError: while reading, for an image of odd width, which cannot be two.
    """

    whole: ImageSource
    side: Side

    def read(self, names: Sequence[str]) -> Iterator[tuple[int, bytes | Exception]]:
        for position, content in self.whole.read(names):
            if isinstance(content, Exception):
                yield position, content
                continue
            try:
                yield position, self._half(content, names[position])
            except DataNotFoundError:
                raise
            except Exception as error:  # a broken file may raise anything in its decoder
                yield position, error

    def _half(self, content: bytes, name: str) -> bytes:
        with Image.open(io.BytesIO(content)) as opened:
            image = ImageOps.exif_transpose(opened)
            middle, odd = divmod(image.width, 2)
            if odd:
                raise DataNotFoundError(
                    f"{name} in {self.whole.location} is {image.width} pixels wide: two images side "
                    "by side have an even width"
                )
            left, right = (0, middle) if self.side == "left" else (middle, image.width)
            half = image.crop((left, 0, right, image.height))
        half = half if half.mode in _LOSSLESS else half.convert("RGB")
        encoded = io.BytesIO()
        half.save(encoded, "PNG", compress_level=0)
        return encoded.getvalue()
