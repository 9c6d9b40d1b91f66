"""The columns of a table of cells: which metrics are summed up over seeds, and how."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

from ganbench.components.column import Column
from ganbench.results.columns import Columns
from ganbench.results.formatting import worded
from ganbench.results.groups import SETTINGS
from ganbench.results.schema import AXES, CORE

#: Statistics that every metric has, and those of metrics that tables show besides.
_ALWAYS = ("median", "low", "high")
_SHOWN = ("mean", "iqm", "min", "max")
#: Real images, and generator updates, per second.
RATES = ("images_per_second", "steps_per_second")

#: What each is, whether its better direction is the metric's, and what it is called.
STATISTICS = {
    "median": ("{}, median over seeds", True, ""),
    "low": ("lower end of the interval of that median", False, ", lower end"),
    "high": ("upper end of the interval of that median", False, ", upper end"),
    "mean": ("{}, mean over seeds: infinite where one failed", True, ", mean"),
    "iqm": ("{}, mean of the middle half over seeds; from four seeds on", True, ", middle half"),
    "min": ("the least over seeds", True, ", least"),
    "max": ("the greatest over seeds", True, ", greatest"),
}


def summed_up(columns: Columns) -> list[Column]:
    """The metrics that a table of cells sums up: all numbers but the spreads of others."""
    return [c for c in columns.measured if c.dtype in ("float64", "Int64") and not c.spread_of]


def statistics_of(column: Column) -> tuple[str, ...]:
    """What the columns of a metric are called behind its name."""
    return (*_ALWAYS, *_SHOWN) if column.shown else _ALWAYS


def _described(column: Column) -> Iterator[Column]:
    for name in statistics_of(column):
        meaning, ranked, words = STATISTICS[name]
        yield replace(
            column,
            name=f"{column.name}_{name}",
            dtype="float64",
            meaning=meaning.format(f"`{column.name}`"),
            better=column.better if ranked else None,
            label=worded(column) + words,
            shown=column.shown and name == "median",
        )


def _columns(metrics: list[Column]) -> Iterator[Column]:
    for name in (*AXES, *SETTINGS):
        told = "" if name in AXES else "; only where cells of equal components differ in it"
        yield replace(CORE[name], dtype="string", meaning=CORE[name].meaning + told)
    yield Column("n", "Int64", "", "trials that count: neither skipped nor interrupted")
    yield Column("failed", "Int64", "", "those of them that did not end `ok`")
    for end, word in (("low", "lower"), ("high", "upper")):
        meaning = f"{word} end of Wilson's interval of `failed` / `n`"
        yield Column(f"failure_{end}", meaning=meaning, scale="share")
    yield Column("interrupted", "Int64", "", "other trials that wait to be finished")
    yield Column("verdicts", "string", "", "how many came to what, such as `stable 2/3, error 1/3`")
    for metric in metrics:
        yield from _described(metric)
    alone = "median over `ok` trials that had their device to themselves"
    for speed in (CORE[name] for name in RATES):
        yield replace(speed, meaning=alone)
        for end, word in (("low", "lower"), ("high", "upper")):
            meaning = f"{word} end of its interval"
            yield replace(speed, name=f"{speed.name}_{end}", meaning=meaning, better=None, label="")
    yield replace(CORE["train_seconds"], meaning="median over `ok` trials")
    yield replace(CORE["peak_memory_mb"], meaning="the largest of all trials")
    yield Column("interval_level", "float64", "", "confidence of all intervals of the row")
    yield Column("interval_seed", "Int64", "", "seed of their bootstrap")
    yield Column("interval_replicates", "Int64", "", "samples that their bootstrap drew")
    yield Column("reason", "string", "", "why the cell was skipped; it has no statistics")


@functools.lru_cache(maxsize=32)
def cell_columns(columns: Columns) -> Columns:
    """Every column that `by_cell` may have; those of a metric are there where a trial has it."""
    return Columns(_columns(summed_up(columns)))
