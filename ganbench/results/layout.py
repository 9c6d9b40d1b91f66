"""How wide a table's columns are, and where their text breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ganbench.results.view import ViewColumn

GAP = 2
_LEAST_TEXT = 15
_SMALLEST_TEXT = 4

#: What a narrow table does without, the first to go first.
_FIRST_TO_GO = (
    "peak_memory_mb", "recall", "precision", "recall_median", "precision_median", "train_seconds",
    "fd_drift", "kid_mean", "kid_mean_median", "is_mean", "is_mean_median", "fd_best",
    "fd_best_median", "images_per_second", "fd_range", "fid_range", "augmentation", "regularizer",
)  # fmt: skip
_JOINTS = re.compile(r"(?<=[,+×–-])|(?<=\s)(?!\d)|(?=\[)")


def fitting(columns: Sequence[ViewColumn], width: int) -> list[ViewColumn]:
    """The columns that fit; what matters least goes first, and components never go."""
    kept = list(columns)
    for name in _FIRST_TO_GO:
        if _total(map(_least, kept)) <= width:
            break
        kept = [column for column in kept if column.name != name]
    return kept


def least_width(columns: Sequence[ViewColumn]) -> int:
    """The width below which numbers would break."""
    return _total(_least(c) if c.numeric else min(_least(c), _SMALLEST_TEXT) for c in columns)


def widths(columns: Sequence[ViewColumn], width: int) -> list[int]:
    """The width of each column: all that it can use, if there is room for all."""
    found = [_least(column) for column in columns]
    while _total(found) > width and max(found) > _SMALLEST_TEXT:
        texts = [w if not c.numeric else 0 for c, w in zip(columns, found, strict=True)]
        if max(texts) <= _SMALLEST_TEXT:
            break
        found[texts.index(max(texts))] -= 1
    for wish in (_longest, _comfortable):
        wishes = [wish(column) for column in columns]
        room = width - _total(found)
        while room > 0 and any(w > f for w, f in zip(wishes, found, strict=True)):
            short = [f if w > f else width for w, f in zip(wishes, found, strict=True)]
            found[short.index(min(short))] += 1
            room -= 1
    return found


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most ``width``, broken where a spec has its joints."""
    if len(text) <= width:
        return text.strip()
    lines = [""]
    for piece in _JOINTS.split(text):
        if len(lines[-1]) + len(piece.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
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
    return sum(w + GAP for w in found)


def _longest(column: ViewColumn) -> int:
    return max(_head_words(column), column.longest, 1)


def _least(column: ViewColumn) -> int:
    longest = _longest(column)
    return longest if column.numeric else min(longest, _LEAST_TEXT)


def _head_words(column: ViewColumn) -> int:
    return max(map(len, headed(column.header, 1).split("\n")))


def _comfortable(column: ViewColumn) -> int:
    """Wide enough for a header of two lines."""
    longest = _longest(column)
    while headed(column.header, longest).count("\n") > 1:
        longest += 1
    return longest
