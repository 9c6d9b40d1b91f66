"""Quality against speed: which cells no other beats in both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.components.column import Better, Column
from ganbench.errors import UsageError
from ganbench.report.charts import bands
from ganbench.report.charts.curves import UNEQUAL, critics_of, shares_device
from ganbench.report.charts.facets import Facet, Member, facets
from ganbench.report.charts.measures import SHARED_SPEED, THROUGHPUT, TIMES, measured
from ganbench.report.charts.names import check_metric, direction
from ganbench.results.formatting import plain
from ganbench.results.primary import the_primary

if TYPE_CHECKING:
    import pandas as pd

_SHARED = "trials shared their device"


@dataclass(frozen=True)
class ParetoPoint:
    """A cell: medians over seeds, and intervals of them.

    :ivar speed_low: NaN where there is no finite interval.
    :ivar quality_low: NaN where there is none; an end may be infinite.
    :ivar on_front: no other cell is as good in both and better in one.
    :ivar n: trials behind the quality, ``n_speed`` behind the speed.
    :ivar trials: all that count; ``failed`` of them did not end well.
    """

    label: str
    key: Mapping[str, str]
    color: int
    dash: int
    speed: float
    quality: float
    speed_low: float
    speed_high: float
    quality_low: float
    quality_high: float
    on_front: bool
    n: int
    trials: int
    failed: int
    n_speed: int
    color_label: str = ""
    dash_label: str = ""


@dataclass(frozen=True)
class ParetoChart:
    """The cells of one data set, extractor and protocol.

    :ivar shared: no trial had its device to itself, so that speeds mislead and are marked so.
    :ivar note: a sentence about what was left out or is to be minded; empty if nothing is.
    :ivar left_out: labels of cells without a finite quality or without a speed, with the reason.
    """

    dataset: str
    extractor: str
    title: str
    speed: str
    quality: str
    x_label: str
    y_label: str
    x_better: Better | None
    y_better: Better | None
    log: bool
    points: list[ParetoPoint]
    left_out: list[str]
    shared: bool
    note: str
    caption: str
    color_by: str | None = None
    dash_by: str | None = None
    common: str = ""


def pareto(
    results: pd.DataFrame, quality: str | None = None, speed: str = "images_per_second"
) -> list[ParetoChart]:
    """A chart for each data set, extractor and protocol that has a cell with both.

    Throughput counts only of trials that had their device to themselves. Where no trial of a chart
    had, steps per second stand in for it, and the chart is marked as ``shared``.

    :param quality: a column; the primary metric by default.
    :param speed: a column that says what a cell costs, such as ``train_seconds``; better to the
        direction that `ParetoChart.x_better` names.
    :raises UsageError: for a metric that does not exist or has no better direction.
    """
    quality = the_primary([results], quality)
    good, fast = (
        SHARED_SPEED if metric == SHARED_SPEED.name else check_metric(results, metric)
        for metric in (quality, speed)
    )
    for column in (good, fast):
        if not direction(column):
            raise UsageError(
                f"neither direction of {column.name!r} is better, so it has no Pareto front"
            )
    charts = [_chart(facet, good, fast) for facet in facets(results)]
    return [chart for chart in charts if chart.points]


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


def _chart(facet: Facet, quality: Column, speed: Column) -> ParetoChart:
    cells = [member.cell for member in facet.members]
    ran_alone = any(bool((cell.ok & (cell.alone == 1)).any()) for cell in cells)
    shared = speed.name in THROUGHPUT and not ran_alone
    speed = SHARED_SPEED if shared else speed
    points, left_out = _points(facet.members, quality, speed)
    values = np.array([point.quality for point in points])
    x_label, note = facet.titled(speed), _note(facet.members, speed.name, shared)
    return ParetoChart(
        dataset=facet.dataset,
        extractor=facet.extractor,
        title=facet.title,
        speed=speed.name,
        quality=quality.name,
        x_label=f"{x_label} (shared device)" if note.startswith(_SHARED) else x_label,
        y_label=facet.titled(quality),
        x_better=direction(speed),
        y_better=direction(quality),
        log=bands.suits_log(quality, values),
        points=points,
        left_out=left_out,
        shared=shared,
        note=note,
        caption=bands.describe([point.n for point in points], "interval", "whiskers"),
        color_by=facet.color_by,
        dash_by=facet.dash_by,
        common=facet.common,
    )


def _points(
    members: Sequence[Member], quality: Column, speed: Column
) -> tuple[list[ParetoPoint], list[str]]:
    """The cells that have both a quality and a speed, and the labels of the others."""
    x, y = ([measured(member.cell, metric) for member in members] for metric in (speed, quality))
    middles = bands.medians(x), bands.medians(y)
    on_front = front(*middles, direction(speed), direction(quality))
    x_low, x_high = bands.bands(x, speed, "interval")
    y_low, y_high = bands.ends(y, quality, "interval")
    points, left_out = [], []
    for place, member in enumerate(members):
        if not (math.isfinite(middles[0][place]) and math.isfinite(middles[1][place])):
            left_out.append(f"{member.label} ({_why(member, x[place], y[place])})")
            continue
        points.append(
            ParetoPoint(
                label=member.label,
                key=member.key,
                color=member.style.color,
                dash=member.style.dash,
                speed=float(middles[0][place]),
                quality=float(middles[1][place]),
                speed_low=float(x_low[place]),
                speed_high=float(x_high[place]),
                quality_low=float(y_low[place]),
                quality_high=float(y_high[place]),
                on_front=bool(on_front[place]),
                n=len(y[place]),
                trials=member.cell.n,
                failed=member.cell.failed,
                n_speed=len(x[place]),
                color_label=member.style.color_label,
                dash_label=member.style.dash_label,
            )
        )
    return points, left_out


def _why(member: Member, speeds: np.ndarray, qualities: np.ndarray) -> str:
    cell = member.cell
    if cell.reason is not None:
        return "skipped"
    if len(qualities) and not np.isfinite(bands.medians([qualities])[0]):
        return f"{cell.failed}/{cell.n} failed"
    if len(qualities) and not len(speeds):
        return "no trial alone on its device"
    return "not measured"


def _note(members: Sequence[Member], speed: str, shared: bool) -> str:
    """What is to be minded about the speeds: shared devices, different ones, critic steps."""
    if speed not in TIMES:
        return ""
    return "; ".join(filter(None, [_devices(members, speed, shared), _critics(members, speed)]))


def _critics(members: Sequence[Member], speed: str) -> str:
    """Images per second favour cells with many discriminator updates in a step, and steps few."""
    critics = critics_of(members)
    if not critics or speed not in (*THROUGHPUT, SHARED_SPEED.name):
        return ""
    images = speed == "images_per_second"
    what = "real images" if images else "generator updates"
    other = SHARED_SPEED.name if images else "images_per_second"
    return f"{UNEQUAL} {critics}, and this axis counts {what}: see {other} too"


def _devices(members: Sequence[Member], speed: str, shared: bool) -> str:
    if shared or (speed not in THROUGHPUT and any(shares_device(m) for m in members)):
        return f"{_SHARED}, so that speeds depend on what ran beside them"
    devices = {
        plain(device) for member in members for device in member.cell.texts("device") if device
    }
    return (
        f"measured on different devices: {', '.join(sorted(devices))}" if len(devices) > 1 else ""
    )
