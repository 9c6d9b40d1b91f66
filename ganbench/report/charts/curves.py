"""Learning curves: a metric over training, the median of the seeds and a band around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.report.charts import bands
from ganbench.report.charts.facets import Facet, Member, facets
from ganbench.report.charts.names import check_history_metric, direction, metric_name
from ganbench.report.charts.seeds import Over, SeedCurve, by_trial, combine, seed_curves

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
    :ivar better: ``lower``, ``higher`` or empty.
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
    better: str
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
    metric: str = "fd",
    band: bands.Band = "interval",
) -> list[CurveChart]:
    """A chart for each data set, extractor and protocol that has a curve of the metric.

    A trial that failed or diverged counts as the worst at every tick after its last, so a median may
    become infinite. Where the seeds were measured at different places (seconds), they are
    interpolated on a common grid that ends with the first trial to end well: nothing is extrapolated.
    The median of a metric without a better direction ends where a trial failed.

    :param metric: a column of the history; ``fid`` stands for ``fd`` on the standard features.
    :param band: the 95 % interval of the median, least to greatest seed, or none.
    :raises UsageError: if there is no such metric.
    """
    metric = check_history_metric(history, results, metric)
    measured = by_trial(history, over, metric)
    charts = []
    for facet in facets(results):
        lines, left_out = [], []
        for member in facet.members:
            seeds = seed_curves(member, measured)
            if any(len(seed.x) for seed in seeds):
                lines.append(_line(member, seeds, metric, band))
            else:
                left_out.append(f"{member.label} ({why_empty(member)})")
        if lines:
            charts.append(_chart(facet, lines, over, metric, band, left_out))
    return charts


def why_empty(member: Member) -> str:
    """Why a cell has nothing to show: ``skipped``, ``failed`` and so on."""
    cell = member.cell
    if cell.reason is not None:
        return "skipped"
    if cell.failed:
        return "failed before the first evaluation"
    return "not finished" if cell.interrupted else "not measured"


def _line(member: Member, seeds: list[SeedCurve], metric: str, band: bands.Band) -> CurveLine:
    x, values = combine(seeds, metric)
    groups = list(values.T)
    low, high = bands.bands(groups, metric, band)
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
    metric: str,
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
        metric=metric,
        x_label=X_LABELS[over],
        y_label=metric_name(metric, facet.standard),
        log=bands.suits_log(metric, values),
        better=direction(metric),
        lines=lines,
        caption=_joined(describe(lines, metric, band), note),
        band=band,
        note=note,
        color_by=facet.color_by,
        dash_by=facet.dash_by,
        common=facet.common,
        left_out=left_out,
    )


def describe(lines: Sequence[CurveLine], metric: str, band: bands.Band) -> str:
    """A caption's words about lines: their seeds, what the bands are, how many trials failed."""
    counts = [line.n for line in lines]
    text = bands.describe(counts, band)
    failed = sum(line.failed for line in lines)
    if failed:
        counted = "counted as the worst from then on" if direction(metric) else "ending the median"
        text += f"; {failed} of {sum(counts)} trials failed or diverged, {counted}"
    return text


def _on_what(facet: Facet, over: Over) -> str:
    shared = over == "train_seconds" and any(shares_device(member) for member in facet.members)
    return "seconds on a device that trials shared" if shared else ""


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


def shares_device(member: Member) -> bool:
    """Whether a trial of the cell did not have its device to itself, as far as is known."""
    return bool((member.cell.alone == 0).any())
