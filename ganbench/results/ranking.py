"""The components of one kind against each other, over the contexts and seeds that all share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.results.field import Field, shared_field
from ganbench.results.folders import check_comparable
from ganbench.results.formatting import plain
from ganbench.results.metrics import COSTS, check_level, check_metric, higher_is_better
from ganbench.results.origins import origin_captions
from ganbench.results.statistics.aggregates import BY_NAME, median
from ganbench.results.statistics.improvement import improvement
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL, Interval, interval, wilson
from ganbench.results.statistics.paired import differences, holm, paired_p
from ganbench.results.statistics.scales import Scale, back, forward, usable
from ganbench.results.statistics.spread import REPLICATES
from ganbench.results.summary import scale as scale_of
from ganbench.results.variants import check_axis
from ganbench.results.verdicts import left_out_texts, too_few

if TYPE_CHECKING:
    import pandas as pd


_UNTESTED = {
    1: "One seed tells nothing apart: run more seeds.",
    2: f"{too_few(2).capitalize()}, so that nothing is told apart.",
}


def rank(
    frame: pd.DataFrame, axis: str, metric: str = "fd", level: float = LEVEL, seed: int = 0
) -> pd.DataFrame:
    """The components of an axis, best first: one line each.

    Only contexts and seeds that all components share enter. The columns are the axis; ``contexts``;
    ``n`` trials and how many ``failed``, with the interval of that share; ``rank``, the mean rank of a
    trial among one trial of each component; ``ratio`` to the median of the context, the geometric mean
    over contexts of the interquartile mean over seeds (the mean below four), or ``difference`` where
    the metric has no logarithm; ``better``, the probability that a trial beats one of the rest; each
    with ``_low`` and ``_high``; ``p``, that the component equals the first, from paired differences and
    Holm-corrected for all pairs of components; ``tied``, whether it is not told apart from the first.
    Intervals and ``p`` are missing where no context has `LEAST_SEEDS` seeds, which tell nothing apart.

    ``attrs`` holds axis, metric, level, seed, replicates, ``contexts`` and ``captions``.

    :raises UsageError: if there are not two components that share a context, with the reason.
    """
    check_level(level)
    check_axis(axis)
    check_comparable([frame], ["this run"])
    check_metric([frame], metric)
    field = shared_field(frame, axis, metric)
    higher = higher_is_better(metric)
    whole = np.concatenate([s for strata in field.scores.values() for s in strata])
    scale: Scale = "log" if usable(scale_of(metric), whole) == "log" else "linear"
    lines = [_line(field, name, axis, scale, higher, level, seed) for name in field.names]
    lines.sort(key=lambda line: (line["rank"], _worst_last(line, higher)))
    adjusted = _told_apart(field, scale, seed)
    first = str(lines[0][axis])
    for line in lines:
        p = adjusted.get(frozenset((first, str(line[axis]))), math.nan)
        line |= {"p": p, "tied": not p <= 1 - level}
    ranked = _framed(lines, field, axis, metric, level, seed, scale)
    ranked.attrs["captions"] += [f"{text}." for text in origin_captions(frame)]
    return ranked


def _line(
    field: Field, name: str, axis: str, scale: Scale, higher: bool, level: float, seed: int
) -> dict[str, object]:
    own, others = field.scores[name], [other for other in field.names if other != name]
    rest = [np.concatenate([field.scores[o][n] for o in others]) for n in range(len(own))]
    better = improvement(own, rest, higher=higher, level=level)
    nothing = Interval(math.nan, math.nan, level)
    share = wilson(field.failed[name], field.trials, level) if _tested(field) else nothing
    relative = _relative(field, name, scale)
    with np.errstate(invalid="ignore"):
        estimate = float(np.mean([BY_NAME[field.statistic](stratum) for stratum in relative]))
    ends = interval(relative, field.statistic, level=level, seed=seed, pooled=False)
    kind = "ratio" if scale == "log" else "difference"
    return {
        axis: name,
        "contexts": len(field.contexts),
        "n": field.trials,
        "failed": field.failed[name],
        "failed_low": share.low,
        "failed_high": share.high,
        "rank": 1 + len(others) * (1 - better.probability),
        "rank_low": 1 + len(others) * (1 - better.interval.high),
        "rank_high": 1 + len(others) * (1 - better.interval.low),
        kind: back(scale, estimate),
        f"{kind}_low": back(scale, ends.low),
        f"{kind}_high": back(scale, ends.high),
        "better": better.probability,
        "better_low": better.interval.low,
        "better_high": better.interval.high,
    }


def _tested(field: Field) -> bool:
    """Whether there are seeds enough in any context to tell components apart."""
    return max(map(len, field.seeds)) >= LEAST_SEEDS


def _relative(field: Field, name: str, scale: Scale) -> list[np.ndarray]:
    """Scores on the scale, less the median of all components' in the context.

    Where that is infinite, since half of the trials failed, the median of those that ended well.
    """
    found = []
    for number, own in enumerate(field.scores[name]):
        everyone = np.concatenate([strata[number] for strata in field.scores.values()])
        middle = median(everyone)
        if math.isinf(middle):
            middle = median(everyone[np.isfinite(everyone)])
        reference = 0.0 if math.isnan(middle) else float(forward(scale, np.array([middle]))[0])
        found.append(forward(scale, own) - reference)
    return found


def _told_apart(field: Field, scale: Scale, seed: int) -> dict[frozenset[str], float]:
    """P values of all pairs of components, corrected for their number.

    All pairs are paid for, not only those with the first: which component is first is a finding, too.
    """
    pairs = list(itertools.combinations(field.names, 2))
    found = []
    for one, other in pairs:
        strata = [
            differences(a, b, scale)
            for a, b in zip(field.scores[one], field.scores[other], strict=True)
        ]
        found.append(paired_p([stratum for stratum in strata if len(stratum) > 1], seed=seed))
    return {frozenset(pair): p for pair, p in zip(pairs, holm(found), strict=True)}


def _worst_last(line: Mapping[str, object], higher: bool) -> float:
    value = line.get("ratio", line.get("difference"))
    assert isinstance(value, float)
    if math.isnan(value):
        return math.inf
    return -value if higher else value


def _framed(
    lines: Sequence[Mapping[str, object]],
    field: Field,
    axis: str,
    metric: str,
    level: float,
    seed: int,
    scale: Scale,
) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(lines)
    kinds = dict.fromkeys(frame.columns, "float64") | {axis: "string", "tied": "boolean"}
    kinds |= dict.fromkeys(("contexts", "n", "failed"), "Int64")
    frame = frame.astype(kinds)
    frame.attrs |= {
        "axis": axis,
        "metric": metric,
        "level": level,
        "seed": seed,
        "replicates": REPLICATES,
        "contexts": list(field.contexts),
        "left_out": [f"{item.label}: {item.reason}" for item in field.left_out],
        "statistic": field.statistic,
        "scale": scale,
    }
    frame.attrs["captions"] = captions(frame, field)
    return frame


def captions(frame: pd.DataFrame, field: Field) -> list[str]:
    """What the ranking shows, what its columns are of, and what was left out."""
    known, count = frame.attrs, len(frame)
    pairs = count * (count - 1) // 2
    counts = sorted({len(seeds) for seeds in field.seeds})
    seeds = " to ".join(map(str, counts)) + (" seed" if counts == [1] else " seeds")
    where = f"{len(field.contexts)} context{'' if len(field.contexts) == 1 else 's'}"
    tested = counts[-1] >= LEAST_SEEDS
    if not tested:
        shown = f"{_first(frame)} ({seeds} in {where}). {_UNTESTED[counts[-1]]}"
    else:
        shown = (
            f"{_shown(frame)} (paired by seed, {seeds} in {where}, p <= {1 - known['level']:.2g}, "
            f"Holm-corrected for {pairs} comparison{'' if pairs == 1 else 's'})."
        )
    told = [
        shown,
        _meaning(known, intervals=tested),
        f"Contexts: {'; '.join(field.contexts[:8])}{'; …' if len(field.contexts) > 8 else ''}.",
    ]
    told += left_out_texts(field.left_out)
    if any(item.missing for item in field.left_out):
        told.append(
            f"To rank with what was left out, run it with every {known['axis']} and the same seeds."
        )
    return told


def _first(frame: pd.DataFrame) -> str:
    axis, metric = frame.attrs["axis"], frame.attrs["metric"]
    return f"By {metric}, {plain(frame[axis].iloc[0])} comes first"


def _shown(frame: pd.DataFrame) -> str:
    """``By fd, wgan-gp is not told apart from hinge, the first, …``."""
    axis, metric = frame.attrs["axis"], frame.attrs["metric"]
    first, *others = [plain(name) for name in frame[axis][frame["tied"]]]
    if not others:
        return f"By {metric}, all others are told apart from {first}, the first"
    named = "nothing" if len(others) == len(frame) - 1 else None
    if named:
        return (
            f"By {metric}, the data tell nothing apart from {first}, which need not make it equal"
        )
    verb = "is" if len(others) == 1 else "are"
    return (
        f"By {metric}, {', '.join(others)} {verb} not told apart from {first}, the first, and need not "
        "be equal to it"
    )


def _meaning(known: Mapping[Any, Any], intervals: bool) -> str:
    center = "interquartile mean" if known["statistic"] == "iqm" else "mean"
    kind = "ratio to" if known["scale"] == "log" else "difference from"
    left_out = known["metric"] in COSTS
    failures = "Failed trials are left out" if left_out else "Failed trials count as the worst"
    level = f"Intervals: {100 * known['level']:g} %, not corrected. " if intervals else ""
    return (
        f"{level}Mean rank: of a trial among one trial "
        f"of each. {known['metric']}: {kind} the median of the context, {center} over seeds, mean over "
        f"contexts. P(better): that a trial beats one of the rest. {failures}."
    )
