"""Slanting lines over fields of a heat map: they tell states apart without a colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_HALF = 0.47  # of a field's side: a little less than half, for a gap


def hatched(places: Iterable[tuple[int, int]], color: str, lines: int) -> dict[str, Any]:
    """One shape that frames and hatches the fields around the given centres.

    :param lines: on either side of the diagonal; 0 for a frame only.
    """
    return {
        "type": "path",
        "path": "".join(_frame(x, y) + _slants(x, y, lines) for x, y in places),
        "xref": "x",
        "yref": "y",
        "layer": "below",
        "line": {"color": color, "width": 1},
    }


def _frame(x: int, y: int) -> str:
    left, right, top, bottom = x - _HALF, x + _HALF, y - _HALF, y + _HALF
    return f"M{left},{top}L{right},{top}L{right},{bottom}L{left},{bottom}Z"


def _slants(x: int, y: int, lines: int) -> str:
    left, right, top, bottom = x - _HALF, x + _HALF, y - _HALF, y + _HALF
    side, parts = 2 * _HALF, []
    for number in range(1, 2 * lines):
        t = number / lines * side
        start = (left, bottom - t) if t <= side else (left + t - side, top)
        end = (left + t, bottom) if t <= side else (right, bottom - t + side)
        parts.append(f"M{start[0]:.3f},{start[1]:.3f}L{end[0]:.3f},{end[1]:.3f}")
    return "".join(parts)
