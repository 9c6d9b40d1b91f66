"""Performance profiles: which share of the trials of a component is at least this good, this soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ganbench.errors import UsageError
from ganbench.report.charts.bands import suits_log
from ganbench.report.charts.curves import X_LABELS
from ganbench.report.charts.facets import PARTS, Facet, Member, facets, part_label
from ganbench.report.charts.heatmap import natural
from ganbench.report.charts.measures import check_measure, measured
from ganbench.report.charts.names import check_history_metric, direction
from ganbench.report.charts.palette import COLORS, DASHES
from ganbench.report.charts.seeds import Over, by_trial, seed_curves
from ganbench.results.primary import the_primary
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL, wilson_of_share
from ganbench.results.statistics.profiles import profile_band, time_to_target
from ganbench.results.statistics.seeds import units
from ganbench.results.verdicts import too_few

if TYPE_CHECKING:
    import pandas as pd

BAND = f"band: {LEVEL:.0%} interval of the share (Wilson, with the seed as the unit)"


@dataclass(frozen=True)
class ProfileLine:
    """One component: the share of its trials that reach x, a step function.

    :ivar x: where it steps, in the order in which the share grows; before the first it is zero.
    :ivar share: from there to the next x; ``low`` and ``high`` bound it, NaN where there is no band.
    :ivar failed: trials that never get there, of ``n`` in all.
    :ivar seeds: trials of the context that has most; fewer than `LEAST_SEEDS` carry no band.
    :ivar units: how many independent trials they are worth, as contexts share seeds.
    """

    label: str
    color: int
    dash: int
    x: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: int
    failed: int
    seeds: int
    units: float

    @property
    def banded(self) -> bool:
        """Whether it has a band."""
        return self.seeds >= LEAST_SEEDS


@dataclass(frozen=True)
class ProfileChart:
    """The components of one axis on one data set, extractor and protocol.

    :ivar by: the axis that is compared.
    :ivar higher_right: whether better values stand on the right of x.
    :ivar caption: how many trials; ``band`` says what the bands are.
    :ivar target: of a time-to-quality profile, ``over`` what its x counts; None of one of scores.
    """

    dataset: str
    extractor: str
    title: str
    by: str
    metric: str
    x_label: str
    y_label: str
    log: bool
    higher_right: bool
    lines: list[ProfileLine]
    target: float | None
    note: str
    caption: str
    over: Over | None = None

    @property
    def band(self) -> str:
        """What the bands are, or why there are none."""
        if any(line.banded for line in self.lines):
            return BAND
        return too_few(max(line.seeds for line in self.lines))


def score_profiles(
    results: pd.DataFrame, by: str | None = None, metric: str | None = None
) -> list[ProfileChart]:
    """P(metric ≤ τ) over τ (≥ where higher is better), for each component of an axis.

    A trial that failed never gets there. Components are compared over the contexts (combinations of
    the other components) that all of them have; the others are left out, which the note says.

    :param by: the axis; loss if it has several values, else the axis with the most.
    :raises UsageError: for a metric or an axis that cannot be compared.
    """
    column = check_measure(results, the_primary([results], metric))
    if not direction(column):
        raise UsageError(f"neither direction of {column.name!r} is better, so it has no profile")
    sign = -1.0 if direction(column) == "higher" else 1.0
    charts = []
    for facet in facets(results):
        axis = compared_axis(facet, by)
        scores = {id(member): sign * measured(member.cell, column) for member in facet.members}
        lines, note = _lines(facet, axis, scores)
        if not lines:
            continue
        ends = np.concatenate([line.x for line in lines])
        lines = [replace(line, x=sign * line.x) for line in lines]
        charts.append(
            ProfileChart(
                dataset=facet.dataset,
                extractor=facet.extractor,
                title=facet.title,
                by=axis,
                metric=column.name,
                x_label=f"{facet.titled(column)} τ",
                y_label=f"share of trials {'≥' if sign < 0 else '≤'} τ",
                log=suits_log(column, sign * ends),
                higher_right=sign < 0,
                lines=lines,
                target=None,
                note=note,
                caption=describe(lines, None),
            )
        )
    return charts


def time_profiles(
    results: pd.DataFrame,
    history: pd.DataFrame,
    by: str | None = None,
    metric: str | None = None,
    over: Over = "images",
    target: float | None = None,
) -> list[ProfileChart]:
    """The share of trials that have reached the target, over images or seconds of training.

    A trial has reached it at its first tick with a value as good; one that never does is a miss and
    stays in the denominator.

    :param target: the median of all trials' last values by default, chart by chart.
    :raises UsageError: for a metric or an axis that cannot be compared.
    """
    column = check_history_metric(history, results, the_primary([results], metric))
    if not direction(column):
        raise UsageError(f"neither direction of {column.name!r} is better, so none can be a target")
    sign = -1.0 if direction(column) == "higher" else 1.0
    curves = by_trial(history, over, column.name)
    charts = []
    for facet in facets(results):
        axis = compared_axis(facet, by)
        seeds = {id(member): seed_curves(member, curves) for member in facet.members}
        last = [seed.y[-1] for group in seeds.values() for seed in group if seed.ok]
        if not last:
            continue
        aim = float(np.median(last)) if target is None else target
        times = {
            key: np.array([time_to_target(seed.x, seed.y, aim, higher=sign < 0) for seed in group])
            for key, group in seeds.items()
        }
        lines, note = _lines(facet, axis, times)
        if not lines:
            continue
        end = max(seed.x[-1] for group in seeds.values() for seed in group if len(seed.x))
        charts.append(
            ProfileChart(
                dataset=facet.dataset,
                extractor=facet.extractor,
                title=facet.title,
                by=axis,
                metric=column.name,
                x_label=X_LABELS[over],
                y_label=f"share of trials with {facet.titled(column)} "
                f"{'≥' if sign < 0 else '≤'} {aim:.3g}",
                log=False,
                higher_right=False,
                lines=[_prolonged(line, float(end)) for line in lines],
                target=aim,
                note=note,
                caption=describe(lines, aim),
                over=over,
            )
        )
    return charts


def compared_axis(facet: Facet, by: str | None) -> str:
    """The axis to compare; loss if it has several values, else the axis with the most.

    :raises UsageError: if there is no such axis.
    """
    if by is not None and by not in PARTS:
        raise UsageError(f"{by!r} is no axis to compare; known: {', '.join(PARTS)}")
    if by is not None:
        return by
    counts = {name: len({member.parts[name] for member in facet.members}) for name in PARTS}
    return "loss" if counts["loss"] > 1 else max(counts, key=lambda name: counts[name])


def _lines(
    facet: Facet, axis: str, values: Mapping[int, np.ndarray]
) -> tuple[list[ProfileLine], str]:
    """A step function for each component; ``values`` are lower-better and infinite for a miss."""
    strata: dict[str, dict[tuple[str, ...], tuple[np.ndarray, list[float]]]] = {}
    for member in facet.members:
        found = values[id(member)]
        if len(found):
            context = tuple(member.parts[name] for name in PARTS if name != axis)
            strata.setdefault(member.parts[axis], {})[context] = (
                found,
                member.cell.floats("seed").tolist(),
            )
    if not strata:
        return [], ""
    styles = {member.parts[axis]: _style(facet, member, axis) for member in facet.members}
    names = sorted(strata, key=natural)
    every = {context for group in strata.values() for context in group}
    shared = {context for context in every if all(context in strata[name] for name in names)}
    note = ""
    if not shared:
        note = f"no combination is common to all, so each {axis} is over its own"
    elif len(shared) < len(every):
        note = (
            f"over the {len(shared)} of {len(every)} combinations of other components "
            f"that every {axis} has"
        )
    lines = []
    for name in names:
        groups = [v for context, v in strata[name].items() if not shared or context in shared]
        lines.append(_line(*styles[name], groups))
    return lines, note


def _style(facet: Facet, member: Member, axis: str) -> tuple[str, int]:
    """A component's name and number: that of its colour in other figures, if it has one there."""
    label = part_label(member.parts, [axis])
    if facet.color_by == axis:
        return label, member.style.color
    return label, facet.values[axis].index(member.parts[axis])


