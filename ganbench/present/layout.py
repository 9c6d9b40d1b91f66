"""The widths of a table's columns, and where their text breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ganbench.present.view import ViewColumn

GAP = 2
_LEAST_TEXT = 15
_SMALLEST_TEXT = 4
_LONGEST_WORD = 32

#: The columns that a narrow table drops last, once words and intervals are broken.
_LAST_TO_GO = ("augmentation", "regularizer")
#: Where a spec breaks first, and where it breaks before a word does.
_JOINTS = re.compile(r"(?<=[,+×–])(?!\s)|(?<=\s)(?![\d∞−])|(?<=\w\[)")
_SEAMS = re.compile(r"(?<=[=_.:@|-])|(?<=\s)")


class _Widths(NamedTuple):
    """Widths that a column can take, the widest first."""

    comfortable: int  # for a header of two lines
    longest: int  # for every cell in one line
    least: int  # for its numbers, or for its text in a few lines
    worded: int  # without a broken word or number
    broken: int  # with intervals beneath their estimates
    short: int  # with broken words
    shortest: int

    @classmethod
    def of(cls, column: ViewColumn) -> _Widths:
        """The widths of a column of a view."""
        head = max(map(len, headed(column.header, 1).split("\n")))
        comfortable = longest = max(head, 1, *map(len, column.cells))
        while headed(column.header, comfortable).count("\n") > 1:
            comfortable += 1
        if column.numeric:
            broken = longest
            if column.estimates is not None:
                parts = (len(part) for cell in column.cells for part in cell.split(" [", 1))
                broken = max(head, 1 + max(parts, default=0))
            return cls(comfortable, longest, longest, longest, broken, broken, broken)
        words = (len(word.strip()) for cell in set(column.cells) for word in _JOINTS.split(cell))
        worded = max(head, min(max(words, default=0), _LONGEST_WORD))
        least = min(longest, max(_LEAST_TEXT, worded))
        short, shortest = min(worded, _LEAST_TEXT), min(worded, _SMALLEST_TEXT)
        return cls(comfortable, longest, least, worded, worded, short, shortest)


def fitting(
    columns: Sequence[ViewColumn], width: int, expendable: Sequence[str] = ()
) -> list[ViewColumn]:
    """The columns that fit; components always stay.

    :param expendable: names of columns, the first to drop first.
    """
    kept = [(column, _Widths.of(column)) for column in columns]
    for names, size in ((expendable, "least"), (_LAST_TO_GO, "short")):
        for name in names:
            if _total(getattr(widths, size) for _, widths in kept) <= width:
                break
            kept = [one for one in kept if one[0].name != name]
    return [column for column, _ in kept]


def least_width(columns: Sequence[ViewColumn]) -> int:
    """The width below which numbers would break."""
    known = zip(columns, map(_Widths.of, columns), strict=True)
    return _total(w.broken if c.numeric else min(w.least, _SMALLEST_TEXT) for c, w in known)


def words_fit(columns: Sequence[ViewColumn], width: int) -> bool:
    """Whether the columns fit side by side without a broken word."""
    known = zip(columns, map(_Widths.of, columns), strict=True)
    return _total(w.broken if c.numeric else w.worded for c, w in known) <= width


def widths(columns: Sequence[ViewColumn], width: int) -> list[int]:
    """The width of each column: all that it can use, if the room suffices.

    Otherwise intervals go beneath their estimates first, then words break.
    """
    known = [_Widths.of(column) for column in columns]
    found = [own.least for own in known]
    for narrower in ("worded", "broken", "short", "shortest"):
        floor = [getattr(own, narrower) for own in known]
        while _total(found) > width:
            spare = [w if w > f else 0 for w, f in zip(found, floor, strict=True)]
            if not any(spare):
                break
            found[spare.index(max(spare))] -= 1
    for wider in ("longest", "comfortable"):
        wishes = [getattr(own, wider) for own in known]
        room = width - _total(found)
        while room > 0 and any(w > f for w, f in zip(wishes, found, strict=True)):
            short = [f if w > f else width for w, f in zip(wishes, found, strict=True)]
            found[short.index(min(short))] += 1
            room -= 1
    return found


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most ``width``, broken at the joints of a spec.

    A word breaks only if it is wider than a line.
    """
    if len(text) <= width:
        return text.strip()
    lines = [""]
    for piece in _JOINTS.split(text):
        parts = [piece] if len(piece.strip()) <= width else _SEAMS.split(piece)
        for part in parts:
            if len(lines[-1]) + len(part.rstrip()) > width and lines[-1]:
                lines.append("")
            lines[-1] += part if lines[-1] else part.lstrip()
            while len(lines[-1].rstrip()) > width:
                lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return "\n".join(line.rstrip() for line in lines)


def headed(header: str, width: int) -> str:
    """A header in lines of at most ``width``; its arrow stays with the last word."""
    words = re.sub(r" ([↓↑])\Z", "\u00a0\\1", header).split(" ")
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip(" ")
    return "\n".join(lines).replace("\u00a0", " ")


def _total(found: Iterable[int]) -> int:
    return sum(w + GAP for w in found) - GAP
