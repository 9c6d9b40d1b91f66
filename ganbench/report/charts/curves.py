"""Learning curves: a metric over training, the median of the seeds and a band around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.components.column import Better, Column
from ganbench.report.charts import bands
from ganbench.report.charts.facets import Facet, Member, facets
from ganbench.report.charts.names import check_history_metric, direction
from ganbench.report.charts.seeds import Over, SeedCurve, by_trial, combine, seed_curves
from ganbench.results.primary import the_primary
from ganbench.results.training_counts import critic_steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "X_LABELS",
    "CurveChart",
    "CurveLine",
    "Over",
    "SeedCurve",
    "curves",
    "describe",
    "shares_device",
    "why_empty",
]

X_LABELS: dict[Over, str] = {
    "images": "real images shown to the discriminator",
    "train_seconds": "seconds of training",
}


@dataclass(frozen=True)
class CurveLine:
    """A cell's curve.

    :ivar label: what tells the cell from others in the chart.
    :ivar key: its components by axis, and settings that tell it from others.
    :ivar color: a position in the palette; with ``dash`` unique within a chart, as far as they go.
    :ivar color_label: what the colour stands for where it stands for one thing; likewise ``dash_label``.
    :ivar x: where the middle is known, the same in ``middle``, ``low`` and ``high``.
    :ivar middle: the median over seeds; infinite where most have failed.
    :ivar low: the band, NaN where it is not finite.
    :ivar n: trials that count, ``failed`` of them without a good end.
    """

    label: str
    key: Mapping[str, str]
    color: int
    dash: int
    seeds: list[SeedCurve]
    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: int
    failed: int
    color_label: str = ""
    dash_label: str = ""


@dataclass(frozen=True)
class CurveChart:
    """The curves that may be compared: of one data set, one extractor and one protocol.

    :ivar title: the data set, and the extractor or protocol where the data set has several.
    :ivar log: whether a logarithmic axis suits the values.
    :ivar better: which values are; None where neither direction is.
    :ivar caption: what the lines and bands are, as a sentence.
    :ivar color_by: axis that the colours stand for where they stand for one; ``dash_by`` likewise.
    :ivar common: components that all lines share; empty if none.
    :ivar left_out: labels of cells that have no curve, with the reason.
    :ivar note: what is to be minded about seconds, which ``caption`` says too; empty if nothing.
    """

    dataset: str
    extractor: str
    title: str
    over: Over
    metric: str
    x_label: str
    y_label: str
    log: bool
    better: Better | None
    lines: list[CurveLine]
    caption: str
    color_by: str | None = None
    dash_by: str | None = None
    common: str = ""
    left_out: Sequence[str] = ()
    band: bands.Band = "interval"
    note: str = ""


def curves(
    results: pd.DataFrame,
    history: pd.DataFrame,
    over: Over = "images",
    metric: str | None = None,
    band: bands.Band = "interval",
) -> list[CurveChart]:
    """A chart for each data set, extractor and protocol that has a curve of the metric.

    A trial that failed or diverged counts as the worst at every tick after its last, so a median may
    become infinite. Where the seeds were measured at different places (seconds), they are
    interpolated on a common grid that ends with the first trial to end well: nothing is extrapolated.
    The median of a metric without a better direction ends where a trial failed.

    :param metric: a column of the history; the primary metric by default.
    :param band: the 95 % interval of the median, least to greatest seed, or none.
    :raises UsageError: if there is no such metric.
    """
    column = check_history_metric(history, results, the_primary([results], metric))
    measured = by_trial(history, over, column.name)
    charts = []
    for facet in facets(results):
        lines, left_out = [], []
        for member in facet.members:
            seeds = seed_curves(member, measured)
            if any(len(seed.x) for seed in seeds):
                lines.append(_line(member, seeds, column, band))
            else:
                left_out.append(f"{member.label} ({why_empty(member)})")
        if lines:
            charts.append(_chart(facet, lines, over, column, band, left_out))
    return charts


def why_empty(member: Member) -> str:
    """Why a cell has nothing to show: ``skipped``, ``failed`` and so on."""
    cell = member.cell
    if cell.reason is not None:
        return "skipped"
    if cell.failed:
        return "failed before the first evaluation"
    return "not finished" if cell.interrupted else "not measured"


def _line(member: Member, seeds: list[SeedCurve], column: Column, band: bands.Band) -> CurveLine:
    x, values = combine(seeds, column)
    groups = list(values.T)
    low, high = bands.bands(groups, column, band)
    return CurveLine(
        label=member.label,
        key=member.key,
        color=member.style.color,
        dash=member.style.dash,
        seeds=seeds,
        x=x,
        middle=bands.medians(groups),
        low=low,
        high=high,
        n=len(seeds),
        failed=sum(not seed.ok for seed in seeds),
        color_label=member.style.color_label,
        dash_label=member.style.dash_label,
    )


def _chart(
    facet: Facet,
    lines: list[CurveLine],
    over: Over,
    column: Column,
    band: bands.Band,
    left_out: list[str],
) -> CurveChart:
    values = np.concatenate([seed.y for line in lines for seed in line.seeds])
    note = _on_what(facet, over)
    return CurveChart(
        dataset=facet.dataset,
        extractor=facet.extractor,
        title=facet.title,
        over=over,
        metric=column.name,
        x_label=X_LABELS[over],
        y_label=facet.titled(column),
        log=bands.suits_log(column, values),
        better=direction(column),
        lines=lines,
        caption=_joined(describe(lines, bool(column.better), band), note),
        band=band,
        note=note,
        color_by=facet.color_by,
        dash_by=facet.dash_by,
        common=facet.common,
        left_out=left_out,
    )


def describe(lines: Sequence[CurveLine], directed: bool, band: bands.Band) -> str:
    """A caption's words about lines: their seeds, what the bands are, how many trials failed.

    :param directed: whether lower or higher values are better.
    """
    counts = [line.n for line in lines]
    text = bands.describe(counts, band)
    failed = sum(line.failed for line in lines)
    if failed:
        counted = "counted as the worst from then on" if directed else "ending the median"
        text += f"; {failed} of {sum(counts)} trials failed or diverged, {counted}"
    return text


def _on_what(facet: Facet, over: Over) -> str:
    if over == "images":
        critics = critics_of(facet.members)
        return (
            f"{UNEQUAL} {critics}: those with more have fewer generator updates at equal images"
            if critics
            else ""
        )
    shared = any(shares_device(member) for member in facet.members)
    return "seconds on a device that trials shared" if shared else ""


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


#: Begins a sentence on critic steps, see `critics_of`.
UNEQUAL = "cells differ in discriminator updates for each generator update"


def critics_of(members: Sequence[Member]) -> str:
    """Their discriminator updates in a step where these differ, ``(1 and 5)``; else empty."""
    cells = [member.cell for member in members if "settings" in member.cell.columns]
    texts = {text for cell in cells for text in cell.texts("settings")}
    found = sorted({steps for text in texts if (steps := critic_steps(text)) is not None})
    return f"({' and '.join(map(str, found))})" if len(found) > 1 else ""


def shares_device(member: Member) -> bool:
    """Whether a trial of the cell did not have its device to itself, as far as is known."""
    return bool((member.cell.alone == 0).any())
