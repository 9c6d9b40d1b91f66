"""A comparison in plain words: what the data show, and what they do not.

The text claims a difference only if the interval over all blocks excludes zero effect. It then says
what single blocks show, corrected for their number, or where they contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ganbench.analysis.block_effects import FAILED, BlockEffect
from ganbench.analysis.comparison import Comparison
from ganbench.analysis.metrics import TIMED
from ganbench.analysis.statistics.aggregates import trimmed
from ganbench.analysis.statistics.paired import Effect
from ganbench.analysis.statistics.seeds import unseen
from ganbench.base.text import counted, percent
from ganbench.present.footnotes import no_results, seeds_text, too_few, unseen_text, weak_features
from ganbench.present.numbers import effect_text, interval_text, number, shown

_FEW = 12  # seeds; with fewer, an effect of one standard deviation is often missed


def sentence(found: Comparison) -> str:
    """The whole text: effect, blocks, probability, outcomes of trials, speed and budget."""
    effect = found.overall.effect
    parts = [
        _effect(found),
        f"{unseen_text(effect.seeds, found.level)}." if effect.interval.exists else "",
        *_blocks(found),
        _probability(found),
        *outcome_texts(found),
        speed_text(found),
        budget_text(found),
        *(f"{text}." for text in (*no_results(found.trials), *weak_features(found.trials))),
    ]
    return " ".join(part for part in parts if part)


def unseen_share(found: Comparison) -> float | None:
    """The share of seeds that an event may hit without showing in any; None without a claim."""
    effect = found.overall.effect
    return unseen(effect.seeds, found.level) if effect.interval.exists else None


def _effect(found: Comparison) -> str:
    effect, head = found.overall.effect, seeds_text(found.overall.seeds)
    if math.isnan(effect.estimate):
        return f"{head}: trials failed on both sides, so the effect on {found.metric} is unknown."
    if effect.interval.low == effect.interval.high == 0:
        return f"{head}: {found.a} and {found.b} have the same {found.metric} in every pair."
    if not effect.interval.exists:
        most = max(map(len, found.overall.seeds))
        return f"{head}: {_size(found)}; {too_few(most)}."
    if math.isinf(effect.estimate) and not effect.interval.excludes(0.0):
        return f"{head}: {_size(found)}; only the counts of such trials can tell them apart."
    interval = interval_text(effect.interval, found.scale)
    bounds = f"({percent(found.level)} interval {interval})"
    return f"{head}: {_size(found)} {bounds}; {_verdict(found)}."


def _size(found: Comparison) -> str:
    """``hinge's fd is 0.82 times that of wgan-gp``."""
    effect, metric = found.overall.effect, found.metric
    if math.isinf(effect.estimate):
        return f"the effect on {metric} is not finite: {_without_ratio(found)}"
    head = f"{_possessive(found.a)} {metric}{_middle(found)} is"
    amount, value = effect_text(effect, found.scale), shown(effect.estimate, found.scale)
    if found.scale == "log":
        return f"{head} {amount} times that of {found.b}"
    if value == 0:
        return f"{head} equal to that of {found.b}"
    return f"{head} {amount} {'above' if value > 0 else 'below'} that of {found.b}"


def _without_ratio(found: Comparison) -> str:
    """Why an effect is infinite."""
    losing = int((found.overall.effect.estimate > 0) == (found.column.better == "higher"))
    parts = []
    if found.overall.failed[losing]:
        parts.append(f"failed trials of {(found.a, found.b)[losing]} count as the worst")
    if found.zeros:
        parts.append("zeros have no finite ratio")
    return " and ".join(parts) or "values are infinite"


def _middle(found: Comparison) -> str:
    """How the effect summarizes seeds; empty for a plain mean."""
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


def _verdict(found: Comparison) -> str:
    effect, one = found.overall.effect, len(found.blocks) == 1
    if effect.interval.excludes(0.0):
        a_is_better = (effect.interval.low > 0) == (found.column.better == "higher")
        where = "this block" if one else "these blocks on average"
        return f"in {where}, {found.a if a_is_better else found.b} is better by {found.metric}"
    seeds = effect.seeds
    few = f" (with {seeds} seeds only a large difference would show)" if seeds < _FEW else ""
    average = "" if one else "on average "
    return f"{average}the data do not tell them apart and do not show that they are equal{few}"


def _blocks(found: Comparison) -> Iterator[str]:
    """Where blocks disagree, and which show the effect by themselves."""
    if len(found.blocks) == 1:
        yield f"The only block is {found.blocks[0].label}; it says nothing about other blocks."
        return
    overall = found.overall.effect.interval
    single = sum(len(block.seeds[0]) < 2 for block in found.blocks)
    if 0 < single < len(found.blocks):
        what = "Effect and interval leave" if overall.exists else "The effect leaves"
        yield f"{what} out {counted(single, 'block')} with one seed only."
    signs = [_sign(found, block) for block in found.blocks]
    ahead, behind = ([n for n, sign in enumerate(signs) if sign == side] for side in (1, -1))
    sure = [[n for n in side if n in found.corrected] for side in (ahead, behind)]
    if all(sure):
        yield (
            f"The blocks contradict each other beyond chance: {found.a} is better in "
            f"{_labels(found, sure[0])} and worse in {_labels(found, sure[1])}, so an average "
            "over blocks says little."
        )
        return
    if ahead and behind:
        yield from _two_ways(found, ahead, behind, sure)
    if overall.excludes(0.0):
        known = len(sure[0]) + len(sure[1])
        yield (
            f"In {known} of {len(found.blocks)} blocks the difference shows by itself, corrected "
            "for their number."
        )
        return
    if alone := [n for n, b in enumerate(found.blocks) if b.effect.interval.excludes(0.0)]:
        yield (
            f"Taken alone, {_labels(found, alone)} would show a difference; with {len(found.blocks)} "
            "blocks, that is only a hint."
        )


