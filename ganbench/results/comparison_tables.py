"""A comparison as a frame, as plain values for JSON, and as a table for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ganbench.results.comparison import Comparison, ContextEffect
from ganbench.results.groups import TIMED
from ganbench.results.metrics import higher_is_better
from ganbench.results.schema import AXES, Column
from ganbench.results.statistics.intervals import Interval
from ganbench.results.verdicts import left_out_texts, sentence, shown

if TYPE_CHECKING:
    import pandas as pd

#: Estimates and the columns of their intervals' ends.
INTERVALS = {
    name: (f"{name}_low", f"{name}_high") for name in ("effect", "better", "risk", "speed")
}
_COUNTS = ("n", "pairs", "failed_a", "failed_b", "speed_n")


def frame(found: Comparison) -> pd.DataFrame:
    """One line per context, the last for all of them.

    - the components of the context, and ``context``, a short text;
    - ``n`` pairs, ``effect`` with ``effect_low`` and ``effect_high``: a ratio A / B on the scale
      ``log``, else a difference A - B; ``p`` of the test that there is none, not corrected;
    - ``better``: the probability that A beats B, with its interval;
    - ``pairs`` that ended, how many failed of A and B, and ``risk``, the difference of these shares;
    - ``speed``: the ratio of images per second A / B over ``speed_n`` pairs.

    ``attrs`` holds what the comparison is of, level, seed and replicates.
    """
    import pandas as pd

    lines = [_line(found, context) for context in (*found.contexts, found.overall)]
    result = pd.DataFrame(lines)
    kinds = {
        name: "Int64" if name in _COUNTS else "string" if name in (*AXES, "context") else "float64"
        for name in result.columns
    }
    result = result.astype(kinds)
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
    kept = ["context", "n", "effect", "better", "failed_a", "failed_b", "speed"]
    lines = lines.assign(better=chances(lines))
    ends = {name: INTERVALS[name] for name in ("effect", "speed")}
    lines = lines[[c for name in kept for c in (name, *ends.get(name, ()))]]
    if not found.overall.speed_pairs or found.metric in TIMED:
        lines = lines.drop(columns=["speed", *INTERVALS["speed"]])
    if not any(found.overall.failed):
        lines = lines.drop(columns=["failed_a", "failed_b"])
    if len(found.contexts) == 1:
        lines = lines.iloc[:1]
    return render_frame(
        lines,
        format_,
        captions=captions(found),
        headers=_headers(found),
        intervals={name: pair for name, pair in ends.items() if name in lines.columns},
        columns=[Column(name, "float64", "", "") for name in ends],
    )


def captions(found: Comparison) -> list[str]:
    """The sentence, what the intervals are, what was left out and what differs besides."""
    told = [sentence(found), f"A is {found.a}, B {found.b}. {_intervals(found)}"]
    told += left_out_texts(found.left_out)
    if found.notes:
        told.append(f"What differs besides: {'; '.join(found.notes)}.")
    return told


def _intervals(found: Comparison) -> str:
    kind = "means" if found.overall.effect.statistic == "mean" else "medians"
    scale = " of logarithms" if found.scale == "log" else ""
    what = f"{kind}{scale} of differences paired by seed"
    if not found.overall.effect.interval.exists:
        return f"Effects are {what}."
    return (
        f"Intervals: {100 * found.level:g} %, of {what}, for these contexts and not for others; those "
        "of single contexts are not corrected for their number."
    )


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
    line |= {"pairs": context.pairs, "failed_a": context.failed[0], "failed_b": context.failed[1]}
    line |= {"risk": context.risk.estimate} | _ends("risk", context.risk.interval)
    line |= {"speed_n": context.speed_pairs, "speed": shown(context.speed.estimate, "log")}
    return line | _ends("speed", context.speed.interval, True)


def _ends(name: str, interval: Interval, ratio: bool = False) -> dict[str, float]:
    ends = (interval.low, interval.high)
    low, high = (shown(end, "log") if ratio else end for end in ends)
    return {f"{name}_low": low, f"{name}_high": high}


def _headers(found: Comparison) -> dict[str, str]:
    arrow = "↑" if higher_is_better(found.metric) else "↓"
    sign = "/" if found.scale == "log" else "−"
    return {
        "n": "pairs",
        "effect": f"{found.metric} A {sign} B {arrow}",
        "better": "P(A better)",
        "failed_a": "A failed",
        "failed_b": "B failed",
        "speed": "speed A / B ↑",
    }
