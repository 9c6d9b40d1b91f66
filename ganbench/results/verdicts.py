"""A comparison in plain words: what the data show, and what they do not.

A difference is claimed only where the interval over all contexts leaves no effect out. What single
contexts show is told after that, corrected for their number, or where they contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.results.groups import TIMED
from ganbench.results.metrics import COSTS, higher_is_better
from ganbench.results.statistics.intervals import Interval
from ganbench.results.statistics.paired import Effect
from ganbench.results.statistics.scales import Scale, back

if TYPE_CHECKING:
    from ganbench.results.comparison import Comparison, ContextEffect
    from ganbench.results.pairing import LeftOut

_FEW = 12  # pairs; with fewer, an effect of one standard deviation is often missed


def sentence(found: Comparison) -> str:
    """The whole text: effect, contexts, probability, failures, speed."""
    parts = [
        _effect(found),
        *_contexts(found),
        _probability(found),
        _failures(found),
        _speed(found),
    ]
    return " ".join(part for part in parts if part)


def too_few(most: int) -> str:
    """Why there is no interval, where no context has more than so many seeds."""
    if most == 1:
        return "one seed gives no interval and tells nothing about other seeds: run more seeds"
    return "two seeds carry no interval; at least three are needed"


def ratio_text(value: float, width: float = math.inf) -> str:
    """A ratio with the digits that its interval leaves a meaning."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    fine = math.isfinite(width) and width > 0
    places = min(max(1 - math.floor(math.log10(width)), 2), 5) if fine else 2
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{places}f}" if value >= 0.1 or value == 0 else f"{value:.2g}"


def shown(value: float, scale: Scale) -> float:
    """An effect as people read it: a ratio in place of its logarithm."""
    return back(scale, value) if scale == "log" else value


def _effect(found: Comparison) -> str:
    effect, head = found.overall.effect, _head(found)
    if math.isnan(effect.estimate):
        return f"{head}: trials failed on both sides, which leaves no effect on {found.metric}."
    if effect.interval.low == effect.interval.high == 0:
        return f"{head}: {found.a} and {found.b} have the same {found.metric} in every pair."
    if not effect.interval.exists:
        return f"{head}: {_size(found)}; {too_few(_most(found))}."
    if math.isinf(effect.estimate) and not effect.interval.excludes(0.0):
        return f"{head}: {_size(found)}; if anything tells them apart, it is how often they fail."
    return f"{head}: {_size(found)}{_bounds(found)}; {_verdict(found)}."


def _head(found: Comparison) -> str:
    """``4 seeds in 2 contexts``."""
    counts = sorted({len(seeds) for seeds in found.overall.seeds})
    most = "1 seed" if counts[-1] == 1 else f"{counts[-1]} seeds"
    seeds = most if len(counts) == 1 else f"{counts[0]} to {most}"
    number = len(found.contexts)
    return f"{seeds} in " + ("one context" if number == 1 else f"{number} contexts")


def _size(found: Comparison) -> str:
    """``hinge's fd is 0.82 times that of wgan-gp``."""
    effect, metric = found.overall.effect, found.metric
    value, width = shown(effect.estimate, found.scale), _width(effect, found.scale)
    if math.isinf(effect.estimate):
        loser = found.b if (effect.estimate > 0) == higher_is_better(metric) else found.a
        return f"failures of {loser}, which count as the worst, leave no finite effect on {metric}"
    middle = ", by the medians over seeds as trials failed," if effect.statistic == "median" else ""
    if found.scale == "log":
        return (
            f"{_of(found.a)} {metric}{middle} is {ratio_text(value, width)} times that of {found.b}"
        )
    direction = "above" if value >= 0 else "below"
    amount = _amount(abs(value), width)
    return f"{_of(found.a)} {metric}{middle} is {amount} {direction} that of {found.b}"


def _bounds(found: Comparison) -> str:
    interval = found.overall.effect.interval
    return f" ({_percent(found.level)} interval {interval_text(interval, found.scale)})"


def interval_text(interval: Interval, scale: Scale) -> str:
    """``0.61 to 1.10``."""
    low, high = shown(interval.low, scale), shown(interval.high, scale)
    if scale == "log":
        return f"{ratio_text(low, high - low)} to {ratio_text(high, high - low)}"
    return f"{_amount(low, high - low)} to {_amount(high, high - low)}"


def _verdict(found: Comparison) -> str:
    effect = found.overall.effect
    if effect.interval.excludes(0.0):
        winner = found.a if _a_is_better(effect, found.metric) else found.b
        where = "this context" if len(found.contexts) == 1 else "these contexts on average"
        return f"in {where}, {winner} is better by {found.metric}"
    pairs = sum(map(len, found.overall.seeds))
    few = f" (with {pairs} pairs only a large difference would show)" if pairs < _FEW else ""
    average = "" if len(found.contexts) == 1 else "on average "
    return f"{average}the data do not tell them apart, nor do they show them to be equal{few}"


