"""Performance profiles: which share of the trials of a component is at least this good, this soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL, wilson
from ganbench.analysis.statistics.profiles import profile_band, time_to_target
from ganbench.analysis.statistics.seeds import units
from ganbench.base.errors import UsageError
from ganbench.base.text import counted
from ganbench.components.column import Column
from ganbench.present.footnotes import too_few
from ganbench.report.data.facets import Facet, Member, facets
from ganbench.report.data.metrics import check_history_metric, check_measure, measured, sign
from ganbench.report.data.parts import PARTS, numbered, part_label
from ganbench.report.data.seeds import Over, by_trial, seed_curves
from ganbench.report.kinds.curves import AMOUNTS
from ganbench.report.kinds.heatmap import natural
from ganbench.report.marks import Axis, Line, Note, Panel, Style
from ganbench.store.primary import the_primary

BAND = f"band: {LEVEL:.0%} interval of the share (Wilson, with the seed as the unit)"
_MOST_BANDS, _MOST_BANDS_IN_FILE = 5, 3


class _Way(NamedTuple):
    """How a profile is read.

    :ivar sign: -1 to show the values with the opposite sign, from the right.
    :ivar share: the words of the axis of shares.
    :ivar missed: what is said about trials that never get there.
    :ivar x: the axis of the values; None to make it from them. Lines go on until its end.
    """

    sign: float
    share: str
    missed: str
    x: Axis | None = None


def score_profiles(
    results: pd.DataFrame, by: str | None = None, metric: str | None = None
) -> list[Panel]:
    """P(metric ≤ τ) over τ (≥ where higher is better), for each component of an axis.

    A trial that failed never gets there. Components are compared over the combinations of the other
    components that all of them have; the others are left out, and a note says so.

    :param by: the axis; loss if it has several values, else the axis with the most.
    :raises UsageError: for a metric or an axis that cannot be compared.
    """
    column = check_measure(results, the_primary([results], metric))
    way = sign(column, "a profile")
    panels = []
    for facet in facets(results):
        axis = compared_axis(facet, by)
        scores = [way * measured(member.cell, column) for member in facet.members]
        share = f"share of trials {'≥' if way < 0 else '≤'} τ"
        if any(map(len, scores)):
            panels.append(_panel(facet, axis, column, scores, _Way(way, share, "failed")))
    return panels


def time_profiles(
    results: pd.DataFrame,
    history: pd.DataFrame,
    by: str | None = None,
    metric: str | None = None,
    over: Over = "images",
    target: float | None = None,
) -> list[Panel]:
    """The share of trials that have reached the target, over images or seconds of training.

    A trial has reached it at its first tick with a value as good; one that never does is a miss and
    stays in the denominator.

    :param target: by default the median of all trials' last values, panel by panel.
    :raises UsageError: for a metric or an axis that cannot be compared.
    """
    column = check_history_metric(history, results, the_primary([results], metric))
    way = sign(column, "the time to a target")
    curves = by_trial(history, over, column.name)
    panels = []
    for facet in facets(results):
        axis = compared_axis(facet, by)
        seeds = [seed_curves(member, curves) for member in facet.members]
        last = [seed.y[-1] for group in seeds for seed in group if seed.ok]
        if not last:
            continue
        aim = float(np.median(last)) if target is None else target
        times = [
            np.array([time_to_target(seed.x, seed.y, aim, higher=way < 0) for seed in group])
            for group in seeds
        ]
        end = max(seed.x[-1] for group in seeds for seed in group if len(seed.x))
        words, kind, _ = AMOUNTS[over]
        x = Axis(title=words, kind=kind, values=np.array([0.0, end]))
        share = f"share of trials with {facet.titled(column)} {'≥' if way < 0 else '≤'} {aim:.3g}"
        panels.append(_panel(facet, axis, column, times, _Way(1.0, share, "never get there", x)))
    return panels


def compared_axis(facet: Facet, by: str | None) -> str:
    """The axis to compare; loss if it has several values, else the axis with the most.

    :raises UsageError: if there is no such axis.
    """
    if by is not None and by not in PARTS:
        raise UsageError(f"cannot compare by {by!r}; known axes: {', '.join(PARTS)}")
    if by is not None:
        return by
    counts = {name: len({member.parts[name] for member in facet.members}) for name in PARTS}
    return "loss" if counts["loss"] > 1 else max(counts, key=lambda name: counts[name])


def _panel(
    facet: Facet, axis: str, column: Column, values: Sequence[np.ndarray], way: _Way
) -> Panel:
    """A step function for each component, and what the caption says about them.

    :param values: of each member; lower is better, and infinite for a trial that never gets there.
    """
    groups, note = _shared(facet, axis, values)
    lines = [_line(_style(facet, group[0][0], axis), group, way) for group in groups]
    x = way.x or facet.axis(
        column,
        np.concatenate([line.x for line in lines]),
        title=f"{facet.titled(column)} τ",
        better=None,
        margin=0.03,
    )
    counts, failed = [line.n for line in lines], sum(line.failed for line in lines)
    each = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return facet.panel(
        column,
        view=f"By {axis}",
        description=f"{way.share} over {x.title} on {facet.title}, by {axis}.",
        x=x,
        y=Axis(kind="share", title=way.share),
        marks=lines,
        notes=[
            Note(f"{each} trials each" if max(counts) > 1 else "one trial each"),
            Note(f"{failed} of {sum(counts)} {way.missed}" if failed else ""),
            *_about_bands(lines, max(len(scores) for group in groups for _, scores in group)),
            Note(note),
        ],
        color_by=axis,
        most_bands=_MOST_BANDS,
        most_bands_in_file=_MOST_BANDS_IN_FILE,
        height=380,
        records=_records(axis, lines),
    )


def _shared(
    facet: Facet, axis: str, values: Sequence[np.ndarray]
) -> tuple[list[list[tuple[Member, np.ndarray]]], str]:
    """The members of each component with their values, where all components have them; a note."""
    trials: dict[str, dict[tuple[str, ...], tuple[Member, np.ndarray]]] = {}
    for member, scores in zip(facet.members, values, strict=True):
        if len(scores):
            others = tuple(member.parts[name] for name in PARTS if name != axis)
            trials.setdefault(member.parts[axis], {})[others] = member, scores
    every = set().union(*trials.values())
    shared = every.intersection(*trials.values())
    groups = [
        [own for others, own in trials[name].items() if not shared or others in shared]
        for name in sorted(trials, key=natural)
    ]
    if not shared:
        return groups, f"no combination is common to all, so each {axis} is over its own"
    if len(shared) == len(every):
        return groups, ""
    combinations = f"{len(shared)} of {len(every)} combinations of other components"
    return groups, f"over the {combinations} that every {axis} has"


def _records(axis: str, lines: Sequence[Line]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """A line of the figure's numbers for each point."""
    return {
        (axis, line.label, at): {
            "by": axis,
            "component": line.label,
            **dict(zip(("x", "share", "low", "high"), map(float, point), strict=True)),
        }
        for line in lines
        for at, point in enumerate(zip(line.x, line.y, line.low, line.high, strict=True))
    }


