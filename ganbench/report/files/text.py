"""Names on a figure: nothing in them is markup, long ones are broken, and none is cut in silence."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from ganbench.results.formatting import plain

#: Longer names get a number and stand in full in the caption.
LONGEST = 90
_KEPT = 40

#: Where a line may end, the best places first.
_BREAKS = tuple(
    map(re.compile, (r"(?<= )(?=[^ ])", r"(?<=[\[\],])(?=[^\[\],])", r"(?<=[=+/@:_-])(?=.)"))
)
_POINTS = 72.0  # in an inch
_BOLD = 0.87  # bold letters are wider by as much
_LINE = 1.25  # from line to line, in units of the size
_MEASURED = 100  # points


def printable(text: str) -> str:
    """The text with what the figures' font has no sign for as ``\\u4e2d``."""
    known = _characters()
    return "".join(c if ord(c) in known else _escaped(c) for c in plain(text))


def wrapped(text: str, inches: float, points: float, bold: bool = False) -> str:
    """Lines that fit into a width, broken at spaces, brackets and commas, else where they must."""
    width = inches * _POINTS / points * (_BOLD if bold else 1.0)
    lines = [""]
    for piece in _pieces(printable(text), width):
        if lines[-1] and _ems(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines if line.strip())


def breadth(text: str, points: float) -> float:
    """Inches from the left of a text to its right, the longest line's of several."""
    return max((_ems(line) for line in text.split("\n")), default=0.0) * points / _POINTS


def tallness(text: str, points: float) -> float:
    """Inches from the top of a text to its bottom."""
    return (text.count("\n") + 1) * _LINE * points / _POINTS


class Names:
    """Names as they stand in one figure; very long ones are cut, and told in full by `notes`."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def short(self, text: str) -> str:
        """The name, or its beginning with a number such as ``[1]``."""
        text = plain(text)
        if len(text) <= LONGEST:
            return text
        number = self._numbers.setdefault(text, len(self._numbers) + 1)
        return f"{text[:_KEPT]}… [{number}]"

    def notes(self) -> list[str]:
        """The cut names in full: ``[1] …``."""
        return [f"[{number}] {text}" for text, number in self._numbers.items()]


def _pieces(text: str, width: float) -> list[str]:
    """What may stand on a line of its own; what is wider than a line is broken anywhere."""
    found = [text]
    for breaks in _BREAKS:
        found = [
            part
            for piece in found
            for part in ([piece] if _ems(piece.rstrip()) <= width else breaks.split(piece))
        ]
    return [
        part
        for piece in found
        for part in ([piece] if _ems(piece.rstrip()) <= width else _cut(piece, width))
    ]


def _cut(text: str, width: float) -> list[str]:
    lines = [""]
    for char in text:
        if lines[-1] and _ems(lines[-1] + char) > width:
            lines.append("")
        lines[-1] += char
    return lines


def _ems(text: str) -> float:
    """The width of a text in units of its size."""
    widths = _widths()
    return sum(widths(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@functools.cache
def _font() -> Any:
    from matplotlib import font_manager, ft2font

    font = ft2font.FT2Font(font_manager.findfont("DejaVu Sans"))
    font.set_size(_MEASURED, 72)
    return font


@functools.cache
def _characters() -> frozenset[int]:
    return frozenset(_font().get_charmap())


@functools.cache
def _widths() -> Callable[[str], float]:
    font = _font()

    @functools.cache
    def width(char: str) -> float:
        return float(font.load_char(ord(char)).linearHoriAdvance) / 65536 / _MEASURED

    return width
