"""What a figure of the page consists of, and the parts that all of them share.

Figures are plain dictionaries in Plotly's terms: importing its Python classes would take a second.
Colours are names, ``$series-0`` or ``$series-0/0.2`` with an opacity, which the page looks up for
its theme.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ganbench.errors import UsageError
from ganbench.report.charts.palette import COLORS, DASHES, MARKER_SYMBOLS
from ganbench.report.embed import label, shortened
from ganbench.results.formatting import ARROWS, plain
from ganbench.results.primary import primaries

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Trace = dict[str, Any]
Layout = dict[str, Any]

_LINE = 2


@dataclass(frozen=True)
class View:
    """One way to look at a figure.

    :ivar name: what its button says; empty where there is one view only.
    :ivar log_axis: the axis that a person may switch between logarithmic and linear, or empty.
    :ivar ranges: of that axis, by its type.
    """

    name: str
    data: list[Trace]
    layout: Layout
    log_axis: str = ""
    ranges: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A line of the legend, which hides the traces of its group.

    :ivar look: ``line`` or ``point``.
    :ivar view: number of the view that it belongs to, -1 for all.
    """

    group: str
    label: str
    color: int
    dash: int
    look: str = "line"
    note: str = ""
    view: int = -1

    @property
    def short(self) -> str:
        """The label without its middle, where it is very long."""
        return shortened(self.label, 90)

    @property
    def dashes(self) -> str:
        """The dash of a swatch, for SVG."""
        return " ".join(f"{length * _LINE:g}" for length in dashes(self.dash))


@dataclass(frozen=True)
class Data:
    """The numbers of a figure as a table, for those who cannot see it and for CSV."""

    headers: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Figure:
    """A figure of the page.

    :ivar anchor: its id, unique in the page; also the name of files made of it.
    :ivar description: what it shows, for those who cannot see it.
    :ivar least_width: in pixels, below which it scrolls.
    :ivar bands: whether bands are shown at first; None where there are none.
    """

    anchor: str
    title: str
    description: str
    views: list[View]
    data: Data
    legend: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    height: int = 420
    least_width: int = 0
    bands: bool | None = None

    def record(self) -> dict[str, Any]:
        """What the page's script needs of it."""
        return {
            "name": self.anchor,
            "title": label(self.title),
            "views": [
                {"data": v.data, "layout": v.layout, "axis": v.log_axis, "ranges": v.ranges}
                for v in self.views
            ],
            "headers": self.data.headers,
            "rows": self.data.rows,
            "height": self.height,
        }


def for_primaries(results: pd.DataFrame, make: Callable[[str], list[T]]) -> list[T]:
    """What is made for each primary metric of a run; nothing for one that no trial has."""
    found: list[T] = []
    for metric in primaries(results):
        with contextlib.suppress(UsageError):
            found += make(metric)
    return found


def color(number: int, opacity: float = 1.0) -> str:
    """The name of a series' colour."""
    name = f"$series-{number % COLORS}"
    return name if opacity == 1 else f"{name}/{opacity:g}"


def dashes(number: int) -> tuple[float, ...]:
    """On and off lengths of a dash, in units of the line's width."""
    return DASHES[number % len(DASHES)]


def stroke(number: int, dash: int, width: float = _LINE, opacity: float = 1.0) -> dict[str, Any]:
    """A line's look."""
    lengths = ",".join(f"{length * width:g}px" for length in dashes(dash))
    return {"color": color(number, opacity), "width": width, "dash": lengths or "solid"}


def symbol(dash: int) -> str:
    """The marker that goes with a dash."""
    return MARKER_SYMBOLS[dash % len(MARKER_SYMBOLS)]


def axis(title: str, **others: Any) -> Layout:
    """An axis with a quiet grid."""
    return {
        "title": {"text": _in_lines(title), "standoff": 10},
        "automargin": True,
        "gridcolor": "$rule",
        "linecolor": "$faint",
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": "$faint",
        **others,
    }


def value_axis(title: str, log: bool, ranges: dict[str, list[float]], **others: Any) -> Layout:
    """An axis of values, logarithmic where that suits them.

    :param ranges: see `extent`.
    """
    kind = "log" if log and "log" in ranges else "linear"
    return axis(title, type=kind, range=ranges.get(kind), tickformat=",~g", **others)


def arrow(better: str | None) -> str:
    """The sign behind a name that says which direction is better, or nothing."""
    return f" {ARROWS[better]}" if better else ""


def sentences(*texts: str) -> list[str]:
    """Notes as sentences: with a capital at their start and a stop at their end."""
    found = [plain(text) for text in texts if text]
    ends = [text if text.endswith((".", "!", "?")) else f"{text}." for text in found]
    return [*dict.fromkeys(text[:1].upper() + text[1:] for text in ends)]


def extent(values: Iterable[float], margin: float = 0.05) -> dict[str, list[float]]:
    """The range of an axis that shows all finite values, by its type: in Plotly's terms."""
    found = np.fromiter(values, dtype=float)
    found = found[np.isfinite(found)]
    if not len(found):
        return {}
    ranges = {"linear": _widened(float(found.min()), float(found.max()), margin)}
    if found.min() > 0:
        ends = np.log10(found)
        ranges["log"] = _widened(float(ends.min()), float(ends.max()), margin)
    return ranges


def finite(values: Sequence[float] | np.ndarray) -> list[float | None]:
    """The values with a gap for each that cannot be drawn."""
    return [float(value) if math.isfinite(value) else None for value in values]


def given(value: float) -> float | None:
    """A number for a table: None in place of NaN."""
    return None if math.isnan(value) else float(value)


def _in_lines(title: str, longest: int = 40) -> str:
    """A title in as many lines as it needs beside a figure."""
    return "<br>".join(label(line) for line in textwrap.wrap(plain(title), longest))


def _widened(low: float, high: float, margin: float) -> list[float]:
    more = (high - low) * margin or abs(high) * margin or margin
    return [low - more, high + more]
