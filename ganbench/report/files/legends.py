"""The keys to colours, dashes and markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ganbench.report.charts.palette import MARKERS
from ganbench.report.files.sheet import Legend
from ganbench.report.files.style import SOFT, color, dash
from ganbench.report.files.text import Names


class Drawn(Protocol):
    """A line or a point with its place in the palette."""

    @property
    def label(self) -> str: ...
    @property
    def color(self) -> int: ...
    @property
    def dash(self) -> int: ...
    @property
    def color_label(self) -> str: ...
    @property
    def dash_label(self) -> str: ...


def keys(
    drawn: Iterable[Drawn],
    color_by: str | None,
    dash_by: str | None,
    names: Names,
    lines: bool = True,
) -> list[Legend]:
    """Legends of what is drawn: one for colours and one for dashes where each stands for one thing.

    :param lines: whether lines are drawn, or markers alone.
    """
    drawn = list(drawn)
    if color_by is None:
        found = {one.label: (one.color, one.dash) for one in drawn}
        return [_legend("", {names.short(k): _handle(*v, lines) for k, v in found.items()})]
    colors = {one.color_label: one.color for one in drawn}
    dashes = {one.dash_label: one.dash for one in drawn}
    if dash_by is None:
        pairs = {name: _handle(number, 0, lines) for name, number in colors.items()}
        return [_legend(color_by, _shortened(pairs, names))]
    if len(drawn) <= max(len(colors), len(dashes)) or len(drawn) <= 4:
        found = {one.label: (one.color, one.dash) for one in drawn}
        return [_legend("", {names.short(k): _handle(*v, lines) for k, v in found.items()})]
    plain = {name: _patch(number) for name, number in colors.items()}
    dashed = {name: _handle(None, number, lines) for name, number in dashes.items()}
    return [
        _legend(color_by, _shortened(plain, names)),
        _legend(dash_by, _shortened(dashed, names)),
    ]


def _shortened(handles: dict[str, Any], names: Names) -> dict[str, Any]:
    return {names.short(name): handle for name, handle in handles.items()}


def _legend(title: str, handles: dict[str, Any]) -> Legend:
    labels: Sequence[str] = list(handles)
    return Legend(title, list(handles.values()), labels)


def _handle(number: int | None, dashes: int, lines: bool) -> Any:
    from matplotlib.lines import Line2D

    shade = SOFT if number is None else color(number)
    marker = MARKERS[dashes % len(MARKERS)]
    style: Any = dash(dashes) if lines else "none"
    size = 2.6 if lines else 4.5
    return Line2D([], [], color=shade, linestyle=style, marker=marker, markersize=size)


def _patch(number: int) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=color(number), linewidth=0)
