"""From encoded images to square uint8 arrays of one size."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

_T = TypeVar("_T")
_FILES_AT_ONCE = 64
_THREADS = 8
# Below this many bytes a file, Python's own work outweighs the decoding, and threads slow it down.
_WORTH_A_THREAD = 16_384


def decode(content: bytes, size: int, channels: int) -> np.ndarray:
    """(channels, size, size) uint8 from an encoded image.

    The orientation that a camera noted is applied, transparent pixels show white, the largest
    centred square is cut out and resized with Lanczos (which averages when it shrinks).
    """
    with Image.open(io.BytesIO(content)) as opened:
        image = _opaque(ImageOps.exif_transpose(opened)).convert("RGB" if channels == 3 else "L")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.width != image.height:
        image = image.crop((left, top, left + side, top + side))
    if side != size:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size, size, channels).transpose(2, 0, 1)


def decode_all(
    files: Iterable[tuple[int, bytes | Exception]],
    size: int,
    channels: int,
    store: Callable[[int, np.ndarray], None],
) -> dict[int, str]:
    """Decode files as they come and hand each image to ``store(position, image)``.

    :returns: position -> reason, for the files that could not be read or decoded.
    """

    def attempt(file: tuple[int, bytes | Exception]) -> np.ndarray | str:
        content = file[1]
        if isinstance(content, Exception):
            return _reason(content)
        try:
            return decode(content, size, channels)
        except Exception as error:  # a broken file may raise anything in its decoder
            return _reason(error)

    broken: dict[int, str] = {}
    threads = min(_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata is no concern of a training run,
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # but a bomb is no image
        for batch in _batches(files, _FILES_AT_ONCE):
            weight = sum(len(content) for _, content in batch if isinstance(content, bytes))
            run = pool.map if weight > _WORTH_A_THREAD * len(batch) else map
            for (position, _), image in zip(batch, run(attempt, batch), strict=True):
                if isinstance(image, str):
                    broken[position] = image
                else:
                    broken.pop(position, None)
                    store(position, image)
    return broken


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # convert() would cut 16 bits off at 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its text holds a memory address
        return "not an image that Pillow can read"
    return " ".join(str(error).split()) or type(error).__name__


def _batches(items: Iterable[_T], count: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
