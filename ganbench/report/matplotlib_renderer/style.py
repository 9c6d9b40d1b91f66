"""The look of figures, whatever a person's own matplotlib settings are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

INK, SOFT, RULE = "#1b1c1f", "#575a62", "#dfe1e6"
#: Points.
SMALL, NORMAL = 7.0, 8.0

_STYLE = Path(__file__).with_name("figure.mplstyle")


@dataclass(frozen=True)
class FigureStyle:
    """The choices of a person about a figure.

    :ivar width: in inches, likewise ``height``; None lets the figure choose.
    :ivar log: whether the axis of the metric is logarithmic; None lets the metric choose.
    :ivar caption: whether the figure shows its caption.
    """

    width: float | None = None
    height: float | None = None
    dpi: int = 300
    log: bool | None = None
    caption: bool = True


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib draws in ganbench's style within this context."""
    import matplotlib as mpl
    from matplotlib import style

    with mpl.rc_context():
        mpl.rcdefaults()
        style.use(_STYLE)
        yield
