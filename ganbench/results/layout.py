"""How wide a table's columns are, and where their text breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ganbench.results.view import ViewColumn

GAP = 2
_LEAST_TEXT = 15
_SMALLEST_TEXT = 4
_LONGEST_WORD = 32

#: What a narrow table does without only if words and intervals are broken already.
_LAST_TO_GO = ("augmentation", "regularizer")
#: Where a spec breaks gladly, and where it breaks before a word has to.
_JOINTS = re.compile(r"(?<=[,+×–])(?!\s)|(?<=\s)(?![\d∞−])|(?<=\w\[)")
_SEAMS = re.compile(r"(?<=[=_.:@|-])|(?<=\s)")


def fitting(
    columns: Sequence[ViewColumn], width: int, expendable: Sequence[str] = ()
) -> list[ViewColumn]:
    """The columns that fit; components never go.

    :param expendable: names of columns, the first to go first.
    """
    kept = list(columns)
    for names, least in ((expendable, _least), (_LAST_TO_GO, _short)):
        for name in names:
            if _total(map(least, kept)) <= width:
                break
            kept = [column for column in kept if column.name != name]
    return kept


def least_width(columns: Sequence[ViewColumn]) -> int:
    """The width below which numbers would break."""
    return _total(_broken(c) if c.numeric else min(_least(c), _SMALLEST_TEXT) for c in columns)


def widths(columns: Sequence[ViewColumn], width: int) -> list[int]:
    """The width of each column: all that it can use, if there is room for all.

    Where there is too little, intervals go beneath their estimates first, then words are broken.
    """
    found = [_least(column) for column in columns]
    for least in (_worded, _broken, _short, _shortest):
        floor = [least(column) for column in columns]
        while _total(found) > width:
            spare = [w if w > f else 0 for w, f in zip(found, floor, strict=True)]
            if not any(spare):
                break
            found[spare.index(max(spare))] -= 1
    for wish in (_longest, _comfortable):
        wishes = [wish(column) for column in columns]
        room = width - _total(found)
        while room > 0 and any(w > f for w, f in zip(wishes, found, strict=True)):
            short = [f if w > f else width for w, f in zip(wishes, found, strict=True)]
            found[short.index(min(short))] += 1
            room -= 1
    return found


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most ``width``, broken where a spec has its joints.

    A word is broken only if it is wider than a line.
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


def _longest(column: ViewColumn) -> int:
    return max(_head_words(column), column.longest, 1)


def _least(column: ViewColumn) -> int:
    """Wide enough for its numbers, or for its text in a few lines."""
    longest = _longest(column)
    return longest if column.numeric else min(longest, max(_LEAST_TEXT, _worded(column)))


def _worded(column: ViewColumn) -> int:
    """As narrow as can be without a broken word or number."""
    if column.numeric:
        return _longest(column)
    words = (len(word.strip()) for cell in set(column.cells) for word in _JOINTS.split(cell))
    return max(_head_words(column), min(max(words, default=0), _LONGEST_WORD))


def _broken(column: ViewColumn) -> int:
    """`_worded` with intervals beneath their estimates."""
    if column.estimates is None:
        return _worded(column)
    parts = (len(part) for cell in column.cells for part in cell.split(" [", 1))
    return max(_head_words(column), 1 + max(parts, default=0))


def _short(column: ViewColumn) -> int:
    return _broken(column) if column.numeric else min(_broken(column), _LEAST_TEXT)


def _shortest(column: ViewColumn) -> int:
    return _broken(column) if column.numeric else min(_broken(column), _SMALLEST_TEXT)


def _head_words(column: ViewColumn) -> int:
    return max(map(len, headed(column.header, 1).split("\n")))


def _comfortable(column: ViewColumn) -> int:
    """Wide enough for a header of two lines."""
    longest = _longest(column)
    while headed(column.header, longest).count("\n") > 1:
        longest += 1
    return longest
