"""The one way in which ganbench reads image files, wherever they come from.

A file means the same to a data set and to an evaluation. What it means:

- An image with 8 bits a channel is read as Pillow reads it.
- A gray image with 16 bits goes from 0 (black) to 65535 (white) and is divided by 257 and rounded. Of
  color images with 16 bits, Pillow hands over the upper 8 bits.
- Transparent pixels are composited on white, unless the opacity is asked for as a channel.
- The orientation that a camera noted is applied; one that cannot be read counts as none.
- Of an animation or a file of many pages, the first image counts.
- Everything else has no defined range and is refused by the name of its mode.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from ganbench.base.errors import GanbenchError, reason

#: Bytes of an image file at the most: no image that Pillow opens unasked takes more of them.
MOST_BYTES = 2**30

#: What other programs may read differently.
Trait = Literal["transparent", "16 bits", "turned"]

_GRAY = frozenset({"1", "L", "LA", "La"})
_COLOR = frozenset({"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"})
_WITH_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
#: Modes of 16 bits, each with the formats in which their values are those of a gray image. Pillow
#: uses the same modes for measured values of any range (FITS, 32-bit TIFF).
_WIDE = {
    "I": frozenset({"PNG", "PPM"}),
    **dict.fromkeys(
        ("I;16", "I;16L", "I;16B", "I;16N"), frozenset({"PNG", "PPM", "TIFF", "JPEG2000"})
    ),
}
_BITS, _PHOTOMETRIC, _WIDTH, _HEIGHT = 258, 262, 256, 257  # tags of TIFF
_ORIENTATION = 0x0112  # tag of Exif
#: Orientation -> what turns (h, w) or (h, w, c) pixels upright.
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels.swapaxes(0, 1), 2),
    8: np.rot90,
}
_PROFILES = (b"Raw profile type", b"XML:com.adobe.xmp")  # of texts in PNG files
#: Modes of measured values, and what these are.
_MEASURED = {"F": "floating-point numbers", **dict.fromkeys(_WIDE, "measured whole numbers")}


class ImageError(GanbenchError):
    """Not an image, or an image without a defined meaning; says why in one line."""


class ImageHead(NamedTuple):
    """The header of a file: the shape of the image as `decode_image` returns it.

    :ivar width: pixels.
    :ivar height: pixels.
    :ivar channels: 1 for a gray image, 3 for a color image.
    :ivar traits: see `Trait`.
    """

    width: int
    height: int
    channels: Literal[1, 3]
    traits: tuple[Trait, ...] = ()


def decode_image(content: bytes, channels: Literal[1, 2, 3, 4] = 3) -> np.ndarray:
    """(height, width, channels) uint8 from the bytes of an image file.

    Gray images are repeated for 3 channels; color images become their luma (ITU-R BT.601) for 1. With
    2 or 4 channels the last one is the opacity, 255 for images without any.

    :raises ImageError: if the bytes are not an image, or if its mode is refused.
    """
    try:
        with _quiet, _opened(content) as image:
            image.load()
            _check(image)  # loading may have changed the mode
            wide = image.mode in _WIDE
            pixels = _from_wide(image) if wide else _from_eight_bits(image, channels)
            pixels = _TURNS[_orientation(image, content)](pixels)
    except ImageError:
        raise
    except Exception as error:  # a broken file may raise anything in its decoder
        raise ImageError(_reason(error)) from error
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] == channels:
        return pixels
    if channels in (1, 3):
        return np.repeat(pixels, channels, axis=2)
    opaque = np.full_like(pixels, 255)
    return np.concatenate([pixels] * (channels - 1) + [opaque], axis=2)


def inspect_image(content: bytes) -> ImageHead:
    """The head of an image file, without decoding the pixels.

    :raises ImageError: if it is not an image, or if its mode is refused.
    """
    try:
        with _quiet, _opened(content) as image:
            return _head(image, content)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(_reason(error)) from error


def read_image_file(path: str | Path) -> bytes:
    """The bytes of an image file.

    :raises ImageError: if it is too large for an image, or not a plain file (such as a device).
    :raises OSError: if it cannot be read.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a plain file")
    check_image_bytes(status.st_size)
    with open(path, "rb") as file:
        return file.read()


