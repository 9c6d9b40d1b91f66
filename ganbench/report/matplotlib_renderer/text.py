"""Names on a figure: markup has no meaning in them, and long names are broken or cut with a note."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from matplotlib import font_manager, ft2font

from ganbench.base.text import plain

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
    """The text with an escape such as ``\\u4e2d`` for each character that the figures' font lacks."""
    return "".join(
        char if _font().get_char_index(ord(char)) else char.encode("unicode_escape").decode()
        for char in plain(text)
    )


def wrapped(text: str, inches: float, points: float, bold: bool = False) -> str:
    """Lines that fit into a width: broken at spaces, brackets and commas, else anywhere."""
    width = inches * _POINTS / points * (_BOLD if bold else 1.0)
    lines = [""]
    for piece in _pieces(printable(text), width):
        if lines[-1] and _ems(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines if line.strip())


def breadth(text: str, points: float) -> float:
    """The width of a text in inches: that of its longest line."""
    return max((_ems(line) for line in text.split("\n")), default=0.0) * points / _POINTS


def tallness(text: str, points: float) -> float:
    """The height of a text in inches."""
    return (text.count("\n") + 1) * _LINE * points / _POINTS


class Names:
    """The names of one figure: very long ones are cut, and `notes` has them in full."""

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
        return [f"[{number}] {text}." for text, number in self._numbers.items()]


def _pieces(text: str, width: float, breaks: Sequence[re.Pattern[str]] = _BREAKS) -> Iterator[str]:
    """Pieces that fit on a line; a piece without a good place to break becomes single characters."""
    if _ems(text.rstrip()) <= width:
        yield text
    elif breaks:
        for part in breaks[0].split(text):
            yield from _pieces(part, width, breaks[1:])
    else:
        yield from text


def _ems(text: str) -> float:
    """The width of a text in units of its size."""
    return sum(map(_width, text))


@functools.cache
def _width(char: str) -> float:
    return float(_font().load_char(ord(char)).linearHoriAdvance) / 65536 / _MEASURED


@functools.cache
def _font() -> ft2font.FT2Font:
    font = ft2font.FT2Font(font_manager.findfont("DejaVu Sans"))
    font.set_size(_MEASURED, 72)
    return font
