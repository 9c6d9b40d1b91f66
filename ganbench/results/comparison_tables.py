"""A comparison as a frame, as plain values for JSON, and as a table for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ganbench.components.column import Column
from ganbench.results.comparison import Comparison, ContextEffect
from ganbench.results.effect_columns import COMPARISON_COLUMNS, risk_column, stem
from ganbench.results.formatting import arrow
from ganbench.results.groups import TIMED
from ganbench.results.schema import AXES
from ganbench.results.side_outcomes import OUTCOMES
from ganbench.results.statistics.intervals import Interval
from ganbench.results.verdicts import (
    WAYS,
    left_out_texts,
    rates_differ,
    sentence,
    shown,
    unseen_share,
)

if TYPE_CHECKING:
    import pandas as pd

#: Estimates that a table shows with their intervals, and the columns of these.
_SHOWN = {name: (f"{name}_low", f"{name}_high") for name in ("effect", "speed", "updates")}
_KINDS = {column.name: column.dtype for column in COMPARISON_COLUMNS}


def frame(found: Comparison) -> pd.DataFrame:
    """One line per context, the last for all of them.

    - the components of the context, and ``context``, a short text;
    - ``n`` pairs, ``effect`` with ``effect_low`` and ``effect_high``: a ratio A / B on the scale
      ``log``, else a difference A - B; ``p`` of the test that there is none, not corrected;
    - ``better``: the probability that A beats B, with its interval;
    - ``pairs`` that ended, how many failed of A and B, and ``risk``, the difference of these shares;
      likewise for the verdicts that speak of trouble (`side_outcomes.OUTCOMES`);
    - ``speed`` and ``updates``: the ratios A / B of real images and of generator updates per second over
      ``speed_n`` pairs;
    - ``images_a``, ``steps_a`` and so on: what the budget came to, medians over trials.

    ``attrs`` holds what the comparison is of, level, seed and replicates.
    """
    import pandas as pd

    lines = [_line(found, context) for context in (*found.contexts, found.overall)]
    result = pd.DataFrame(lines)
    result = result.astype({name: _KINDS[name] for name in result.columns})
    result.attrs |= {
        name: getattr(found, name)
        for name in ("a", "b", "axis", "metric", "scale", "level", "seed", "replicates")
    }
    return result


def record(found: Comparison) -> dict[str, Any]:
    """Everything as plain values; None for what is missing or infinite, as JSON has neither."""
    from ganbench.results.tables import json_records

    *contexts, overall = json_records(frame(found))
    return {
        "a": found.a,
        "b": found.b,
        "axis": found.axis,
        "metric": found.metric,
        "effect": "ratio a / b" if found.scale == "log" else "difference a - b",
        "statistic": found.overall.effect.statistic,
        "seeds": found.overall.effect.seeds,
        "unseen": unseen_share(found),
        "critic_steps": {
            side: list(counts.critic_steps)
            for side, counts in zip("ab", found.overall.counts, strict=True)
        },
        "level": found.level,
        "seed": found.seed,
        "replicates": found.replicates,
        "sentence": sentence(found),
        "overall": overall,
        "contexts": [
            line | {"seeds": list(context.seeds[0]), "settings": dict(context.context)}
            for line, context in zip(contexts, found.contexts, strict=True)
        ],
        "left_out": [{"context": item.label, "reason": item.reason} for item in found.left_out],
        "notes": list(found.notes),
    }


def table(found: Comparison, format_: str) -> str:
    """The table with the sentence and all captions, as ``table``, ``markdown``, ``latex`` or ``csv``."""
    from ganbench.results.render import render_frame

    lines = frame(found)
    if format_ == "csv":
        return render_frame(lines, format_)
    kept = ["context", "n", "effect", "better", *_troubles(found), *_speeds(found)]
    lines = lines.assign(better=chances(lines))
    lines = lines[[c for name in kept for c in (name, *_SHOWN.get(name, ()))]]
    if len(found.contexts) == 1:
        lines = lines.iloc[:1]
    return render_frame(
        lines,
        format_,
        captions=captions(found),
        headers=_headers(found),
        intervals={name: pair for name, pair in _SHOWN.items() if name in lines.columns},
        columns=[Column(name) for name in _SHOWN],
    )


def captions(found: Comparison) -> list[str]:
    """The sentence, what the intervals are, what was left out and what differs besides."""
    told = [sentence(found), f"A is {found.a}, B {found.b}. {_intervals(found)}"]
    told += left_out_texts(found.left_out)
    if found.notes:
        told.append(f"What differs besides: {'; '.join(found.notes)}.")
    return told


def _troubles(found: Comparison) -> list[str]:
    """The columns of what befell any trial."""
    counted = found.overall.outcomes.items()
    words = [stem(word) for word, outcome in counted if any(outcome.counts)]
    return [f"{word}_{side}" for word in words for side in "ab"]


def _speeds(found: Comparison) -> list[str]:
    """The columns of speeds; of generator updates where these are not what images are."""
    if not found.overall.speed_pairs or found.metric in TIMED:
        return []
    return ["speed", "updates"] if rates_differ(found) else ["speed"]


def _intervals(found: Comparison) -> str:
    effect, level = found.overall.effect, f"{100 * found.level:g} %"
    scale = " of logarithms" if found.scale == "log" else ""
    what = f"differences{scale}, paired by seed"
    if not effect.interval.exists:
        return f"Effects are means of {what}."
    parts = [f"Effects: {WAYS[effect.statistic]} of {what}"]
    if len(found.contexts) > 1:
        parts.append("the seed is the unit, whatever the number of contexts")
    parts.append(
        f"{level} intervals, for these contexts and not for others; those of single contexts are "
        "not corrected for their number"
    )
    return f"{'; '.join(parts)}."


def chances(lines: pd.DataFrame) -> list[str]:
    """``0.88 [0.53, 0.98]`` of each line: the column ``better`` with its interval, if it has one."""
    return [
        f"{value:.2f}" if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"
        for value, low, high in zip(
            lines["better"], lines["better_low"], lines["better_high"], strict=True
        )
    ]


def _line(found: Comparison, context: ContextEffect) -> dict[str, Any]:
    line: dict[str, Any] = {"context": context.label}
    line |= {name: context.context.get(name) for name in AXES if name != found.axis}
    line["n"] = sum(map(len, context.seeds))
    line["effect"] = shown(context.effect.estimate, found.scale)
    line |= _ends("effect", context.effect.interval, found.scale == "log")
    line |= {"p": context.effect.p, "better": context.better.probability}
    line |= _ends("better", context.better.interval)
    line["pairs"] = context.pairs
    for word, outcome in context.outcomes.items():
        name = risk_column(word)
        line |= {f"{stem(word)}_{side}": n for side, n in zip("ab", outcome.counts, strict=True)}
        line |= {name: outcome.risk.estimate} | _ends(name, outcome.risk.interval)
    line["speed_n"] = context.speed_pairs
    for name, rate in (("speed", context.speed), ("updates", context.updates)):
        line |= {name: shown(rate.estimate, "log")} | _ends(name, rate.interval, ratio=True)
    for name in ("images", "steps"):
        sides = zip("ab", context.counts, strict=True)
        line |= {f"{name}_{side}": getattr(counts, name) for side, counts in sides}
    return line


def _ends(name: str, interval: Interval, ratio: bool = False) -> dict[str, float]:
    ends = (interval.low, interval.high)
    low, high = (shown(end, "log") if ratio else end for end in ends)
    return {f"{name}_low": low, f"{name}_high": high}


def _headers(found: Comparison) -> dict[str, str]:
    sign = "/" if found.scale == "log" else "−"
    return {
        "n": "pairs",
        "effect": f"{found.metric} A {sign} B {arrow(found.column)}",
        "better": "P(A better)",
        "speed": "images/s A / B ↑",
        "updates": "updates/s A / B ↑",
    } | {f"{stem(word)}_{side}": f"{side.upper()} {word}" for word in OUTCOMES for side in "ab"}
