"""What image files mean: one decoder for data sets and evaluations."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import ganbench as gb
from ganbench import decode_image
from ganbench.base import images
from ganbench.base.images import inspect_image

_random = np.random.default_rng(0)
COLOURS = _random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
ALPHA = _random.integers(0, 256, (5, 7), dtype=np.uint8)
DEEP = _random.integers(0, 65536, (5, 7)).astype(np.uint16)
EIGHT = np.floor(DEEP / 257 + 0.5).astype(np.uint8)  # of the 16 bits


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def colour() -> Image.Image:
    return Image.fromarray(COLOURS)


def with_alpha() -> Image.Image:
    image = colour()
    image.putalpha(Image.fromarray(ALPHA))
    return image


def pgm(values: np.ndarray, most: int) -> bytes:
    head = f"P5 {values.shape[1]} {values.shape[0]} {most}\n".encode()
    return head + values.astype(">u2").tobytes()


def tiff(content: bytes, shape: tuple[int, int], bits: int, photometric: int, kind: int) -> bytes:
    """A grey TIFF file without compression, little-endian."""
    tags = [(256, shape[1]), (257, shape[0]), (258, bits), (259, 1), (262, photometric), (273, 8)]
    tags += [(277, 1), (278, shape[0]), (279, len(content)), (339, kind)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(content))
    return head + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def png(values: np.ndarray, colour_type: int, extra: bytes = b"") -> bytes:
    """A PNG file of 16 bits a channel."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    key = chunk(b"tRNS", extra) if extra else b""
    body = chunk(b"IHDR", head) + key + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


SIXTEEN = {
    "png": png(DEEP, 0),
    "pgm": pgm(DEEP, 65535),
    "plain pgm": f"P2 7 5 65535\n{' '.join(map(str, DEEP.ravel()))}\n".encode(),
    "tiff": encoded(Image.fromarray(DEEP), "TIFF"),
    "compressed tiff": encoded(Image.fromarray(DEEP), "TIFF", compression="tiff_lzw"),
    "big-endian tiff": encoded(Image.fromarray(DEEP.astype(">u2")), "TIFF"),
    "white is zero": tiff((65535 - DEEP).astype("<u2").tobytes(), DEEP.shape, 16, 0, 1),
    "jpeg 2000": encoded(Image.fromarray(DEEP), "JPEG2000"),
}


@pytest.mark.parametrize("form", SIXTEEN)
def test_sixteen_bits_mean_the_same_in_every_format(form: str) -> None:
    content = SIXTEEN[form]
    assert np.array_equal(decode_image(content, 1)[..., 0], EIGHT)
    assert np.array_equal(decode_image(content), np.repeat(EIGHT[..., None], 3, 2))
    assert inspect_image(content) == (7, 5, 1, ("16 bits",))


def test_other_depths_go_from_black_to_white_as_well() -> None:
    ends = np.array([[0, 1023]], np.uint16)
    assert decode_image(pgm(ends, 1023), 1).ravel().tolist() == [0, 255]
    twelve = tiff(bytes([0x00, 0x0F, 0xFF]), (1, 2), 12, 1, 1)  # 0 and 4095
    assert decode_image(twelve, 1).ravel().tolist() == [0, 255]


def test_eight_bits_survive_the_way_through_sixteen() -> None:
    grey = np.arange(256, dtype=np.uint16)[None]
    assert decode_image(png(grey * 257, 0), 1).ravel().tolist() == list(range(256))
    assert np.array_equal(decode_image(png(COLOURS.astype(np.uint16) * 257, 2)), COLOURS)


def test_a_transparent_value_of_sixteen_bits_shows_white() -> None:
    content = png(np.array([[0, 7, 65535]], np.uint16), 0, struct.pack(">H", 7))
    assert decode_image(content, 1).ravel().tolist() == [0, 255, 255]
    assert inspect_image(content).traits == ("transparent", "16 bits")


@pytest.mark.parametrize(
    ("mode", "form"),
    [("1", "PNG"), ("L", "PNG"), ("P", "PNG"), ("RGB", "TIFF"), ("RGBX", "TIFF"),
     ("CMYK", "TIFF"), ("YCbCr", "TIFF")],
)  # fmt: skip
def test_opaque_modes_are_what_pillow_shows(mode: str, form: str) -> None:
    content = encoded(colour().convert(mode), form)
    with Image.open(io.BytesIO(content)) as opened:
        shown = opened.convert("RGB")
    assert np.array_equal(decode_image(content), np.asarray(shown))
    assert np.array_equal(decode_image(content, 1)[..., 0], np.asarray(shown.convert("L")))
    grey = mode in ("1", "L")
    assert inspect_image(content) == (7, 5, 1 if grey else 3, ())