def check_image_bytes(count: int) -> None:
    """Raise ImageError for a file with more bytes than an image may have."""
    if is_too_large(count):
        raise ImageError(f"larger than {MOST_BYTES:,} bytes")


def is_too_large(count: int) -> bool:
    """Whether a file has more bytes than an image may have."""
    return count > MOST_BYTES


def _opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and image.width * image.height > most:
        raise ImageError(f"{image.width}x{image.height} pixels, more than {most:,}")
    _check(image)
    return image


def _check(image: Image.Image) -> None:
    """Refuse an image whose values have no defined range."""
    mode, kind = image.mode, image.format or "unknown"
    if mode in _GRAY or mode in _COLOR or kind in _WIDE.get(mode, ()):
        return
    if mode in _MEASURED:
        why = f"({_MEASURED[mode]} in {kind}) has no defined black and white"
    else:
        why = f"(in {kind}) has no defined conversion to 8 bits"
    raise ImageError(f"Pillow's mode {mode} {why}; save it as an 8-bit or 16-bit PNG")


def _head(image: Image.Image, content: bytes) -> ImageHead:
    orientation = _orientation(image, content)
    tags = _tags(image)  # of TIFF, Pillow may have turned the size already
    width, height = int(tags.get(_WIDTH, image.width)), int(tags.get(_HEIGHT, image.height))
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    wide = image.mode in _WIDE
    found: dict[Trait, bool] = {
        "transparent": _has_transparency(image),
        "16 bits": wide,
        "turned": orientation in range(2, 9),
    }
    traits = tuple(trait for trait, holds in found.items() if holds)
    return ImageHead(width, height, 1 if wide or image.mode in _GRAY else 3, traits)


def _orientation(image: Image.Image, content: bytes) -> int:
    """The file's orientation, 1 to 8; 1 if it has no valid one."""
    if image.format == "PNG" and not _png_may_note_orientation(content):
        return 1  # Pillow would decode all of it to look behind the pixels
    try:
        noted = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged metadata leaves the pixels what they are
        return 1
    return noted if isinstance(noted, int) and noted in _TURNS else 1


def _png_may_note_orientation(content: bytes) -> bool:
    """Whether a PNG file has a chunk for Exif or XMP, or a text that may hold either."""
    position = 8
    while position + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        start = position + 8
        if name == b"eXIf" or (name[1:] == b"TXt" and content.startswith(_PROFILES, start)):
            return True
        position = start + length + 4
    return False


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _has_transparency(image: Image.Image) -> bool:
    return image.mode in _WITH_ALPHA or "transparency" in image.info


def _from_wide(image: Image.Image) -> np.ndarray:
    """(h, w) from a gray image whose values go from 0 to 65535, or as far as its TIFF tags say."""
    tags, values = _tags(image), np.asarray(image).astype(np.int64)
    white = 2 ** int(tags.get(_BITS, (16,))[0]) - 1
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero, which Pillow minds for 8 bits only
        values = white - values
    gray = (values * 255 + white // 2) // white
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        gray[values == clear] = 255
    narrow: np.ndarray = gray.clip(0, 255).astype(np.uint8)
    return narrow


def _from_eight_bits(image: Image.Image, channels: int) -> np.ndarray:
    """(h, w) of a gray image or for one channel, else (h, w, channels)."""
    if channels in (2, 4):
        whole = _with_alpha(image)
        return np.array(whole.convert("LA") if channels == 2 else whole)
    if _has_transparency(image):
        gray = image.mode in _GRAY
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, _with_alpha(image)).convert("RGB")
        image = image.convert("L") if gray else image
    if image.mode in _GRAY:
        return np.array(image.convert("L"))
    color = image if image.mode == "RGB" else image.convert("RGB")
    return np.array(color if channels == 3 else color.convert("L"))


def _with_alpha(image: Image.Image) -> Image.Image:
    return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # its text holds a memory address
        return "not an image that Pillow can read"
    return reason(error)


class _Quiet:
    """Silence for Pillow's warnings in which many threads may be at the same time.

    Odd metadata does not matter to a user of the image; an image of absurd size is an error.
    `warnings.catch_warnings` alone would leave the filters in the state of the last thread.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._caught: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(None, None, None)


_quiet = _Quiet()
