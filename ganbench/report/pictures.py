"""Pictures for the page, compressed to a budget of bytes."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageChops

from ganbench.report.data.sample_timeline import open_png

_ALL = 15_000_000  # bytes of all pictures: as base64 20 MB, and a third is left for the rest
_MOST, _LEAST = 120_000, 3_000  # bytes of one picture
_QUALITIES = (82, 60, 40)
_HOPELESS = 2.5  # times the budget: too much for a lower quality


class Encoded(NamedTuple):
    """A picture in the page.

    :ivar uri: a data URI.
    :ivar width: in pixels, of the file.
    :ivar shrunk: whether enlarged pixels became single pixels again.
    :ivar texts: the texts of the file.
    """

    uri: str
    width: int
    height: int
    shrunk: bool
    texts: Mapping[Any, Any]


def encode_all(paths: Iterable[Path]) -> dict[Path, Encoded | None]:
    """The pictures that exist, None for a damaged one; many pictures become smaller."""
    there = [path for path in paths if path.is_file()]
    budget = max(_LEAST, min(_MOST, _ALL // max(1, len(there))))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip(there, pool.map(lambda path: encode(path, budget), there), strict=True))


def encode(path: Path, budget: int = _MOST) -> Encoded | None:
    """A PNG as a data URI of about ``budget`` bytes at most; None if it is missing or damaged."""
    image = open_png(path)
    if image is None:
        return None
    content, kind, shrunk = path.read_bytes(), "png", False
    if len(content) > budget:
        kind, (content, shrunk) = "webp", _smaller(image, budget)
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Encoded(uri, *image.size, shrunk, image.info)


def _smaller(image: Image.Image, budget: int) -> tuple[bytes, bool]:
    """The image as WebP, of lower quality and then of half the size, until it fits.

    Small images were enlarged when they were written, and a browser can do that as well: the
    second value says whether they were shrunk again.
    """
    full, image = image.width, _undoubled(image.convert("RGB"))
    shrunk = image.width < full
    while True:
        for quality in _QUALITIES:
            sink = io.BytesIO()
            image.save(sink, format="WEBP", quality=quality, method=0)
            content = sink.getvalue()
            if len(content) <= budget:
                return content, shrunk
            if len(content) > _HOPELESS * budget:
                break
        if min(image.size) < 200:
            return content, shrunk
        image = image.reduce(2)


def _undoubled(image: Image.Image) -> Image.Image:
    """The image without every second row and column, as long as these only repeat the others."""
    nearest = Image.Resampling.NEAREST
    while min(image.size) >= 64 and not (image.width % 2 or image.height % 2):
        small = image.resize((image.width // 2, image.height // 2), nearest)
        if ImageChops.difference(image, small.resize(image.size, nearest)).getbbox():
            break
        image = small
    return image
