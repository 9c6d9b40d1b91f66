"""A page for panels: legends and a caption beneath them, each in a room of its own.

What stands below is measured first; the panels share what is left, so nothing can cover data.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ganbench
from ganbench.errors import UsageError
from ganbench.report.files.style import SMALL, SOFT, Look
from ganbench.report.files.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg")

_GAP = 0.06  # inches
_LEAST_PANEL = 0.9
_HANDLE = 0.6  # of a legend's entry
_LONGEST = 3.6


@dataclass(frozen=True)
class Legend:
    """Entries with matplotlib's handles.

    :ivar title: what they stand for, such as ``loss``; may be empty.
    """

    title: str
    handles: Sequence[Any]
    labels: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """Where panels stand: rows and columns, the figure's width and a row's height in inches.

    The height holds where the figure's is left open.
    """

    rows: int
    columns: int
    width: float
    height: float

    @classmethod
    def of(
        cls, count: int, look: Look, single: tuple[float, float], several: tuple[float, float]
    ) -> Grid:
        """A grid for so many panels; of width and height for a single one, and for several."""
        columns = count if count < 3 else 2 if count == 4 else 3
        width, height = single if count == 1 else several
        return cls(math.ceil(count / columns), columns, look.width or width, height)

    @property
    def panel(self) -> float:
        """Inches of a panel that text above and beneath it may take."""
        return self.width / self.columns - (0.7 if self.columns == 1 else 0.55)


@dataclass
class Sheet:
    """A figure to be: panels in a grid, and what is said about them.

    :ivar draw: fills the panels, as many axes as there are places in the grid.
    :ivar notes: sentences for the caption.
    """

    grid: Grid
    draw: Callable[[Sequence[Axes]], None]
    legends: Sequence[Legend] = ()
    notes: Sequence[str] = ()

    def caption(self) -> str:
        """The notes as one text."""
        return " ".join(_sentence(note) for note in self.notes if note)

    def figure(self, look: Look) -> Figure:
        """The drawn figure; within `style.drawing`.

        :raises UsageError: if the height leaves no room for the panels.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        grid, width = self.grid, self.grid.width
        figure = Figure(figsize=(width, 4), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        below = _below(figure, canvas.get_renderer(), self, look)
        least = grid.rows * min(_LEAST_PANEL, grid.height) + below.height
        height = look.height or grid.rows * grid.height + below.height
        if height < least - 1e-6:
            raise UsageError(
                f"--height {height:g} leaves no room for the figure; "
                f"{math.ceil(least * 10) / 10:g} inches would do"
            )
        figure.set_size_inches(width, height)
        below.place(width, height)
        engine = figure.get_layout_engine()
        assert engine is not None
        share = below.height / height
        engine.set(rect=(0, share, 1, 1 - share), w_pad=0.04, h_pad=0.04)  # type: ignore[call-arg]
        axes = figure.subplots(grid.rows, grid.columns, squeeze=False)
        self.draw(list(axes.flat))
        return figure


@dataclass
class _Below:
    """What stands under the panels, from the bottom up, in inches: each row's artists and height."""

    rows: list[tuple[list[tuple[Any, float]], float]] = field(default_factory=list)

    @property
    def height(self) -> float:
        return sum(height + _GAP for _, height in self.rows)

    def place(self, width: float, height: float) -> None:
        """Give every part its place in a figure of this size."""
        y = _GAP / 2
        for artists, tall in self.rows:
            for artist, x in artists:
                if hasattr(artist, "set_bbox_to_anchor"):
                    artist.set_bbox_to_anchor((x / width, y / height))
                else:
                    top = y + tall if artist.get_va() == "top" else y
                    artist.set_position((x / width, top / height))
            y += tall + _GAP


def encode(figure: Figure, suffix: str, dpi: int) -> bytes:
    """The file's content; the same figure gives the same bytes, without date or machine in them.

    :raises UsageError: if names and numbers leave no room for the panels.
    """
    nothing: dict[str, dict[str, Any]] = {
        ".png": {"Software": None},
        ".pdf": {"Creator": f"ganbench {ganbench.__version__}", "CreationDate": None},
        ".svg": {"Creator": f"ganbench {ganbench.__version__}", "Date": None},
    }
    sink = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "constrained_layout not applied", UserWarning)
            figure.savefig(sink, format=suffix[1:], dpi=dpi, metadata=nothing[suffix])
    except UserWarning:
        width, height = figure.get_size_inches()
        raise UsageError(
            f"a figure of {width:.1f} by {height:.1f} inches leaves no room for its panels"
        ) from None
    return sink.getvalue()


def _below(figure: Figure, renderer: Any, sheet: Sheet, look: Look) -> _Below:
    width = figure.get_figwidth() - 2.5 * _GAP
    below = _Below()
    caption = sheet.caption()
    if look.caption and caption:
        text = wrapped(caption, width, SMALL)
        artist = _text(figure, text, "bottom")
        below.rows.append(([(artist, _GAP)], _size(artist, renderer)[1]))
    titles = {id(legend): _text(figure, legend.title, "top") for legend in sheet.legends}
    longest = max((_size(title, renderer)[0] for title in titles.values()), default=0.0)
    indent = longest + 2 * _GAP if longest else 0.0
    for legend in reversed(sheet.legends):
        artist = _fitting(figure, renderer, legend, width - indent)
        row = [(titles[id(legend)], _GAP), (artist, _GAP + indent)]
        below.rows.append((row, _size(artist, renderer)[1]))
    return below


def _text(figure: Figure, text: str, side: str) -> Any:
    artist = figure.text(0, 0, text, fontsize=SMALL, color=SOFT, va=side, linespacing=1.25)
    artist.set_in_layout(False)
    return artist


def _size(artist: Any, renderer: Any) -> tuple[float, float]:
    """Width and height in inches."""
    box = artist.get_window_extent(renderer)
    return box.width / artist.figure.dpi, box.height / artist.figure.dpi


def _fitting(figure: Figure, renderer: Any, legend: Legend, width: float) -> Any:
    """The legend with as many columns as the width has room for."""
    labels = [wrapped(label, min(width - _HANDLE, _LONGEST), SMALL) for label in legend.labels]
    for columns in range(len(labels), 0, -1):
        artist = figure.legend(
            legend.handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, 0),
            borderaxespad=0,
            ncols=columns,
        )
        artist.set_in_layout(False)
        if columns == 1 or _size(artist, renderer)[0] <= width:
            return artist
        artist.remove()
    return None


def _sentence(note: str) -> str:
    text = note.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "…")) else f"{text}."
