"""From encoded images to uint8 arrays of one size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar, cast

import numpy as np

from ganbench import DataNotFoundError, ImageError, decode_image
from ganbench.base.errors import reason
from ganbench.base.fitting import Fit, fitted
from ganbench.base.image_files import Encoded, ImageFiles
from ganbench_datasets.stacks import decode_stack, is_stack

_T = TypeVar("_T")
Part = Callable[[np.ndarray, str], np.ndarray]
_FILES_AT_ONCE = 64
_THREADS = 8
# For smaller files, Python's own work outweighs the decoding, and threads slow it down.
_WORTH_A_THREAD = 16_384


def decode(content: bytes, size: int, channels: Literal[1, 3]) -> np.ndarray:
    """(channels, size, size) uint8 from an encoded image, read by `ganbench.decode_image`.

    :raises ImageError: if it is not an image, or has no defined meaning.
    """
    return fitted(decode_image(content, channels), size, size)


@dataclass(frozen=True)
class Decoding:
    """How a file becomes an image.

    :ivar channels: 1 to 16; with 2 and 4, the last channel of a picture is its opacity.
    :ivar fit: see `ganbench.base.fitting`.
    :ivar white: of stacks, see `stacks.decode_stack`.
    """

    height: int
    width: int
    channels: int
    fit: Fit = "crop"
    white: float | None = None

    def pixels(self, content: bytes, name: str) -> np.ndarray:
        """(h, w, channels) of a file, in its own size.

        :raises ImageError: if it cannot be read.
        """
        if is_stack(name, self.channels):
            return decode_stack(content, name, self.channels, self.white)
        if self.channels > 4:
            raise ImageError(f"a picture has 1 to 4 channels, not {self.channels}")
        return decode_image(content, cast(Literal[1, 2, 3, 4], self.channels))

    def fitted(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """(channels, height, width) of such pixels, or of a part of them."""
        alpha = self.channels in (2, 4) and not is_stack(name, self.channels)
        return fitted(pixels, self.height, self.width, self.fit, alpha)


def whole(pixels: np.ndarray, name: str) -> np.ndarray:
    """All of an image."""
    return pixels


def decode_all(
    files: ImageFiles,
    members: Sequence[int],
    how: Decoding,
    store: Callable[[int, np.ndarray], None],
    part: Part = whole,
) -> dict[int, str]:
    """Decode files as they come and hand each image to ``store(row, image)``.

    :param members: the file of each row.
    :param part: (pixels (h, w, c), name) -> the pixels to use.
    :returns: row -> reason, for the files that could not be read or decoded.
    """
    rows = {member: row for row, member in enumerate(members)}

    def attempt(file: tuple[int, bytes | Exception]) -> np.ndarray | str:
        position, content = file
        name = files.names[position]
        if isinstance(content, Exception):
            return reason(content)
        try:
            pixels = how.pixels(content, name)
        except ImageError as error:
            return str(error)
        return how.fitted(part(pixels, name), name)

    broken: dict[int, str] = {}
    threads = min(_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(map(_content, files.read(members)), _FILES_AT_ONCE):
            weight = sum(len(content) for _, content in batch if isinstance(content, bytes))
            run = pool.map if weight > _WORTH_A_THREAD * len(batch) else map
            for (position, _), image in zip(batch, run(attempt, batch), strict=True):
                if isinstance(image, str):
                    broken[rows[position]] = image
                else:
                    store(rows[position], image)
    return broken


def _content(encoded: Encoded) -> tuple[int, bytes | Exception]:
    """The position of a file with its bytes, or with the reason why they cannot be read."""
    try:
        return encoded.position, encoded.read()
    except Exception as error:  # a damaged archive may raise anything
        return encoded.position, error


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
            f"the first is {names[row]} ({reason})"
        )
    first = sorted(broken)[:5]
    shown = ", ".join(f"{names[row]} ({broken[row]})" for row in first)
    more = f" and {len(broken) - len(first)} more" if len(broken) > len(first) else ""
    return (f"skipped {len(broken)} of {len(names)} images that cannot be read: {shown}{more}",)


def _batches(items: Iterable[_T], count: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