def _contexts(found: Comparison) -> list[str]:
    """Where contexts disagree, and which show the effect by themselves."""
    parts = []
    if len(found.contexts) == 1:
        return [f"The one context is {found.contexts[0].label}; it says nothing about others."]
    single = sum(len(context.seeds[0]) < 2 for context in found.contexts)
    if found.overall.effect.interval.exists and single:
        parts.append(
            f"Effect and interval leave out {_count(single, 'context')} with one seed only."
        )
    signs = {number: _sign(context, found.metric) for number, context in enumerate(found.contexts)}
    ahead = [number for number, sign in signs.items() if sign > 0]
    behind = [number for number, sign in signs.items() if sign < 0]
    sure = [[n for n in side if n in found.corrected] for side in (ahead, behind)]
    contradicting = all(sure)
    if contradicting:
        parts.append(
            f"The contexts contradict each other beyond chance: {found.a} is better in "
            f"{_labels(found, sure[0])} and worse in {_labels(found, sure[1])}, so that an average "
            "over contexts says little."
        )
    elif ahead and behind:
        parts.append(
            f"The contexts do not point the same way: {found.a} is ahead in "
            f"{_labels(found, ahead)} and behind in {_labels(found, behind)}."
        )
    if found.overall.effect.interval.excludes(0.0) and not contradicting:
        known = len(sure[0]) + len(sure[1])
        parts.append(
            f"In {known} of {len(found.contexts)} contexts the difference shows by itself, corrected "
            "for their number."
        )
    return parts + _hints(found, contradicting)


def _hints(found: Comparison, contradicting: bool) -> list[str]:
    """Contexts whose own intervals leave no effect out where the one of all contexts does not."""
    if contradicting or found.overall.effect.interval.excludes(0.0):
        return []
    alone = [n for n, c in enumerate(found.contexts) if c.effect.interval.excludes(0.0)]
    if not alone:
        return []
    return [
        f"Taken alone, {_labels(found, alone)} would show a difference; of {len(found.contexts)} "
        "contexts looked at, that is a hint and no more."
    ]


def _probability(found: Comparison) -> str:
    better = found.overall.better
    if math.isnan(better.probability):
        return ""
    if not better.interval.exists:
        return (
            f"Over these seeds, a trial of {found.a} beats one of {found.b} in a share of "
            f"{better.probability:.2f}."
        )
    return (
        f"A trial of {found.a} beats one of {found.b} with probability {better.probability:.2f} "
        f"({better.interval.low:.2f} to {better.interval.high:.2f})."
    )


def _failures(found: Comparison) -> str:
    whole, risk = found.overall, found.overall.risk
    if not any(whole.failed):
        return "No trial failed."
    if found.metric in COSTS:
        how = f"Failed trials have no {found.metric} and are left out"
    else:
        how = "Failed trials count as the worst"
    counted = (
        f"{how}: {whole.failed[0]} of {whole.pairs} of {found.a} failed, "
        f"{whole.failed[1]} of {whole.pairs} of {found.b}"
    )
    if not risk.interval.exists:
        return f"{counted}."
    told = (
        f"{found.a if risk.estimate > 0 else found.b} fails more often"
        if risk.interval.excludes(0.0)
        else "the data do not tell them apart in this"
    )
    return (
        f"{counted} (difference {100 * risk.estimate:+.0f} "
        f"points, {100 * risk.interval.low:+.0f} to {100 * risk.interval.high:+.0f}); {told}."
    )


def _speed(found: Comparison) -> str:
    whole = found.overall
    if found.metric in TIMED:
        return ""
    if not whole.speed_pairs:
        return "Speeds are not compared: no pair of trials ran alone on equal devices."
    interval, value = whole.speed.interval, shown(whole.speed.estimate, "log")
    bounds = f" ({interval_text(interval, 'log')})" if interval.exists else ", without an interval"
    width = _width(whole.speed, "log")
    return (
        f"{found.a} trains at {ratio_text(value, width)} times the speed of {found.b}{bounds}, over "
        f"{_count(whole.speed_pairs, 'pair')} of trials that ran alone."
    )


def _most(found: Comparison) -> int:
    """Seeds of the context that has most."""
    return max(len(seeds) for seeds in found.overall.seeds)


def _a_is_better(effect: Effect, metric: str) -> bool:
    low = effect.interval.low
    return (low > 0) == higher_is_better(metric)


def _sign(context: ContextEffect, metric: str) -> int:
    """1 where A is ahead in the context, -1 where it is behind, 0 where neither is."""
    estimate = context.effect.estimate
    if math.isnan(estimate) or estimate == 0:
        return 0
    return 1 if (estimate > 0) == higher_is_better(metric) else -1


def left_out_texts(items: Sequence[LeftOut]) -> list[str]:
    """A sentence for each reason, with whom it concerns."""
    by_reason: dict[str, list[str]] = {}
    for item in items:
        by_reason.setdefault(item.reason, []).append(item.label)
    return [
        f"Left out, {', '.join(names[:3])}{_more(len(names) - 3)}: {reason}."
        for reason, names in by_reason.items()
    ]


def _more(number: int) -> str:
    return f" and {number} more" if number > 0 else ""


def _labels(found: Comparison, numbers: Sequence[int]) -> str:
    names = [found.contexts[number].label for number in numbers]
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} contexts"


def _width(effect: Effect, scale: Scale) -> float:
    if not effect.interval.exists:
        return math.inf
    return shown(effect.interval.high, scale) - shown(effect.interval.low, scale)


def _amount(value: float, width: float) -> str:
    """A difference with two digits of its interval."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if not math.isfinite(width) or width <= 0:
        return f"{value:.3g}"
    places = min(max(1 - math.floor(math.log10(width)), 0), 8)
    text = f"{value:.{places}f}"
    return text if float(text) or not value else f"{value:.1g}"


def _percent(level: float) -> str:
    return f"{100 * level:g} %"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _of(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"
