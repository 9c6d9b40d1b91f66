"""A ranking as a frame, as plain values for JSON, as a table for people, and in plain words."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ganbench.analysis.provenance import provenance_notes
from ganbench.analysis.ranking import RankedComponent, Ranking, mean_rank
from ganbench.base.text import counted, joined, percent, plain
from ganbench.components.column import Column
from ganbench.present.footnotes import (
    WAYS,
    count_footnotes,
    left_out_texts,
    no_results,
    seeds_text,
    too_few,
    unseen_text,
    weak_features,
)
from ganbench.present.formats import render_frame
from ganbench.present.result_frame import (
    Ends,
    Field,
    as_json,
    axis_fields,
    ends,
    estimate,
    frame_of,
    json_records,
    with_chances,
)
from ganbench.store.columns import with_arrow

_WITH_ENDS = ("rank", "ratio", "difference")


def _rank(found: Ranking, one: RankedComponent) -> Ends:
    others, interval = len(found.components) - 1, one.better.interval
    chances = (one.better.probability, interval.high, interval.low)
    first, low, high = (mean_rank(chance, others) for chance in chances)
    return first, low, high


def _relative(found: Ranking, one: RankedComponent) -> Ends:
    return ends(one.relative.estimate, one.relative.interval, found.scale)


_FIELDS: tuple[Field, ...] = (
    *axis_fields("the ranked axis", lambda _, one: one.name),
    Field(Column("contexts", "Int64", "blocks", "blocks in which all components were trained"),
          lambda found, _: len(found.blocks)),
    Field(Column("n", "Int64", "trials",
                 "trials of the component in these blocks, with seeds that all share"),
          lambda _, one: one.trials),
    Field(Column("failed", "Int64", "trials", "trials that failed or diverged", "lower"),
          lambda _, one: one.failed),
    Field(Column("failed_low", meaning="lower end of Wilson's interval of `failed` / `n`"),
          lambda _, one: one.failures.low),
    Field(Column("failed_high", meaning="upper end of Wilson's interval of `failed` / `n`"),
          lambda _, one: one.failures.high),
    *estimate("rank", "mean rank of a trial among one trial of each component; 1 is the best", _rank),
    *estimate("ratio", "ratio to the median of the block; for a metric that is positive without bound",
              _relative),
    *estimate("difference", "difference from the median of the block; for other metrics", _relative),
    *estimate("better", "probability that a trial beats a trial of the other components",
              lambda _, one: ends(one.better.probability, one.better.interval)),
    Field(Column("p", meaning="p-value against the first, Holm-corrected for all pairs"),
          lambda _, one: one.p),
    Field(Column("tied", "boolean", "", "whether the data do not tell it apart from the first"),
          lambda _, one: one.tied),
)  # fmt: skip

#: The columns of a ranking: one line per component, the best first.
RANKING_COLUMNS = tuple(field.column for field in _FIELDS)


def frame(found: Ranking) -> pd.DataFrame:
    """One line per component, the best first; see `RANKING_COLUMNS`.

    ``attrs`` holds axis, metric, its ``better`` direction, whether it is a ``cost``, level, seed,
    replicates, ``contexts``, ``captions`` and ``claim``, which is a part of the captions.
    """
    unused = "difference" if found.scale == "log" else "ratio"
    fields = [
        field
        for field in _FIELDS
        if not field.column.name.startswith(unused)
        and (field.column.dtype != "string" or field.column.name == found.axis)
    ]
    result = frame_of(found, found.components, fields)
    result.attrs |= {
        "axis": found.axis,
        "metric": found.metric,
        "better": found.column.better,
        "cost": found.column.cost,
        **{name: getattr(found, name) for name in ("level", "seed", "replicates")},
        "contexts": [block.label for block in found.blocks],
        "left_out": [f"{item.label}: {item.reason}" for item in found.left_out],
        **{name: getattr(found, name) for name in ("statistic", "scale", "shared_spread")},
        "claim": claim(found),
        "captions": footnotes(found),
    }
    return result


def record(found: Ranking) -> dict[str, Any]:
    """Everything as plain values; None for a missing or infinite value, since JSON has neither."""
    lines = frame(found)
    return {str(name): value for name, value in lines.attrs.items()} | {
        "components": json_records(lines)
    }


def table(found: Ranking, format_: str) -> str:
    """The table with its footnotes, in a format of `render_frame`."""
    if format_ == "json":
        return as_json(record(found))
    lines = frame(found)
    if format_ == "csv":
        return render_frame(lines, format_)
    ends = {name: (f"{name}_low", f"{name}_high") for name in _WITH_ENDS if name in lines.columns}
    kept = [found.axis, "n", "failures", "better", *(c for n, e in ends.items() for c in (n, *e))]
    return render_frame(
        with_chances(lines, {"failures": [_failures(c) for c in found.components]})[[*kept, "p"]],
        format_,
        footnotes=footnotes(found),
        bold={found.axis: found.leaders()},
        headers={
            "failures": "failed",
            "better": "P(better)",
            "rank": "mean rank ↓",
            "ratio": with_arrow(f"{found.metric} / median", found.column),
            "difference": with_arrow(f"{found.metric} − median", found.column),
            "p": "p against first",
        },
        intervals=ends,
        columns=[Column(name) for name in _WITH_ENDS],
        marks="Bold: the first, and the next ones up to the first that the data tell apart."
        if found.tested
        else "",
    )


def _failures(component: RankedComponent) -> str:
    """``1 (5–70 %)``, the number alone without an interval."""
    low, high = component.failures.low, component.failures.high
    ends = "" if math.isnan(low) else f" ({100 * low:.0f}–{100 * high:.0f} %)"
    return f"{component.failed}{ends}"


_UNTESTED = {
    1: "One seed cannot tell components apart: run more seeds.",
    2: f"{too_few(2).capitalize()}.",
}
_SHARED = (
    "; with a spread that all pairs share: the variance of each pair is pulled towards that of all "
    "(Smyth 2004)"
)


def claim(found: Ranking) -> str:
    """What the ranking shows, and what its seeds cannot see."""
    return " ".join(_claims(found))


def footnotes(found: Ranking) -> list[str]:
    """The claim, the meaning of the columns, the blocks, and what was left out."""
    texts = [*_claims(found), _meaning(found)]
    labels = [block.label for block in found.blocks]
    texts.append(f"Blocks: {'; '.join([*labels[:8], *['…'][: len(labels) > 8]])}.")
    single = sum(len(seeds) < 2 for seeds in found.seeds)
    if 0 < single < len(found.seeds):
        what = (
            f"The columns p and {found.metric} leave"
            if found.tested
            else f"The column {found.metric} leaves"
        )
        texts.append(f"{what} out {counted(single, 'block')} with one seed only.")
    texts += left_out_texts(found.left_out)
    if any(item.missing for item in found.left_out):
        texts.append(
            f"To rank with what was left out, run it with every {found.axis} and the same seeds."
        )
    remarks = [*no_results(found.trials), *weak_features(found.trials)]
    more = [*remarks, *count_footnotes(found.trials), *provenance_notes(found.trials)]
    return [*texts, *(f"{text}." for text in more)]


def _claims(found: Ranking) -> list[str]:
    budgets = f"This is at a budget of {joined([*map(plain, found.budgets)])}; there are others."
    return [*_findings(found), *[budgets] * bool(found.budgets)]


def _findings(found: Ranking) -> list[str]:
    seeds = seeds_text(found.seeds)
    if not found.tested:
        first = plain(found.components[0].name)
        most = max(map(len, found.seeds))
        return [f"By {found.metric}, {first} comes first ({seeds}). {_UNTESTED[most]}"]
    count = len(found.components)
    pairs = counted(count * (count - 1) // 2, "comparison")
    every = len({seed for own in found.seeds for seed in own})
    return [
        f"{_order(found)} (paired by seed, which is the unit, {seeds}, p <= {1 - found.level:.2g}, "
        f"Holm-corrected for {pairs}{_SHARED if found.shared_spread else ''}).",
        f"{unseen_text(every, found.level)}.",
    ]


def _order(found: Ranking) -> str:
    """``By fd, hinge comes first; the data do not tell it apart from wgan-gp …``."""
    first, *others = [plain(one.name) for one in found.components if one.tied]
    count = len(found.blocks)
    average = f" on average over {count} blocks" if count > 1 else ""
    start = f"By {found.metric}, {first} comes first{average}"
    if not others:
        return f"{start}, and the data tell all others apart from it"
    if len(others) == len(found.components) - 1:
        return (
            f"{start}, but the data do not tell it apart from any other "
            "and do not show that they are equal"
        )
    return (
        f"{start}; the data do not tell it apart from "
        f"{', '.join(others)} and do not show that they are equal"
    )


def _meaning(found: Ranking) -> str:
    kind = "ratio to" if found.scale == "log" else "difference from"
    cost = found.column.cost
    failures = "Failed trials are left out" if cost else "Failed trials count as the worst"
    way = WAYS[found.statistic]
    if any(one.failed for one in found.components) and not cost and found.statistic != "median":
        way += ", medians where trials failed"
    level = f"Intervals: {percent(found.level)}, not corrected. " if found.tested else ""
    return (
        f"{level}Mean rank: among one trial of each component. {found.metric}: {kind} the median of "
        f"the block, {way}. P(better): a trial beats a trial of the others. {failures}."
    )
