"""Pictures in as few bytes as the page can spare for them."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_ALL = 15_000_000  # bytes of all pictures: as base64 20 MB, and a third is left for the rest
_MOST, _LEAST = 120_000, 3_000  # bytes of one picture
_PIXELS = 40_000_000
_QUALITIES = (82, 60, 40)
_HOPELESS = 2.5  # times the budget: no lower quality makes up for that


@dataclass(frozen=True)
class Encoded:
    """A picture in the page.

    :ivar uri: a data URI.
    :ivar width: in pixels, of the file.
    :ivar shrunk: whether enlarged pixels were made single ones again.
    :ivar texts: what the file tells besides.
    """

    uri: str
    width: int
    height: int
    shrunk: bool = False
    texts: Mapping[str, Any] = field(default_factory=dict)


def encode_all(paths: Iterable[Path]) -> dict[Path, Encoded]:
    """Pictures that are there and sound, smaller ones where there are many."""
    there = [path for path in paths if path.is_file()]
    budget = max(_LEAST, min(_MOST, _ALL // max(1, len(there))))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        encoded = pool.map(lambda path: encode(path, budget), there)
        return {path: picture for path, picture in zip(there, encoded, strict=True) if picture}


def encode(path: Path, budget: int = _MOST) -> Encoded | None:
    """A PNG as a data URI of about ``budget`` bytes at most; None if it is none, or damaged."""
    from PIL import Image

    try:
        content = path.read_bytes()
        if not content.startswith(_PNG):
            return None
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            width, height = image.size
            if width * height > _PIXELS:
                return None
            image.load()
            texts = {str(name): text for name, text in image.info.items()}
            kind, shrunk = "png", False
            if len(content) > budget:
                kind = "webp"
                content, shrunk = _smaller(image, budget)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # damaged or vast
        return None
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Encoded(uri, width, height, shrunk, texts)


def _smaller(image: Image.Image, budget: int) -> tuple[bytes, bool]:
    """As WebP, of lower quality, and then of half the size, until it fits.

    Small images were enlarged when they were written, which a browser can do as well: the second
    value says whether that was undone.
    """
    full, image = image.width, _undoubled(image.convert("RGB"))
    shrunk = image.width < full
    while True:
        for quality in _QUALITIES:
            content = _webp(image, quality)
            if len(content) <= budget:
                return content, shrunk
            if len(content) > _HOPELESS * budget:
                break
        if min(image.size) < 200:
            return content, shrunk
        image = image.reduce(2)


def _undoubled(image: Image.Image) -> Image.Image:
    """The image without every second row and column, as long as these only repeat the others."""
    from PIL import Image, ImageChops

    nearest = Image.Resampling.NEAREST
    while min(image.size) >= 64 and not (image.width % 2 or image.height % 2):
        small = image.resize((image.width // 2, image.height // 2), nearest)
        if ImageChops.difference(image, small.resize(image.size, nearest)).getbbox():
            break
        image = small
    return image


def _webp(image: Image.Image, quality: int) -> bytes:
    sink = io.BytesIO()
    image.save(sink, format="WEBP", quality=quality, method=0)
    return sink.getvalue()
