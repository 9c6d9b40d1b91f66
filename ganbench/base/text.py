"""Text for people: one line without control characters, short lists, counts and durations."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any, Protocol

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # and what reorders text


def plain(value: Any) -> str:
    """Text on one line without control characters, so that it cannot steer a terminal."""
    return " ".join(plain_line(str(value)).split())


def plain_line(text: str) -> str:
    """The text with a space for each control character; its own spaces stay as they are."""
    return _CONTROL.sub(" ", text)


def listed(values: Sequence[object], most: int = 8) -> str:
    """``a, b, c``; a long list ends in ``…``."""
    return ", ".join(map(str, values[:most])) + (", …" if len(values) > most else "")


def first_of(values: Sequence[str], most: int) -> str:
    """``a, b and 3 more``."""
    more = len(values) - most
    return ", ".join(values[:most]) + (f" and {more} more" if more > 0 else "")


def one_a_line(values: Sequence[object], most: int = 10) -> str:
    """Each value on an indented line of its own, after a line break; ``and 3 more`` at the end."""
    more = len(values) - most
    lines = [*map(str, values[:most]), *([f"and {more} more"] if more > 0 else [])]
    return "".join(f"\n  {line}" for line in lines)


def kind_of_value(value: object) -> str:
    """``None``, ``a dict``: what a value is, for a sentence about a wrong one."""
    return "None" if value is None else f"a {type(value).__name__}"


def joined(values: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(values[:-1]), *values[-1:]]))


def counted(number: int, word: str) -> str:
    """``1 seed``, ``2 seeds``, ``10,000 seeds``."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def percent(share: float) -> str:
    """``95 %``."""
    return f"{100 * share:g} %"


def with_article(noun: str) -> str:
    """``a loss``, ``an architecture``."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows of cells as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [indent + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def wrapped_words(text: str, width: int, hang: str = "") -> str:
    """Lines of at most ``width``, broken between words only: a longer word has a line of its own.

    :param hang: begins every line but the first; by default as the first one is indented.
    """
    return "\n".join(_wrapped(line, width, hang) for line in text.split("\n"))


def _wrapped(line: str, width: int, hang: str) -> str:
    if len(line) <= width:
        return line
    own = line[: len(line) - len(line.lstrip(" "))]
    return textwrap.fill(
        line,
        width,
        subsequent_indent=hang or own,
        break_long_words=False,
        break_on_hyphens=False,
    )


class Stream(Protocol):
    """What may be a terminal."""

    def isatty(self) -> bool: ...


def for_stream(text: str, stream: Stream, hang: str = "") -> str:
    """The text as a terminal should show it: in lines that fit. Elsewhere it stays as it is."""
    if not stream.isatty():
        return text
    return wrapped_words(text, shutil.get_terminal_size().columns, hang)


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 20 s`` or ``4.2 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