def _two_ways(
    found: Comparison, ahead: Sequence[int], behind: Sequence[int], sure: Sequence[Sequence[int]]
) -> Iterator[str]:
    """Estimates of both signs, of which at most one side shows beyond chance."""
    words = ("below", "above") if found.column.better == "lower" else ("above", "below")
    known = [*sure[0], *sure[1]]
    shows = (
        f"beyond chance only {_labels(found, known)}"
        if known
        else "no block shows a difference beyond chance"
    )
    yield (
        f"The estimates do not point the same way: {_possessive(found.a)} {found.metric} is "
        f"{words[0]} that of {found.b} in {_labels(found, ahead)} and {words[1]} it in "
        f"{_labels(found, behind)}; {shows}."
    )


def _probability(found: Comparison) -> str:
    better = found.overall.better
    if math.isnan(better.probability):
        return ""
    if not better.interval.exists:
        return (
            f"A trial of {found.a} beats a trial of {found.b} with probability "
            f"{better.probability:.2f} (over these seeds)."
        )
    return (
        f"A trial of {found.a} beats a trial of {found.b} with probability {better.probability:.2f} "
        f"({better.interval.low:.2f} to {better.interval.high:.2f})."
    )


def _sign(found: Comparison, block: BlockEffect) -> int:
    """1 where A has the better estimate in the block, -1 where it has the worse one, else 0."""
    estimate = block.effect.estimate
    if math.isnan(estimate) or estimate == 0:
        return 0
    return 1 if (estimate > 0) == (found.column.better == "higher") else -1


def _labels(found: Comparison, numbers: Sequence[int]) -> str:
    names = [found.blocks[number].label for number in numbers]
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} blocks"


def _possessive(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


#: Logarithms of two ratios that differ by less count as one speed.
_SAME_SPEED = 0.005


def outcome_texts(found: Comparison) -> Iterator[str]:
    """How often trials of both sides failed, degraded or never learned."""
    for word, outcome in found.overall.outcomes.items():
        if word == FAILED:
            yield _failures(found)
        elif any(outcome.counts):
            yield f"{_counts(found, word)}."


def speed_text(found: Comparison) -> str:
    """The ratios of both speeds, over pairs that ran alone."""
    whole = found.overall
    if found.metric in TIMED:
        return ""
    if not whole.speed_pairs:
        return "Speeds are not compared: no pair of trials ran alone on equal devices."
    over = f"over {counted(whole.speed_pairs, 'pair')} of trials that ran alone"
    images, updates = _ratio(whole.speed), _ratio(whole.updates)
    if math.isnan(whole.updates.estimate):
        return f"{found.a} sees {images} as many real images per second as {found.b}, {over}."
    if not rates_differ(found):
        return (
            f"{found.a} trains at {images} the speed of {found.b}, in real images and in generator "
            f"updates, {over}."
        )
    return (
        f"Per second of training, {found.a} sees {images} as many real images as {found.b} and makes "
        f"{updates} as many generator updates, {over}."
    )


def rates_differ(found: Comparison) -> bool:
    """Whether the speed in generator updates differs from the speed in real images."""
    speed, updates = found.overall.speed.estimate, found.overall.updates.estimate
    return abs(speed - updates) > _SAME_SPEED


def budget_text(found: Comparison) -> str:
    """The counts that the budget bought; empty for equal numbers of discriminator updates."""
    first, second = found.overall.counts
    if first.critic_steps == second.critic_steps:
        return ""
    sides = list(zip((found.a, found.b), (first, second), strict=True))
    critic = [
        " or ".join(counted(steps, "discriminator update") for steps in counts.critic_steps)
        or "an unknown number of discriminator updates"
        for _, counts in sides
    ]
    trained = [
        f"{name} trained on {number(counts.images, 0)} real images in {number(counts.steps, 0)} "
        "generator updates"
        for name, counts in sides
    ]
    return (
        f"Each generator update has {critic[0]} in {found.a} and {critic[1]} in {found.b}: "
        f"{', '.join(trained)} (medians over trials)."
    )


def _failures(found: Comparison) -> str:
    if not any(found.overall.failed):
        return "No trial failed."
    if found.column.cost:
        how = f"Failed trials have no {found.metric} and are left out"
    else:
        how = "Failed trials count as the worst"
    return f"{how}: {_counts(found, FAILED)}."


def _counts(found: Comparison, word: str) -> str:
    """``3 of 8 trials of a failed, 0 of 8 of b (difference …); the data do not tell …``."""
    whole, outcome = found.overall, found.overall.outcomes[word]
    text = (
        f"{outcome.counts[0]} of {whole.pairs} trials of {found.a} {word.replace('-', ' ')}, "
        f"{outcome.counts[1]} of {whole.pairs} of {found.b}"
    )
    risk = outcome.risk
    if not risk.interval.exists:
        return text
    shows = (
        f"{found.a if risk.estimate > 0 else found.b} did so more often"
        if risk.interval.excludes(0.0)
        else "the data do not tell them apart here"
    )
    return (
        f"{text} (difference {100 * risk.estimate:+.0f} "
        f"points, {100 * risk.interval.low:+.0f} to {100 * risk.interval.high:+.0f}); {shows}"
    )


def _ratio(effect: Effect) -> str:
    """``1.22 times (1.10 to 1.35)``."""
    value = effect_text(effect, "log")
    if not effect.interval.exists:
        return f"{value} times (without an interval)"
    return f"{value} times ({interval_text(effect.interval, 'log')})"