def _style(facet: Facet, member: Member, axis: str) -> Style:
    """A component's style and name: the color that it has in other figures, if it has one there."""
    label = part_label(member.parts, [axis])
    place = member.style.color
    if facet.color_by != axis:
        place = facet.values[axis].index(member.parts[axis])
    return numbered(place, label)


def _line(style: Style, group: Sequence[tuple[Member, np.ndarray]], way: _Way) -> Line:
    """The line of a component; components with fewer than `LEAST_SEEDS` seeds have no band."""
    values = [own for _, own in group]
    scores = np.concatenate(values)
    x = np.unique(np.append(scores[np.isfinite(scores)], way.x.values[-1] if way.x else []))
    seeds = [member.cell.floats("seed").tolist() for member, _ in group]
    band = profile_band(values, x, units(seeds) * len(scores) / sum(map(len, seeds)))
    label, n, failed = style.color_label, len(scores), int(np.isinf(scores).sum())
    x = way.sign * x
    return Line(
        label=label,
        style=style,
        x=x,
        y=band.middle,
        low=band.low,
        high=band.high,
        step="after",
        start="left" if way.sign > 0 else "right",
        hover=[
            (label, f"{part:.0%} of {n} trials at {place:,.4g}")
            for place, part in zip(x, band.middle, strict=True)
        ],
        note=counted(n, "trial") + (f", {failed} {way.missed}" if failed else ""),
        n=n,
        failed=failed,
    )


def _about_bands(lines: Sequence[Line], most: int) -> list[Note]:
    """The meaning of bands; in a file with too many lines for bands, how uncertain a share is.

    :param most: seeds of a cell.
    """
    if most < LEAST_SEEDS:
        return [Note(too_few(most))]
    if len(lines) <= _MOST_BANDS_IN_FILE:
        return [Note(BAND)]
    least = min(line.n for line in lines)
    ends = wilson(least // 2, least, LEVEL)
    half = (
        f"a share of {least // 2} in {least} has a {LEVEL:.0%} interval "
        f"from {ends.low:.0%} to {ends.high:.0%} (Wilson)"
    )
    return [Note(BAND, "page"), Note(half, "file")]
