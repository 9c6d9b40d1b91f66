"""A comparison in plain words: what the data show, and what they do not.

A difference is claimed only where the interval over all contexts leaves no effect out. What single
contexts show is told after that, corrected for their number, or where they contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.components.column import Column
from ganbench.results.formatting import number
from ganbench.results.groups import TIMED
from ganbench.results.metrics import higher_is_better
from ganbench.results.side_outcomes import FAILED
from ganbench.results.statistics.aggregates import Statistic, trimmed
from ganbench.results.statistics.intervals import Interval
from ganbench.results.statistics.paired import Effect
from ganbench.results.statistics.scales import Scale, back
from ganbench.results.statistics.seeds import Seeds, unseen
from ganbench.results.training_counts import updates_told

if TYPE_CHECKING:
    from ganbench.results.comparison import Comparison, ContextEffect
    from ganbench.results.pairing import LeftOut

_FEW = 12  # seeds; with fewer, an effect of one standard deviation is often missed

#: Logarithms of two ratios that differ by less are told as one.
_SAME_SPEED = 0.005

#: How seeds are summed up, in words.
WAYS: dict[Statistic, str] = {
    "mean": "means over seeds",
    "median": "medians over seeds",
    "iqm": "means over seeds without the lowest and the highest quarter",
}


def sentence(found: Comparison) -> str:
    """The whole text: effect, contexts, probability, what befell trials, speed and budget."""
    parts = [
        _effect(found),
        _unseen(found),
        *_contexts(found),
        _probability(found),
        *_outcomes(found),
        _speed(found),
        _budget(found),
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
    effect, head = found.overall.effect, seeds_told(found.overall.seeds)
    if math.isnan(effect.estimate):
        return f"{head}: trials failed on both sides, which leaves no effect on {found.metric}."
    if effect.interval.low == effect.interval.high == 0:
        return f"{head}: {found.a} and {found.b} have the same {found.metric} in every pair."
    if not effect.interval.exists:
        return f"{head}: {_size(found)}; {too_few(_most(found))}."
    if math.isinf(effect.estimate) and not effect.interval.excludes(0.0):
        return (
            f"{head}: {_size(found)}; if anything tells them apart, it is how often that happens."
        )
    return f"{head}: {_size(found)}{_bounds(found)}; {_verdict(found)}."


def seeds_told(seeds: Seeds) -> str:
    """``4 to 5 seeds in 2 contexts, 6 different ones in all``; the seeds of each context."""
    counts = sorted({len(own) for own in seeds})
    every = len({seed for own in seeds for seed in own})
    told = _count(counts[-1], "seed")
    told = told if len(counts) == 1 else f"{counts[0]} to {told}"
    where = "one context" if len(seeds) == 1 else f"{len(seeds)} contexts"
    return f"{told} in {where}" + (f", {every} different ones in all" * (every > counts[-1]))


def _size(found: Comparison) -> str:
    """``hinge's fd is 0.82 times that of wgan-gp``."""
    effect, metric = found.overall.effect, found.metric
    value, width = shown(effect.estimate, found.scale), _width(effect, found.scale)
    if math.isinf(effect.estimate):
        return f"{_without_ratio(found)} leave no finite effect on {metric}"
    middle = _middle(found)
    if found.scale == "log":
        return (
            f"{_of(found.a)} {metric}{middle} is {ratio_text(value, width)} times that of {found.b}"
        )
    if value == 0:
        return f"{_of(found.a)} {metric}{middle} is equal to that of {found.b}"
    direction = "above" if value > 0 else "below"
    amount = _amount(abs(value), width)
    return f"{_of(found.a)} {metric}{middle} is {amount} {direction} that of {found.b}"


def _without_ratio(found: Comparison) -> str:
    """What makes an effect infinite."""
    losing = int((found.overall.effect.estimate > 0) == higher_is_better(found.column))
    parts = []
    if found.overall.failed[losing]:
        parts.append(f"failures of {(found.a, found.b)[losing]}, which count as the worst,")
    if found.zeros:
        parts.append("zeros, which have no finite ratio,")
    return " and ".join(parts) or "infinite values"


def _middle(found: Comparison) -> str:
    """How seeds are summed up, where they are enough to leave any out."""
    effect = found.overall.effect
    if not effect.interval.exists or effect.statistic == "mean":
        return ""
    failed = " as trials failed" if any(found.overall.failed) else ""
    if effect.statistic == "median":
        return f", by the median over seeds{failed},"
    cut = trimmed(effect.seeds)
    ends = (
        "lowest and the highest seed" if cut == 1 else f"{cut} lowest and the {cut} highest seeds"
    )
    return f", leaving out the {ends},"


def unseen_share(found: Comparison) -> float | None:
    """The share of seeds that an outcome may befall and yet show in none; None without a claim."""
    effect = found.overall.effect
    return unseen(effect.seeds, found.level) if effect.interval.exists else None


def _unseen(found: Comparison) -> str:
    share = unseen_share(found)
    return "" if share is None else f"{unseen_text(found.overall.effect.seeds, found.level)}."


def unseen_text(seeds: int, level: float) -> str:
    """What so many seeds cannot see: ``3 seeds may show nothing of what befalls …``."""
    share = 100 * unseen(seeds, level)
    return (
        f"{seeds} seeds may well show nothing of what befalls fewer than {share:.0f} % of all seeds, "
        "such as a rare collapse"
    )


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
        winner = found.a if _a_is_better(effect, found.column) else found.b
        where = "this context" if len(found.contexts) == 1 else "these contexts on average"
        return f"in {where}, {winner} is better by {found.metric}"
    seeds = found.overall.effect.seeds
    few = f" (with {seeds} seeds only a large difference would show)" if seeds < _FEW else ""
    average = "" if len(found.contexts) == 1 else "on average "
    return f"{average}the data do not tell them apart, nor do they show them to be equal{few}"


