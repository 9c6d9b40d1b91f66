"""How figures look, whatever a person's own matplotlib settings are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ganbench.report.charts.palette import DASHES, LIGHT

INK, SOFT, RULE = "#1b1c1f", "#575a62", "#dfe1e6"
#: Points.
SMALL, NORMAL = 7.0, 8.0

_RC: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": NORMAL,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "text.hinting": "none",  # what fits at one resolution fits at all
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "ytick.minor.size": 0,
    "xtick.minor.size": 0,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.borderpad": 0.2,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.4,
    "legend.labelspacing": 0.35,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "hatch.linewidth": 0.4,
    "hatch.color": "#9a9da5",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "ganbench",
    "figure.dpi": 100,
    "savefig.dpi": "figure",
}


@dataclass(frozen=True)
class Look:
    """What a person may choose about a figure.

    :ivar width: inches; likewise ``height``. None lets the figure choose.
    :ivar log: whether the axis of the metric is logarithmic; None leaves it to the metric.
    :ivar caption: whether the figure says what its bands are.
    """

    width: float | None = None
    height: float | None = None
    dpi: int = 300
    log: bool | None = None
    caption: bool = True


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Within it matplotlib draws as ganbench does."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(_RC)
        yield


def color(number: int) -> str:
    """The colour of a series."""
    return LIGHT[number % len(LIGHT)]


def dash(number: int) -> Any:
    """The dashes of a series as matplotlib's line style."""
    pattern = DASHES[number % len(DASHES)]
    return (0, pattern) if pattern else "solid"
