"""The components of one kind against each other, over the contexts and seeds that all share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.results.comparison import effect_scale
from ganbench.results.field import Field, shared_field
from ganbench.results.folders import check_comparable
from ganbench.results.formatting import plain
from ganbench.results.metrics import (
    check_level,
    check_metric,
    higher_is_better,
)
from ganbench.results.origins import origin_captions
from ganbench.results.primary import the_primary
from ganbench.results.statistics.aggregates import Statistic, median
from ganbench.results.statistics.improvement import improvement
from ganbench.results.statistics.intervals import (
    LEAST_SEEDS,
    LEVEL,
    Interval,
    estimates_and_errors,
    wilson_of_share,
)
from ganbench.results.statistics.paired import (
    differences,
    holm,
    p_of,
    p_of_t,
    paired_effect,
)
from ganbench.results.statistics.scales import Scale, back
from ganbench.results.statistics.seeds import Sample, centre, sample, units
from ganbench.results.statistics.spread import REPLICATES
from ganbench.results.training_counts import count_captions
from ganbench.results.variants import check_axis
from ganbench.results.verdicts import WAYS, left_out_texts, seeds_told, too_few, unseen_text

if TYPE_CHECKING:
    import pandas as pd


_UNTESTED = {
    1: "One seed tells nothing apart: run more seeds.",
    2: f"{too_few(2).capitalize()}, so that nothing is told apart.",
}
_SHARED = (
    "; a spread that all pairs share, each pair's variance pulled towards that of all (Smyth 2004)"
)


def rank(
    frame: pd.DataFrame,
    axis: str,
    metric: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    *,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """The components of an axis, best first: one line each.

    Only contexts and seeds that all components share enter. The columns are the axis; ``contexts``;
    ``n`` trials and how many ``failed``, with the interval of that share; ``rank``, the mean rank of a
    trial among one trial of each component; ``ratio`` to the median of the context, summed up over
    contexts and seeds as effects are (`statistics.seeds`), or ``difference`` where the metric has no
    logarithm; ``better``, the probability that a trial beats one of the rest; each with ``_low`` and
    ``_high``; ``p``, that the component equals the first, from paired differences and Holm-corrected
    for all pairs of components; ``tied``, whether it is not told apart from the first. The seed
    is the unit throughout. Intervals and ``p`` are missing where no context has `LEAST_SEEDS` seeds,
    which tell nothing apart.

    :param shared_spread: take the differences of all pairs of components to vary about alike over
        seeds, and pull the spread of each towards that of all (Smyth 2004).

    ``attrs`` holds axis, metric, its ``better`` direction, whether it is a ``cost``, level, seed,
    replicates, ``contexts``, ``captions`` and, of these, the ``claim``.

    :raises UsageError: if there are not two components that share a context, with the reason.
    """
    check_level(level)
    check_axis(axis)
    check_comparable([frame], ["this run"])
    column = check_metric([frame], the_primary([frame], metric))
    field = shared_field(frame, axis, column)
    higher = higher_is_better(column)
    scale = effect_scale(column)
    lines = [_line(field, name, axis, scale, higher, level, seed) for name in field.names]
    lines.sort(key=lambda line: (line["rank"], _worst_last(line, higher)))
    adjusted = _told_apart(field, scale, seed, shared_spread)
    first = str(lines[0][axis])
    p = [adjusted[frozenset((first, str(line[axis])))] for line in lines[1:]]
    for line, value in zip(lines, [math.nan, *p], strict=True):
        line |= {"p": value, "tied": not value <= 1 - level}
    ranked = _framed(lines, field, axis, column, level, seed, scale, shared_spread)
    more = [*count_captions(frame), *origin_captions(frame)]
    ranked.attrs["captions"] += [f"{text}." for text in more]
    return ranked


def _line(
    field: Field, name: str, axis: str, scale: Scale, higher: bool, level: float, seed: int
) -> dict[str, object]:
    own, others = field.scores[name], [other for other in field.names if other != name]
    rest = [np.concatenate([field.scores[o][n] for o in others]) for n in range(len(own))]
    better = improvement(own, rest, field.seeds, higher=higher, level=level)
    share = Interval(math.nan, math.nan, level)
    if _tested(field):
        failing = field.failed[name] / field.trials
        share = wilson_of_share(failing, units(field.ended), level)
    relative = paired_effect(_relative(field, name, scale), field.seeds, level=level, seed=seed)
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
        kind: back(scale, relative.estimate),
        f"{kind}_low": back(scale, relative.interval.low),
        f"{kind}_high": back(scale, relative.interval.high),
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
        reference = 1.0 if math.isnan(middle) else middle
        found.append(differences(own, np.full(len(own), reference), scale))
    return found


def _told_apart(field: Field, scale: Scale, seed: int, shared: bool) -> dict[frozenset[str], float]:
    """P values of all pairs of components, corrected for their number.

    All pairs are paid for, not only those with the first: which component is first is a finding, too.
    """
    pairs = list(itertools.combinations(field.names, 2))
    samples = [
        sample(
            [
                differences(a, b, scale)
                for a, b in zip(field.scores[one], field.scores[other], strict=True)
            ],
            field.seeds,
        )
        for one, other in pairs
    ]
    found = np.array([p_of(one, seed) for one in samples])
    whole = [n for n, one in enumerate(samples) if _varies(one)]
    if shared and whole:
        values = [samples[n].values for n in whole]
        most = (len(field.names) - 1) * (min(map(len, values)) - 1)
        found[whole] = p_of_t(*estimates_and_errors(values, centre, seed, shared=True, most=most))
    return {frozenset(pair): p for pair, p in zip(pairs, holm(found.tolist()), strict=True)}


def _varies(one: Sample) -> bool:
    """Whether differences have a spread of their own: finite, of the same seeds in all contexts."""
    finite = one.enough and bool(np.isfinite(one.values).all())
    return finite and one.statistic == centre(len(one.values)) and bool(np.ptp(one.values) > 0)


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
    column: Column,
    level: float,
    seed: int,
    scale: Scale,
    shared: bool,
) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(lines)
    kinds = dict.fromkeys(frame.columns, "float64") | {axis: "string", "tied": "boolean"}
    kinds |= dict.fromkeys(("contexts", "n", "failed"), "Int64")
    frame = frame.astype(kinds)
    frame.attrs |= {
        "axis": axis,
        "metric": column.name,
        "better": column.better,
        "cost": column.cost,
        "level": level,
        "seed": seed,
        "replicates": REPLICATES,
        "contexts": list(field.contexts),
        "left_out": [f"{item.label}: {item.reason}" for item in field.left_out],
        "statistic": _statistic(field),
        "scale": scale,
        "shared_spread": shared,
    }
    frame.attrs["captions"] = captions(frame, field)
    return frame


def captions(frame: pd.DataFrame, field: Field) -> list[str]:
    """What the ranking shows, what its columns are of, and what was left out."""
    known, count = frame.attrs, len(frame)
    pairs = count * (count - 1) // 2
    seeds, tested = seeds_told(field.seeds), _tested(field)
    if not tested:
        shown = f"{_first(frame)} ({seeds}). {_UNTESTED[max(map(len, field.seeds))]}"
    else:
        shown = (
            f"{_shown(frame)} (paired by seed, which is the unit, {seeds}, "
            f"p <= {1 - known['level']:.2g}, Holm-corrected for {pairs} "
            f"comparison{'' if pairs == 1 else 's'}{_SHARED if known['shared_spread'] else ''})."
        )
    claim = [shown, *([f"{unseen_text(_seeds(field), known['level'])}."] if tested else [])]
    known["claim"] = " ".join(claim)
    told = [
        *claim,
        _meaning(known, intervals=tested, failed=bool(frame["failed"].any())),
        f"Contexts: {'; '.join(field.contexts[:8])}{'; …' if len(field.contexts) > 8 else ''}.",
    ]
    single = sum(len(seeds) < 2 for seeds in field.seeds)
    if 0 < single < len(field.seeds):
        what = f"The columns p and {known['metric']}" if tested else f"The column {known['metric']}"
        leave = "leave" if tested else "leaves"
        told.append(f"{what} {leave} out {single} context{'s' * (single > 1)} with one seed only.")
    told += left_out_texts(field.left_out)
    if any(item.missing for item in field.left_out):
        told.append(
            f"To rank with what was left out, run it with every {known['axis']} and the same seeds."
        )
    return told


def _statistic(field: Field) -> Statistic:
    """What sums up seeds, where none failed."""
    known = [np.zeros(len(own)) for own in field.seeds]
    return sample(known, field.seeds).statistic


def _seeds(field: Field) -> int:
    """How many seeds there are in all."""
    return len({seed for seeds in field.seeds for seed in seeds})


def _first(frame: pd.DataFrame) -> str:
    axis, metric = frame.attrs["axis"], frame.attrs["metric"]
    return f"By {metric}, {plain(frame[axis].iloc[0])} comes first"


def _shown(frame: pd.DataFrame) -> str:
    """``By fd, wgan-gp is not told apart from hinge, the first, …``."""
    axis, metric = frame.attrs["axis"], frame.attrs["metric"]
    first, *others = [plain(name) for name in frame[axis][frame["tied"]]]
    if not others:
        return f"By {metric}, all others are told apart from {first}, the first"
    if len(others) == len(frame) - 1:
        return (
            f"By {metric}, the data do not tell {first}, the first, from any other, nor do they show "
            "them to be equal"
        )
    verb = "is" if len(others) == 1 else "are"
    return (
        f"By {metric}, {', '.join(others)} {verb} not told apart from {first}, the first, and need not "
        "be equal to it"
    )


def _meaning(known: Mapping[Any, Any], intervals: bool, failed: bool) -> str:
    kind = "ratio to" if known["scale"] == "log" else "difference from"
    failures = "Failed trials are left out" if known["cost"] else "Failed trials count as the worst"
    way = WAYS[known["statistic"]]
    if failed and not known["cost"] and known["statistic"] != "median":
        way += ", medians where trials failed"
    level = f"Intervals: {100 * known['level']:g} %, not corrected. " if intervals else ""
    return (
        f"{level}Mean rank: of a trial among one trial "
        f"of each. {known['metric']}: {kind} the median of the context, "
        f"{way}. P(better): that a trial beats one of the rest. {failures}."
    )