def _line(name: str, place: int, contexts: Sequence[tuple[np.ndarray, list[float]]]) -> ProfileLine:
    """The line of a component from the scores and the seeds of each context."""
    groups, seeds = [found for found, _ in contexts], [own for _, own in contexts]
    scores = np.concatenate(groups)
    x = np.unique(scores[np.isfinite(scores)])
    independent = units(seeds) * len(scores) / sum(map(len, seeds))
    band = profile_band(groups, x, independent)
    return ProfileLine(
        label=name,
        color=place % COLORS,
        dash=place // COLORS % len(DASHES),
        x=x,
        share=band.middle,
        low=band.low,
        high=band.high,
        n=len(scores),
        failed=int(np.isinf(scores).sum()),
        seeds=max(map(len, groups)),
        units=independent,
    )


def _prolonged(line: ProfileLine, end: float) -> ProfileLine:
    """The line with its last share kept to the end of training."""
    if not len(line.x):
        bounds = wilson_of_share(0.0, line.units)
        zero = np.zeros(1)
        low, high = (bounds.low, bounds.high) if line.banded else (np.nan, np.nan)
        return replace(line, x=np.array([end]), share=zero, low=zero + low, high=zero + high)
    if line.x[-1] >= end:
        return line
    return replace(
        line,
        x=np.append(line.x, end),
        share=np.append(line.share, line.share[-1]),
        low=np.append(line.low, line.low[-1]),
        high=np.append(line.high, line.high[-1]),
    )


def describe(lines: Sequence[ProfileLine], target: float | None) -> str:
    """A caption's words about lines: how many trials, and how many of them failed or missed."""
    never = "failed" if target is None else "never get there"
    counts = sorted({line.n for line in lines})
    trials = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    failed = sum(line.failed for line in lines)
    text = f"{trials} trials each" if counts[-1] > 1 else "one trial each"
    return text + (f"; {failed} of {sum(line.n for line in lines)} {never}" if failed else "")