def on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return pixels * share + 255 * (1 - share)


def test_transparent_pixels_are_laid_on_white() -> None:
    image = with_alpha()
    expected = on_white(COLOURS, ALPHA)
    for form, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})):
        found = decode_image(encoded(image, form, **options))
        assert np.abs(found - expected).max() <= 1
    grey = colour().convert("L")
    both = Image.merge("LA", [grey, Image.fromarray(ALPHA)])
    found = decode_image(encoded(both), 1)
    assert np.abs(found - on_white(np.asarray(grey)[..., None], ALPHA)).max() <= 1
    assert inspect_image(encoded(both)) == (7, 5, 1, ("transparent",))


def test_a_transparent_colour_or_place_of_the_palette_shows_white() -> None:
    key = encoded(colour(), transparency=tuple(COLOURS[2, 3].tolist()))
    found = decode_image(key)
    assert found[2, 3].tolist() == [255, 255, 255]
    assert found[0, 0].tolist() == COLOURS[0, 0].tolist()
    palette = colour().quantize(4)
    for form in ("PNG", "GIF"):
        found = decode_image(encoded(palette, form, transparency=1))
        assert (found[np.asarray(palette) == 1] == 255).all()
    opaque = colour()
    opaque.putalpha(255)
    assert np.array_equal(decode_image(encoded(opaque)), COLOURS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_the_orientation_that_a_camera_noted_is_applied(orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {}
    content = encoded(colour(), form, exif=exif, **options)
    turns = {
        1: COLOURS, 2: COLOURS[:, ::-1], 3: COLOURS[::-1, ::-1], 4: COLOURS[::-1],
        5: COLOURS.swapaxes(0, 1), 6: np.rot90(COLOURS, -1), 7: np.rot90(COLOURS, 2).swapaxes(0, 1),
        8: np.rot90(COLOURS),
    }  # fmt: skip
    pixels = decode_image(content)
    assert np.array_equal(pixels, turns[orientation])
    head = inspect_image(content)
    assert (head.height, head.width) == pixels.shape[:2]
    assert ("turned" in head.traits) == (orientation > 1)


def test_an_orientation_behind_the_pixels_or_in_xmp_is_found_without_decoding() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(colour(), exif=exif)
    start = whole.index(b"eXIf") - 4
    (length,) = struct.unpack_from(">I", whole, start)
    chunk = whole[start : start + length + 12]
    end = whole.index(b"IEND") - 4
    behind = whole[:start] + whole[start + len(chunk) : end] + chunk + whole[end:]
    note = '<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", note)
    for content in (whole, behind, encoded(colour(), pnginfo=text)):
        assert inspect_image(content) == (5, 7, 3, ("turned",))
        assert np.array_equal(decode_image(content), np.rot90(COLOURS, -1))


#: Type and four bytes of what is noted as the orientation.
MEANINGLESS = {
    "text": (2, b"six\0"),
    "digit": (2, b"6\0\0\0"),
    "raw": (7, b"\6\0\0\0"),
    "zero": (3, b"\0\0\0\0"),
    "nine": (3, b"\11\0\0\0"),
    "negative": (9, b"\xff\xff\xff\xff"),
    "float": (11, struct.pack("<f", 6.5)),
    "type": (99, b"\6\0\0\0"),
}


@pytest.mark.parametrize("noted", MEANINGLESS)
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_an_orientation_that_means_nothing_leaves_the_image_as_it_is(noted: str, form: str) -> None:
    kind, value = MEANINGLESS[noted]
    exif = struct.pack("<2sHIHHHI4sI", b"II", 42, 8, 1, 0x0112, kind, 1, value, 0)
    options = {"lossless": True} if form == "WEBP" else {}
    content = encoded(colour(), form, exif=b"Exif\0\0" + exif, **options)
    assert inspect_image(content) == (7, 5, 3, ())
    assert np.array_equal(decode_image(content), COLOURS)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_exif_harms_no_image_and_both_readers_agree(seed: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.5
    exif.get_ifd(0x8769)[0x829A] = (1, 60)
    known, content = exif.tobytes(), encoded(colour(), "WEBP", exif=exif, lossless=True)
    start = content.index(known[6:]) + 8  # behind Exif's own head
    random = np.random.default_rng(seed)
    damaged = bytearray(content)
    for place in random.integers(0, len(known) - 14, 4):
        damaged[start + int(place)] = int(random.choice([0, 1, 2, 5, 7, 10, 12, 255]))
    pixels, head = decode_image(bytes(damaged)), inspect_image(bytes(damaged))
    assert (head.height, head.width) == pixels.shape[:2]
    assert sorted(pixels.ravel()) == sorted(COLOURS.ravel())


def test_of_many_pages_the_first_counts() -> None:
    pages = {"save_all": True, "append_images": [Image.new("RGB", (7, 5))]}
    for form in ("TIFF", "PNG"):
        assert np.array_equal(decode_image(encoded(colour(), form, **pages)), COLOURS)
    film = [colour().quantize(8), Image.new("P", (7, 5))]
    found = decode_image(encoded(film[0], "GIF", save_all=True, append_images=film[1:]))
    assert np.array_equal(found, np.asarray(film[0].convert("RGB")))


def pfm(values: np.ndarray) -> bytes:
    head = f"Pf {values.shape[1]} {values.shape[0]} -1.0\n".encode()
    return head + values.astype("<f4").tobytes()


def fits(values: np.ndarray) -> bytes:
    cards = ["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 2"]
    cards += [f"NAXIS1  = {values.shape[1]}", f"NAXIS2  = {values.shape[0]}", "END"]
    head = "".join(card.ljust(80) for card in cards).encode()
    return head.ljust(2880) + values.astype(">i2").tobytes().ljust(2880, b"\0")


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (encoded(Image.fromarray(np.float32(DEEP / 65535)), "TIFF"), "F"),
        (pfm(DEEP / 65535), "F"),
        (encoded(Image.fromarray(DEEP.astype(np.int32)), "TIFF"), "I"),
        (tiff(DEEP.astype("<i2").tobytes(), DEEP.shape, 16, 1, 2), "I"),
        (encoded(Image.new("LAB", (7, 5)), "TIFF"), "LAB"),
        (fits(DEEP), "I(;16)?"),
    ],
    ids=["float tiff", "pfm", "32-bit tiff", "signed tiff", "lab", "fits"],
)
def test_what_has_no_defined_range_is_refused_by_its_mode(content: bytes, mode: str) -> None:
    for read in (decode_image, inspect_image):
        with pytest.raises(gb.ImageError, match=rf"Pillow's mode {mode} .*save it as an 8-bit"):
            read(content)


def test_no_image_and_half_an_image_are_refused() -> None:
    whole = encoded(colour())
    with pytest.raises(gb.ImageError, match="not an image that Pillow can read"):
        decode_image(b"no image")
    with pytest.raises(gb.ImageError):
        decode_image(whole[:-40])
    assert inspect_image(whole[:-40]) == inspect_image(whole)  # the head alone


def test_an_image_of_absurd_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (30, 10):  # Pillow warns of the first and refuses the second
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(gb.ImageError, match="pixels"):
            decode_image(encoded(colour()))


def test_threads_leave_the_filters_of_warnings_as_they_were() -> None:
    before = list(warnings.filters)
    inside, go = threading.Barrier(3), threading.Event()

    def decode() -> None:
        with images._quiet:
            inside.wait()
            go.wait()
            decode_image(encoded(colour()))

    threads = [threading.Thread(target=decode) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    go.set()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_only_plain_files_of_a_sensible_size_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(colour()))
    assert gb.read_image_file(file) == file.read_bytes()
    monkeypatch.setattr(images, "MOST_BYTES", 20)
    with pytest.raises(gb.ImageError, match="larger than 20 bytes"):
        gb.read_image_file(file)
    (tmp_path / "endless.png").symlink_to("/dev/zero")
    with pytest.raises(gb.ImageError, match="not a plain file"):
        gb.read_image_file(tmp_path / "endless.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(gb.ImageError, match="not a plain file"):
            gb.read_image_file(tmp_path / "pipe.png")


def test_the_decoder_waits_for_no_torch() -> None:
    program = (
        "import sys, ganbench; assert 'PIL' not in sys.modules; ganbench.decode_image; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
