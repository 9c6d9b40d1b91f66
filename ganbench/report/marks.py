"""Marks on panels: a kind of figure computes them once, and each backend draws them.

Marks hold numbers and plain texts. A renderer decides on widths, opacities and the markup of texts,
and knows marks and axes only, not the kind of figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from ganbench.components.column import Better
from ganbench.store.columns import ARROWS

Medium = Literal["", "page", "file"]
#: ``metric`` is the value that a figure is about, ``cost`` what it costs; ``images`` and ``seconds``
#: begin at zero, ``share`` runs from 0 to 1, and ``names`` has a place for each name.
AxisKind = Literal["metric", "cost", "images", "seconds", "share", "names"]
State = Literal["ok", "partly failed", "failed", "skipped", "missing"]

#: Points of a panel that all have whiskers in a file; of more, only the filled ones have.
MOST_WHISKERS = 12


class Note(NamedTuple):
    """A sentence of the caption; ``only`` names the medium that shows it, empty for both."""

    text: str
    only: Medium = ""


class Style(NamedTuple):
    """A position among the colors and one among the dashes.

    :ivar color_label: what the color stands for, if it stands for one thing; likewise ``dash_label``.
    """

    color: int = 0
    dash: int = 0
    color_label: str = ""
    dash_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What all marks share.

    :ivar label: the name of the cell or component that the mark stands for.
    :ivar hover: for each point the lines of the box that opens above it on the page.
    :ivar note: what the legend of the page adds to the label.
    :ivar n: the number of trials behind the mark; ``failed`` of them did not end well.
    """

    label: str = ""
    style: Style = Style()
    hover: Sequence[Sequence[str]] = ()
    only: Medium = ""
    note: str = ""
    n: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Line(Mark):
    """A line with an optional band; it breaks where a coordinate is not finite.

    :ivar weight: ``main`` lines have a legend entry; ``thin`` is a single seed, ``guide`` a dashed
        gray line and ``bar`` a solid gray one.
    :ivar low: the lower end of the band, NaN where there is none; likewise ``high``.
    :ivar step: ``after`` keeps a value until the next x, ``before`` takes the next value at once.
    :ivar start: the edge of the panel where the line begins at zero; it then runs to the other edge
        with its last value. Empty for a line from its first to its last point.
    """

    x: np.ndarray
    y: np.ndarray
    weight: Literal["main", "thin", "guide", "bar"] = "main"
    low: np.ndarray = field(default_factory=lambda: np.empty(0))
    high: np.ndarray = field(default_factory=lambda: np.empty(0))
    step: Literal["", "after", "before"] = ""
    start: Literal["", "left", "right"] = ""

    @property
    def banded(self) -> np.ndarray:
        """Where both ends of the band are finite."""
        found: np.ndarray = np.isfinite(self.low) & np.isfinite(self.high)
        return found

    def between(self, left: float, right: float) -> Line:
        """The line with the points that ``start`` adds, for a panel with these edges."""
        if not self.start:
            return self
        first, last = (left, right) if self.start == "left" else (right, left)

        def longer(values: np.ndarray, before: float) -> np.ndarray:
            return np.array([before, *values, *(values[-1:] if len(values) else [before])])

        return replace(
            self,
            x=np.array([first, *self.x, last]),
            y=longer(self.y, 0.0),
            low=longer(self.low, math.nan),
            high=longer(self.high, math.nan),
        )


@dataclass(frozen=True, kw_only=True)
class Point(Mark):
    """One point with whiskers: intervals, NaN where there is none; an end may be infinite.

    :ivar trials: the number of all trials that count.
    """

    x: float
    y: float
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    filled: bool = True
    trials: int = 0


@dataclass(frozen=True, kw_only=True)
class Dots(Mark):
    """Small markers.

    :ivar looks: for each dot the name of its color and of its marker on the page; a dot without a
        look is a cross in the color of the series.
    """

    x: np.ndarray
    y: np.ndarray
    looks: Sequence[tuple[str, str]] = ()


class FieldCell(NamedTuple):
    """One cell of a field.

    :ivar value: infinite where most trials failed, NaN where there is none.
    :ivar text: the value as text, and in a second line how many trials failed.
    :ivar state: ``missing`` if no trial has ended, or none was measured.
    :ivar reason: why trials failed or were skipped.
    :ivar low: interval of the value, NaN where there is none; an end may be infinite.
    """

    value: float
    n: int
    failed: int
    text: str
    state: State
    reason: str | None
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Field(Mark):
    """A matrix of cells, ``cells[row][column]``, None where the grid has no such cell.

    ``hover`` has the texts of the cells row by row.

    :ivar title: what the colors stand for; the best is darkest.
    :ivar log: whether colors suit the logarithm of the values.
    """

    cells: Sequence[Sequence[FieldCell | None]]
    title: str
    metric: str
    better: Better | None
    log: bool

    @property
    def known(self) -> list[FieldCell]:
        """The cells that the grid has, row by row."""
        return [cell for line in self.cells for cell in line if cell is not None]


