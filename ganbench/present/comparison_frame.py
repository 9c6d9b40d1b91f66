"""A comparison as a frame, as plain values for JSON, and as a table for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ganbench.analysis.block_effects import FAILED, OUTCOMES
from ganbench.analysis.comparison import Comparison
from ganbench.analysis.metrics import TIMED
from ganbench.base.text import percent
from ganbench.components.column import Column, DType
from ganbench.present.comparison_text import rates_differ, sentence, unseen_share
from ganbench.present.footnotes import WAYS, left_out_texts
from ganbench.present.formats import render_frame
from ganbench.present.result_frame import (
    Field,
    as_json,
    axis_fields,
    ends,
    estimate,
    frame_of,
    json_records,
    with_chances,
)
from ganbench.store.columns import arrow

_ATTRIBUTES = ("a", "b", "axis", "metric", "scale", "level", "seed", "replicates")
#: Estimates that a table shows with their intervals, and the columns of these.
_SHOWN = {name: (f"{name}_low", f"{name}_high") for name in ("effect", "speed", "updates")}
_A_TO_B = "A / B, or difference A - B of a metric that is not positive without bound"


def _stem(word: str) -> str:
    """The start of an outcome's columns: ``never_learned``."""
    return word.replace("-", "_")


def _sides(name: str, form: tuple[DType, str], meaning: str, value: Any) -> Iterator[Field]:
    """A column for A and one for B; ``value`` takes the block."""
    a, b = (Column(f"{name}_{side.lower()}", *form, meaning.format(side)) for side in "AB")
    yield Field(a, lambda _, block: value(block)[0])
    yield Field(b, lambda _, block: value(block)[1])


def _outcome(word: str, meaning: str) -> Iterator[Field]:
    counts = f"trials of {{}} among them that {meaning}"
    yield from _sides(_stem(word), ("Int64", "trials"), counts, lambda b: b.outcomes[word].counts)
    yield from estimate(
        "risk" if word == FAILED else f"{_stem(word)}_risk",
        f"share of these of A minus that of B ({word})",
        lambda _, b: ends(b.outcomes[word].risk.estimate, b.outcomes[word].risk.interval),
    )


def _counts(name: str, meaning: str) -> Iterator[Field]:
    meaning += ", median over trials of {}"
    form: tuple[DType, str] = ("float64", name)
    return _sides(name, form, meaning, lambda b: [getattr(side, name) for side in b.counts])


_FIELDS: tuple[Field, ...] = (
    Field(Column("context", "string", "", "the block, as a short text"),
          lambda _, block: block.label),
    *axis_fields("not the axis that is compared", lambda axis, block: block.parts.get(axis)),
    Field(Column("n", "Int64", "pairs",
                 "pairs of trials with a seed in common in which the metric is known"),
          lambda _, block: sum(map(len, block.seeds))),
    *estimate("effect", f"ratio {_A_TO_B}, over pairs",
              lambda found, block: ends(block.effect.estimate, block.effect.interval, found.scale)),
    Field(Column("p", meaning="of a two-sided test of no effect; not corrected"),
          lambda _, block: block.effect.p),
    *estimate("better", "probability that a trial of A beats a trial of B",
              lambda _, block: ends(block.better.probability, block.better.interval)),
    Field(Column("pairs", "Int64", "pairs", "pairs of trials that ended, with or without the metric"),
          lambda _, block: block.pairs),
    *_outcome(FAILED, "failed or diverged"),
    *(field for word in OUTCOMES[1:] for field in _outcome(word, f"have the verdict `{word}`")),
    Field(Column("speed_n", "Int64", "pairs", "pairs that ran alone on equal devices"),
          lambda _, block: block.speed_pairs),
    *estimate("speed", "ratio A / B of real images per second, over these",
              lambda _, block: ends(block.speed.estimate, block.speed.interval, "log")),
    *estimate("updates", "ratio A / B of generator updates per second, over these",
              lambda _, block: ends(block.updates.estimate, block.updates.interval, "log")),
    *_counts("images", "real images shown to the discriminator"),
    *_counts("steps", "generator updates"),
)  # fmt: skip

#: The columns of a comparison: one line per block, the last for all blocks.
COMPARISON_COLUMNS = tuple(field.column for field in _FIELDS)


