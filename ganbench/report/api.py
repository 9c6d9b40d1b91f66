"""``gb.plot`` and ``gb.report``: figures and the report of a run in Python."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ganbench.base.errors import UsageError
from ganbench.base.files import write_atomically
from ganbench.report.data.bands import Band
from ganbench.report.html import render_report
from ganbench.report.matplotlib_renderer.style import FigureStyle
from ganbench.report.plot_request import KINDS, PlotRequest, draw

_MIME = {".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf"}


@dataclass(frozen=True)
class Figure:
    """A figure of a run, which notebooks show.

    :ivar content: of the file.
    :ivar suffix: ``.png``, ``.svg`` or ``.pdf``.
    :ivar caption: how to read it.
    :ivar problems: a sentence for each file of the run that was left out.
    """

    content: bytes
    suffix: str
    caption: str
    problems: list[str]

    def __repr__(self) -> str:
        return f"<figure, {len(self.content):,} bytes of {self.suffix[1:]}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        as_text = self.content.decode if self.suffix == ".svg" else self._base64
        return {_MIME[self.suffix]: as_text()}

    def _base64(self) -> str:
        return base64.b64encode(self.content).decode()


def plot(
    run: str | os.PathLike[str],
    kind: str = "curves",
    out: str | os.PathLike[str] | None = None,
    *,
    metric: str | None = None,
    dataset: str | None = None,
    over: Literal["images", "seconds"] = "images",
    band: Band = "interval",
    by: str | None = None,
    target: float | None = None,
    speed: str = "images_per_second",
    trials: Sequence[str] = (),
    ticks: Sequence[int] | None = None,
    width: float | None = None,
    height: float | None = None,
    dpi: int | None = None,
    log: bool | None = None,
    caption: bool = True,
) -> Figure:
    """Draw a figure of a run, as ``ganbench plot`` does; a notebook shows what it returns.

    :param run: the run folder.
    :param kind: ``curves``, ``heatmap``, ``pareto``, ``profile`` or ``samples``.
    :param out: a ``.png``, ``.pdf`` or ``.svg`` file to write; by default the figure is only returned,
        as a PNG.
    :param metric: a column; the primary metric by default.
    :param dataset: show this data set only.
    :param over: ``images`` or ``seconds``, the x axis of curves and of a profile with a target.
    :param band: around curves: ``interval``, ``range`` or ``none``.
    :param by: the axis that a profile compares; ``loss`` by default.
    :param target: draw the profile of the time to reach this value.
    :param speed: the column on the x axis of ``pareto``.
    :param trials: selectors of the trials that ``samples`` shows; a typical one of each cell by default.
    :param ticks: show timelines at these ticks; all for an empty list.
    :param width: in inches, likewise ``height``; by default what suits the figure.
    :param dpi: 300 for a file, 110 without one.
    :param log: whether the metric's axis is logarithmic; by default what suits the metric.
    :param caption: whether the figure shows its caption.
    :raises UsageError: for wrong use, and if there is nothing to draw.
    """
    _check("kind", kind, KINDS)
    _check("over", over, ("images", "seconds"))
    _check("band", band, get_args(Band))
    suffix = ".png" if out is None else Path(out).suffix.lower()
    if suffix not in _MIME:
        raise UsageError(f"out={os.fspath(out or '')}: the name must end in {', '.join(_MIME)}")
    request = PlotRequest(
        kind=kind,
        metric=metric,
        dataset=dataset,
        over="train_seconds" if over == "seconds" else "images",
        band=band,
        by=by,
        target=target,
        speed=speed,
        trials=[trials] if isinstance(trials, str) else trials,
        ticks=ticks,
        style=FigureStyle(width, height, dpi or (300 if out else 110), log, caption),
    )
    found = draw(os.fspath(run), request, suffix)
    if out is not None:
        write_atomically(Path(out).absolute(), found.content)
    return Figure(found.content, suffix, found.caption, found.problems)


def _check(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(f"{name} must be {' or '.join(known)}, not {value!r}")


def report(run: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write the report of a run, as ``ganbench report`` does: one HTML file that works on its own.

    :param out: the file; ``report.html`` in the run folder by default.
    :returns: the file.
    :raises UsageError: without a run, or without plotly.
    """
    target = Path(run) / "report.html" if out is None else Path(out)
    content = render_report(run)
    write_atomically(target.absolute(), content)
    return target