@dataclass(frozen=True, kw_only=True)
class Picture(Mark):
    """Pixels (height, width, 1 or 3), uint8; ``note`` is a text under the label."""

    pixels: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Frames(Mark):
    """Samples of the same latents over time; ``note`` is a text under the label.

    :ivar tiles: (ticks, latents, height, width, 1 or 3) uint8.
    :ivar ticks: their numbers; ``images`` shown by then, None where that is not known.
    """

    tiles: np.ndarray
    ticks: Sequence[int]
    images: Sequence[int | None]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis of a panel.

    :ivar better: which values are, shown as an arrow behind the title.
    :ivar values: what the axis has to hold; axes of images and seconds hold what is drawn, too.
    :ivar ends: ends of whiskers and bands, held as `within_reach` says.
    :ivar log: whether a logarithmic scale suits the values.
    :ivar metric: the name of the metric on the axis, for messages.
    :ivar names: the places of an axis of names, from the left or the top.
    """

    title: str = ""
    kind: AxisKind = "metric"
    better: Better | None = None
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    ends: np.ndarray = field(default_factory=lambda: np.empty(0))
    log: bool = False
    metric: str = ""
    margin: float = 0.05
    names: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Marks on two axes: numbers that compare with each other.

    :ivar title: the data set, and the extractor or protocol where the data set has several.
    :ivar view: what the button of the page says where a figure has several panels.
    :ivar description: what the panel shows, for those who cannot see it.
    :ivar left_out: labels of cells that the panel lacks, with the reason; ``missing`` introduces them.
    :ivar common: components that all cells share; empty if none.
    :ivar color_by: what colors stand for, if for one thing; ``dash_by`` likewise.
    :ivar most_bands: with more lines the bands would hide each other: the page shows them on demand.
        ``most_bands_in_file`` is the limit for a file.
    :ivar size: inches in a file: width and height of a single panel, and height of one of several.
    :ivar height: pixels on the page.
    :ivar records: the numbers by a key, for the table of the page: panels of a figure share records.
    """

    title: str
    metric: str = ""
    view: str = ""
    description: str = ""
    x: Axis = Axis()
    y: Axis = Axis()
    marks: Sequence[Mark] = ()
    notes: Sequence[Note] = ()
    left_out: Sequence[str] = ()
    missing: str = "not drawn"
    common: str = ""
    color_by: str | None = None
    dash_by: str | None = None
    most_bands: int = 8
    most_bands_in_file: int | None = None
    size: tuple[float, float, float] = (4.6, 2.5, 2.2)
    height: int = 420
    records: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)

    @property
    def lines(self) -> list[Line]:
        """The lines that have a legend entry."""
        return [mark for mark in self.marks if isinstance(mark, Line) and mark.weight == "main"]

    @property
    def points(self) -> list[Point]:
        return [mark for mark in self.marks if isinstance(mark, Point)]

    @property
    def fields(self) -> list[Field]:
        return [mark for mark in self.marks if isinstance(mark, Field)]

    @property
    def series(self) -> list[Line | Point]:
        """The marks that have a legend entry."""
        return [*self.lines, *self.points]

    def drawn(self, medium: Medium) -> list[Mark]:
        """The marks that a medium shows."""
        return [mark for mark in self.marks if mark.only in ("", medium)]

    def told(self, medium: Medium) -> list[str]:
        """The sentences of the caption."""
        return [
            *(note.text for note in self.notes if note.text and note.only in ("", medium)),
            *([f"all with {self.common}"] if self.common else []),
            *([f"{self.missing}: {'; '.join(self.left_out)}"] if self.left_out else []),
        ]


def heading(of: Axis | Field) -> str:
    """The title of an axis or a field, with an arrow for the better direction."""
    return f"{of.title} {ARROWS.get(of.better or '', '')}".rstrip()


def captions(panels: Sequence[Panel], names: Sequence[str], medium: Medium) -> list[str]:
    """The sentences about all panels, then those about each one behind its name."""
    told = [panel.told(medium) for panel in panels]
    shared = [text for text in told[0] if all(text in texts for texts in told)]
    found = [text[:1].upper() + text[1:] for text in shared]
    for name, texts in zip(names, told, strict=True):
        own = [text for text in texts if text not in shared]
        found += [f"{name}: {'; '.join(own)}"] if own else []
    return [text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in found]


def within_reach(values: np.ndarray, ends: np.ndarray, log: bool) -> np.ndarray:
    """The finite ends of intervals, those far out moved nearer.

    An axis holds them as far as they reach beyond the values by no more than the values' own range.
    """
    place, back = (np.log, np.exp) if log else (np.asarray, np.asarray)
    known = place(values[np.isfinite(values)])
    finite = ends[np.isfinite(ends)]
    room = known.max() - known.min()
    finite = finite[finite > 0] if log else finite
    placed = place(finite)
    near = np.clip(placed, known.min() - room, known.max() + room)
    found: np.ndarray = np.where(near == placed, finite, back(near))
    return found


def limits(values: Iterable[float], log: bool, margin: float = 0.05) -> tuple[float, float]:
    """Ends a little beyond the finite values, by a share of their range; (0, 1) of none."""
    known = np.fromiter(values, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        return 0.0, 1.0
    known = np.log10(known) if log else known
    low, high = float(known.min()), float(known.max())
    more = (high - low) * margin or abs(high) * margin or margin
    low, high = low - more, high + more
    return (10 ** max(low, -300.0), 10 ** min(high, 300.0)) if log else (low, high)
