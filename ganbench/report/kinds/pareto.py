"""Quality against speed, with a front of the cells that no other cell beats in both."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from ganbench.components.column import Better, Column
from ganbench.report.data import bands
from ganbench.report.data.cautions import about_speed, beside_others
from ganbench.report.data.facets import Facet, Member, facets
from ganbench.report.data.metrics import (
    SHARED_SPEED,
    THROUGHPUT,
    check_metric,
    direction,
    measured,
    sign,
)
from ganbench.report.marks import MOST_WHISKERS, Line, Mark, Note, Panel, Point
from ganbench.store.primary import the_primary


def pareto(
    results: pd.DataFrame,
    quality: str | None = None,
    speed: str = "images_per_second",
    stand_in: bool = True,
) -> list[Panel]:
    """A panel for each data set, extractor and protocol that has a cell with both.

    Throughput counts only of trials that had their device to themselves. Where no trial of a panel
    had, steps per second stand in for it, and the axis says that the device was shared.

    :param quality: a column; the primary metric by default.
    :param speed: a column that says what a cell costs, such as ``train_seconds``.
    :param stand_in: whether to draw panels in which steps per second stand in.
    :raises UsageError: for a metric that does not exist or has no better direction.
    """
    good = check_metric(results, the_primary([results], quality))
    fast = check_metric(results, speed)
    for column in (good, fast):
        sign(column, "a Pareto front")
    panels = []
    for facet in facets(results):
        cells = [member.cell for member in facet.members]
        alone = any(bool((cell.ok & (cell.alone == 1)).any()) for cell in cells)
        shared = speed in THROUGHPUT and not alone
        if stand_in or not shared:
            panels.append(_panel(facet, good, SHARED_SPEED if shared else fast, shared))
    return [panel for panel in panels if panel.points]


def front(
    speed: np.ndarray,
    quality: np.ndarray,
    x_better: Better | None = "higher",
    y_better: Better | None = "lower",
) -> np.ndarray:
    """Which points no other dominates: is as good in both and better in one. Equal points tie.

    A point with a value that is not finite is never on the front, and dominates none.
    """
    known = np.isfinite(speed) & np.isfinite(quality)
    x = np.where(known, -speed if x_better == "higher" else speed, math.inf)
    y = np.where(known, -quality if y_better == "higher" else quality, math.inf)
    no_worse = (x[:, None] <= x) & (y[:, None] <= y)
    better = (x[:, None] < x) | (y[:, None] < y)
    found: np.ndarray = known & ~(no_worse & better).any(axis=0)
    return found


def _panel(facet: Facet, quality: Column, speed: Column, shared: bool) -> Panel:
    points, left_out = _points(facet, quality, speed)
    beside = " (shared device)" * beside_others(facet.members, speed.name, shared)
    x = facet.axis(
        speed,
        np.array([point.x for point in points]),
        kind="cost",
        title=f"{facet.titled(speed)}{beside}",
        ends=np.ravel([point.x_ends for point in points]),
        margin=0.07,
    )
    ends = np.ravel([point.y_ends for point in points])
    y = facet.axis(quality, np.array([point.y for point in points]), ends=ends, margin=0.07)
    counts = [point.n for point in points]
    whiskers = [Note(bands.describe(counts, "interval", "whiskers"))]
    if len(points) > MOST_WHISKERS:
        some = bands.describe(counts, "interval", "whiskers, of the front only")
        whiskers = [whiskers[0]._replace(only="page"), Note(some, "file")]
    best = [point.label for point in points if point.filled]
    return facet.panel(
        quality,
        description=f"{y.title} against {x.title} on {facet.title}. "
        f"On the front: {', '.join(best)}.",
        x=x,
        y=y,
        marks=[*_front(points, direction(speed)), *points],
        notes=[
            *whiskers,
            Note("filled and joined: on the Pareto front"),
            *map(Note, about_speed(facet.members, speed.name, shared)),
        ],
        left_out=left_out,
        **facet.legend,
        size=(4.6, 2.9, 2.4),
        records={(point.label,): _record(point, quality.name, speed.name) for point in points},
    )


def _points(facet: Facet, quality: Column, speed: Column) -> tuple[list[Point], list[str]]:
    """The cells that have both a quality and a speed, and the labels of the others."""
    members = facet.members
    speeds, values = ([measured(m.cell, column) for m in members] for column in (speed, quality))
    x, y = bands.medians(speeds), bands.medians(values)
    on_front = front(x, y, direction(speed), direction(quality))
    x_ends = np.stack(bands.bands(speeds, speed, "interval"), axis=1).tolist()
    y_ends = np.stack(bands.ends(values, quality, "interval"), axis=1).tolist()
    points, left_out = [], []
    for at, member in enumerate(members):
        if not (math.isfinite(x[at]) and math.isfinite(y[at])):
            left_out.append(f"{member.label} ({_why(member, speeds[at], values[at])})")
            continue
        cell, best = member.cell, bool(on_front[at])
        points.append(
            Point(
                label=member.label,
                style=member.style,
                x=float(x[at]),
                y=float(y[at]),
                x_ends=tuple(x_ends[at]),
                y_ends=tuple(y_ends[at]),
                filled=best,
                n=len(values[at]),
                trials=cell.n,
                failed=cell.failed,
                note="on the front" if best else "",
                hover=[
                    (
                        member.label,
                        f"{quality.name} {y[at]:.4g}{_span(*y_ends[at])}",
                        f"{speed.name} {x[at]:,.4g}{_span(*x_ends[at])}",
                        f"{cell.n - cell.failed} of {cell.n} trials ended ok",
                        "on the front: nothing is both better and faster" if best else "",
                    )
                ],
            )
        )
    return points, left_out


def _front(points: list[Point], better: Better | None) -> list[Mark]:
    """The front: steps in a file, and a line from point to point on the page."""
    best = sorted((point for point in points if point.filled), key=lambda point: point.x)
    x, y = (np.array([getattr(point, name) for point in best]) for name in ("x", "y"))
    line = Line(label="Pareto front", weight="guide", x=x, y=y, only="page")
    step = "before" if better == "higher" else "after"
    return [line, replace(line, step=step, only="file")]  # type: ignore[arg-type]


def _span(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f" ({low:.4g} to {high:.4g})"


def _why(member: Member, speeds: np.ndarray, qualities: np.ndarray) -> str:
    cell = member.cell
    if cell.reason is not None:
        return "skipped"
    if len(qualities) and not np.isfinite(bands.medians([qualities])[0]):
        return f"{cell.failed}/{cell.n} failed"
    if len(qualities) and not len(speeds):
        return "no trial alone on its device"
    return "not measured"


def _record(point: Point, quality: str, speed: str) -> dict[str, object]:
    found: dict[str, object] = {"cell": point.label}
    for name, value, ends in ((quality, point.y, point.y_ends), (speed, point.x, point.x_ends)):
        found |= {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return found | {"n": point.trials, "failed": point.failed, "on_front": point.filled}