def frame(found: Comparison) -> pd.DataFrame:
    """One line per block, the last for all blocks; see `COMPARISON_COLUMNS`.

    ``attrs`` holds A, B, axis, metric, scale, level, seed and replicates.
    """
    parts = (*found.blocks, found.overall)
    result = frame_of(found, parts, (field for field in _FIELDS if field.column.name != found.axis))
    result.attrs |= {name: getattr(found, name) for name in _ATTRIBUTES}
    return result


def record(found: Comparison) -> dict[str, Any]:
    """Everything as plain values; None for what is missing or infinite, as JSON has neither."""
    *blocks, overall = json_records(frame(found))
    return {
        **{name: getattr(found, name) for name in ("a", "b", "axis", "metric")},
        "effect": "ratio a / b" if found.scale == "log" else "difference a - b",
        "statistic": found.overall.effect.statistic,
        "seeds": found.overall.effect.seeds,
        "unseen": unseen_share(found),
        "critic_steps": {
            side: list(counts.critic_steps)
            for side, counts in zip("ab", found.overall.counts, strict=True)
        },
        **{name: getattr(found, name) for name in ("level", "seed", "replicates")},
        "sentence": sentence(found),
        "overall": overall,
        "contexts": [
            line | {"seeds": list(block.seeds[0]), "settings": dict(block.parts)}
            for line, block in zip(blocks, found.blocks, strict=True)
        ],
        "left_out": [{"context": item.label, "reason": item.reason} for item in found.left_out],
        "notes": list(found.notes),
    }


def table(found: Comparison, format_: str) -> str:
    """The table with the sentence and footnotes, in a format of `render_frame`."""
    if format_ == "json":
        return as_json(record(found))
    lines = frame(found)
    if format_ == "csv":
        return render_frame(lines, format_)
    kept = ["context", "n", "effect", "better", *_troubles(found), *_speeds(found)]
    lines = with_chances(lines, {})[[c for name in kept for c in (name, *_SHOWN.get(name, ()))]]
    if len(found.blocks) == 1:
        lines = lines.iloc[:1]
    return render_frame(
        lines,
        format_,
        footnotes=footnotes(found),
        headers=_headers(found),
        intervals={name: pair for name, pair in _SHOWN.items() if name in lines.columns},
        columns=[Column(name) for name in _SHOWN],
    )


def footnotes(found: Comparison) -> list[str]:
    """The sentence, the kind of intervals, what was left out and other differences."""
    texts = [sentence(found), f"A is {found.a}, B {found.b}. {_intervals(found)}"]
    texts += left_out_texts(found.left_out)
    if found.notes:
        texts.append(f"Other differences: {'; '.join(found.notes)}.")
    return texts


def _troubles(found: Comparison) -> list[str]:
    """The columns of outcomes that any trial had."""
    counted = found.overall.outcomes.items()
    words = [_stem(word) for word, outcome in counted if any(outcome.counts)]
    return [f"{word}_{side}" for word in words for side in "ab"]


def _speeds(found: Comparison) -> list[str]:
    """The columns of speeds; of generator updates where their ratio differs from that of images."""
    if not found.overall.speed_pairs or found.metric in TIMED:
        return []
    return ["speed", "updates"] if rates_differ(found) else ["speed"]


def _intervals(found: Comparison) -> str:
    effect = found.overall.effect
    scale = " of logarithms" if found.scale == "log" else ""
    what = f"differences{scale}, paired by seed"
    if not effect.interval.exists:
        return f"Effects are means of {what}."
    parts = [f"Effects: {WAYS[effect.statistic]} of {what}"]
    if len(found.blocks) > 1:
        parts.append("the seed is the unit, whatever the number of blocks")
    parts.append(
        f"{percent(found.level)} intervals, for these blocks and not for others; those of single blocks "
        "are not corrected for their number"
    )
    return f"{'; '.join(parts)}."


def _headers(found: Comparison) -> dict[str, str]:
    sign = "/" if found.scale == "log" else "−"
    return {
        "context": "block",
        "n": "pairs",
        "effect": f"{found.metric} A {sign} B {arrow(found.column)}",
        "better": "P(A better)",
        "speed": "images/s A / B ↑",
        "updates": "updates/s A / B ↑",
    } | {f"{_stem(word)}_{side}": f"{side.upper()} {word}" for word in OUTCOMES for side in "ab"}
