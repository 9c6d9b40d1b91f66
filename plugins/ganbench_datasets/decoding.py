"""From encoded images to square uint8 arrays of one size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Literal, TypeVar

import numpy as np
from PIL import Image

from ganbench import DataNotFoundError, ImageError, decode_image
from ganbench_datasets.image_files import ImageSource

_T = TypeVar("_T")
_FILES_AT_ONCE = 64
_THREADS = 8
# Below this many bytes a file, Python's own work outweighs the decoding, and threads slow it down.
_WORTH_A_THREAD = 16_384


def decode(content: bytes, size: int, channels: Literal[1, 3]) -> np.ndarray:
    """(channels, size, size) uint8 from an encoded image, read by `ganbench.decode_image`.

    :raises ImageError: if it is no image, or one without a defined meaning.
    """
    return squared(decode_image(content, channels), size)


def squared(pixels: np.ndarray, size: int) -> np.ndarray:
    """(c, size, size) from (h, w, c): the largest centred square, resized with Lanczos.

    Lanczos averages when it shrinks; an image of the wanted size keeps every pixel.
    """
    height, width, channels = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    if side != size:
        flat = np.ascontiguousarray(square if channels == 3 else square[..., 0])
        resized = Image.fromarray(flat).resize((size, size), Image.Resampling.LANCZOS)
        square = np.asarray(resized).reshape(size, size, channels)
    return square.transpose(2, 0, 1)


def decode_all(
    source: ImageSource,
    names: Sequence[str],
    size: int,
    channels: Literal[1, 3],
    store: Callable[[int, np.ndarray], None],
) -> dict[int, str]:
    """Decode files of a source as they come and hand each image to ``store(position, image)``.

    :returns: position -> reason, for the files that could not be read or decoded.
    """

    def attempt(file: tuple[int, bytes | Exception]) -> np.ndarray | str:
        position, content = file
        if isinstance(content, Exception):
            return _reason(content)
        try:
            pixels = decode_image(content, channels)
        except ImageError as error:
            return str(error)
        return squared(source.part(pixels, names[position]), size)

    broken: dict[int, str] = {}
    threads = min(_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(source.read(names), _FILES_AT_ONCE):
            weight = sum(len(content) for _, content in batch if isinstance(content, bytes))
            run = pool.map if weight > _WORTH_A_THREAD * len(batch) else map
            for (position, _), image in zip(batch, run(attempt, batch), strict=True):
                if isinstance(image, str):
                    broken[position] = image
                else:
                    broken.pop(position, None)
                    store(position, image)
    return broken


def notes_on_broken(
    names: Sequence[str], broken: dict[int, str], location: object
) -> tuple[str, ...]:
    """A note that names the first few files that could not be read and counts them all.

    :raises DataNotFoundError: if none could be read.
    """
    if not broken:
        return ()
    if len(broken) == len(names):
        row, reason = next(iter(broken.items()))
        raise DataNotFoundError(
            f"none of the {len(names)} images in {location} can be read, "
            f"the first of them being {names[row]} ({reason})"
        )
    first = sorted(broken)[:5]
    shown = ", ".join(f"{names[row]} ({broken[row]})" for row in first)
    more = f" and {len(broken) - len(first)} more" if len(broken) > len(first) else ""
    return (f"skipped {len(broken)} of {len(names)} images that cannot be read: {shown}{more}",)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _batches(items: Iterable[_T], count: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