def _contexts(found: Comparison) -> list[str]:
    """Where contexts disagree, and which show the effect by themselves."""
    parts = []
    if len(found.contexts) == 1:
        return [f"The one context is {found.contexts[0].label}; it says nothing about others."]
    single = sum(len(context.seeds[0]) < 2 for context in found.contexts)
    if 0 < single < len(found.contexts):
        both = found.overall.effect.interval.exists
        what = "Effect and interval leave" if both else "The effect leaves"
        parts.append(f"{what} out {_count(single, 'context')} with one seed only.")
    signs = {number: _sign(context, found.column) for number, context in enumerate(found.contexts)}
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


def _outcomes(found: Comparison) -> list[str]:
    """How often trials of both sides failed, degraded or never learned."""
    counted = found.overall.outcomes
    parts = [_failures(found)]
    parts += [
        f"{_counted(found, word)}."
        for word, outcome in counted.items()
        if word != FAILED and any(outcome.counts)
    ]
    return parts


def _failures(found: Comparison) -> str:
    if not any(found.overall.failed):
        return "No trial failed."
    if found.column.cost:
        how = f"Failed trials have no {found.metric} and are left out"
    else:
        how = "Failed trials count as the worst"
    return f"{how}: {_counted(found, FAILED)}."


def _counted(found: Comparison, word: str) -> str:
    """``3 of 8 of a failed, 0 of 8 of b (difference …); the data do not tell …``."""
    whole, outcome = found.overall, found.overall.outcomes[word]
    told = word if word == FAILED else f"had the verdict {word}"
    counted = (
        f"{outcome.counts[0]} of {whole.pairs} of {found.a} {told}, "
        f"{outcome.counts[1]} of {whole.pairs} of {found.b}"
    )
    risk = outcome.risk
    if not risk.interval.exists:
        return counted
    oftener = "fails" if word == FAILED else "has it"
    shows = (
        f"{found.a if risk.estimate > 0 else found.b} {oftener} more often"
        if risk.interval.excludes(0.0)
        else "the data do not tell them apart in this"
    )
    return (
        f"{counted} (difference {100 * risk.estimate:+.0f} "
        f"points, {100 * risk.interval.low:+.0f} to {100 * risk.interval.high:+.0f}); {shows}"
    )


def _speed(found: Comparison) -> str:
    whole = found.overall
    if found.metric in TIMED:
        return ""
    if not whole.speed_pairs:
        return "Speeds are not compared: no pair of trials ran alone on equal devices."
    over = f"over {_count(whole.speed_pairs, 'pair')} of trials that ran alone"
    images, updates = _ratio(whole.speed), _ratio(whole.updates)
    if math.isnan(whole.updates.estimate):
        return f"{found.a} sees {images} as many real images in a second as {found.b}, {over}."
    if not rates_differ(found):
        return (
            f"{found.a} trains at {images} the speed of {found.b}, in real images as in generator "
            f"updates, {over}."
        )
    return (
        f"In a second of training, {found.a} sees {images} as many real images as {found.b} and makes "
        f"{updates} as many generator updates, {over}."
    )


def _ratio(effect: Effect) -> str:
    """``1.22 times (1.10 to 1.35)``."""
    value = ratio_text(shown(effect.estimate, "log"), _width(effect, "log"))
    if not effect.interval.exists:
        return f"{value} times (without an interval)"
    return f"{value} times ({interval_text(effect.interval, 'log')})"


def rates_differ(found: Comparison) -> bool:
    """Whether the speed in generator updates is another one than that in real images."""
    speed, updates = found.overall.speed.estimate, found.overall.updates.estimate
    return abs(speed - updates) > _SAME_SPEED


def steps_differ(found: Comparison) -> bool:
    """Whether the sides differ in discriminator updates for each of the generator's."""
    first, second = found.overall.counts
    return first.critic_steps != second.critic_steps


def _budget(found: Comparison) -> str:
    """What the budget came to, where the sides differ in discriminator updates."""
    if not steps_differ(found):
        return ""
    sides = list(zip((found.a, found.b), found.overall.counts, strict=True))
    critic = [
        " or ".join(map(updates_told, counts.critic_steps))
        or "an unknown number of discriminator updates"
        for _, counts in sides
    ]
    trained = [
        f"{name} trained on {number(counts.images, 0)} real images in {number(counts.steps, 0)} "
        "generator updates"
        for name, counts in sides
    ]
    return (
        f"A generator update goes with {critic[0]} in {found.a} and with {critic[1]} in {found.b}: "
        f"{', '.join(trained)} (medians over trials)."
    )


def _most(found: Comparison) -> int:
    """Seeds of the context that has most."""
    return max(len(seeds) for seeds in found.overall.seeds)


def _a_is_better(effect: Effect, column: Column) -> bool:
    low = effect.interval.low
    return (low > 0) == higher_is_better(column)


def _sign(context: ContextEffect, column: Column) -> int:
    """1 where A is ahead in the context, -1 where it is behind, 0 where neither is."""
    estimate = context.effect.estimate
    if math.isnan(estimate) or estimate == 0:
        return 0
    return 1 if (estimate > 0) == higher_is_better(column) else -1


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
