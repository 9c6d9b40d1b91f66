"""The layout of a figure: panels in a grid, with legends and a caption below them.

Legends and caption are measured first, and the panels share the rest, so that nothing covers data.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ganbench import __version__
from ganbench.base.errors import UsageError
from ganbench.report.marks import Panel, captions
from ganbench.report.matplotlib_renderer.style import SMALL, SOFT, FigureStyle
from ganbench.report.matplotlib_renderer.text import Names, wrapped

_GAP = 0.06  # inches
WIDTH = 6.75  # of a figure with several panels
_LEAST_PANEL = 0.9
_HANDLE = 0.6  # of a legend's entry
_LONGEST = 3.6


class Legend(NamedTuple):
    """Entries with matplotlib's handles; ``title`` says what they stand for, and may be empty."""

    title: str
    handles: Sequence[Any]
    labels: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """The places of panels: rows and columns, the figure's width and a row's height in inches.

    The height holds if nobody chose the figure's.
    """

    rows: int
    columns: int
    width: float
    height: float

    @classmethod
    def of(cls, count: int, style: FigureStyle, size: tuple[float, float, float]) -> Grid:
        """A grid for so many panels.

        :param size: width and height of a single panel, and the height of one of several.
        """
        columns = count if count < 3 else 2 if count == 4 else 3
        width, height = size[:2] if count == 1 else (WIDTH, size[2])
        return cls(math.ceil(count / columns), columns, style.width or width, height)

    @property
    def panel(self) -> float:
        """Inches of a panel's width that its title may take."""
        return self.width / self.columns - (0.7 if self.columns == 1 else 0.55)


class FigureLayout(NamedTuple):
    """A figure before it is drawn: panels in a grid, with legends and a caption below.

    :ivar draw: fills the panels, as many axes as there are places in the grid.
    """

    panels: Sequence[Panel]
    names: Names
    grid: Grid
    draw: Callable[[Sequence[Axes]], None]
    legends: Sequence[Legend] = ()

    def caption(self) -> str:
        """The sentences about the panels, then the names that are cut elsewhere."""
        titles = [panel.title for panel in self.panels]
        return " ".join([*captions(self.panels, titles, "file"), *self.names.notes()])

    def figure(self, style: FigureStyle) -> Figure:
        """Draw the figure; call it within `style.drawing`.

        :raises UsageError: if the height leaves no room for the panels.
        """
        grid, width = self.grid, self.grid.width
        figure = Figure(figsize=(width, 4))
        FigureCanvasAgg(figure)
        below = _draw_below(figure, self, style)
        least = grid.rows * min(_LEAST_PANEL, grid.height) + below
        height = style.height or grid.rows * grid.height + below
        if height < least - 1e-6:
            raise UsageError(
                f"--height {height:g} leaves no room for the figure; "
                f"{math.ceil(least * 10) / 10:g} inches would do"
            )
        figure.set_size_inches(width, height)
        rect = 0, below / height, 1, 1 - below / height
        figure.set_layout_engine("constrained", rect=rect, w_pad=0.04, h_pad=0.04)
        axes = figure.subplots(grid.rows, grid.columns, squeeze=False)
        self.draw(list(axes.flat))
        return figure


def encode(figure: Figure, suffix: str, dpi: int) -> bytes:
    """The file's content; the same figure gives the same bytes, without date or machine in them.

    :raises UsageError: if names and numbers leave no room for the panels.
    """
    nothing: dict[str, dict[str, Any]] = {
        ".png": {"Software": None},
        ".pdf": {"Creator": f"ganbench {__version__}", "CreationDate": None},
        ".svg": {"Creator": f"ganbench {__version__}", "Date": None},
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


def _draw_below(figure: Figure, layout: FigureLayout, style: FigureStyle) -> float:
    """Draw caption and legends from the bottom up, and return their height in inches."""
    width, y = figure.get_figwidth() - 2.5 * _GAP, _GAP / 2
    caption = layout.caption()
    if style.caption and caption:
        artist = _text(figure, wrapped(caption, width, SMALL), "bottom")
        artist.set_position((_GAP, y))
        y += _size(artist)[1] + _GAP
    titles = [_text(figure, legend.title, "top") for legend in layout.legends]
    longest = max((_size(title)[0] for title in titles), default=0.0)
    indent = longest + 2 * _GAP if longest else 0.0
    for legend, title in reversed([*zip(layout.legends, titles, strict=True)]):
        artist = _fitting(figure, legend, width - indent, (_GAP + indent, y))
        tall = _size(artist)[1]
        title.set_position((_GAP, y + tall))
        y += tall + _GAP
    return y - _GAP / 2


def _text(figure: Figure, text: str, side: str) -> Any:
    """A text whose position is in inches."""
    look: dict[str, Any] = {"fontsize": SMALL, "color": SOFT, "linespacing": 1.25}
    artist = figure.text(0, 0, text, va=side, transform=figure.dpi_scale_trans, **look)
    artist.set_in_layout(False)
    return artist


def _size(artist: Any) -> tuple[float, float]:
    """Width and height in inches."""
    box = artist.get_window_extent()
    return box.width / artist.figure.dpi, box.height / artist.figure.dpi


def _fitting(figure: Figure, legend: Legend, width: float, corner: tuple[float, float]) -> Any:
    """The legend with as many columns as the width has room for; lengths are inches."""
    labels = [wrapped(label, min(width - _HANDLE, _LONGEST), SMALL) for label in legend.labels]
    for columns in range(len(labels), 0, -1):
        artist = figure.legend(
            legend.handles,
            labels,
            loc="lower left",
            bbox_to_anchor=corner,
            bbox_transform=figure.dpi_scale_trans,
            borderaxespad=0,
            ncols=columns,
        )
        artist.set_in_layout(False)
        if columns == 1 or _size(artist)[0] <= width:
            return artist
        artist.remove()
    return None
