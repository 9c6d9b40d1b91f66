"""Cells over seeds: counts, medians and their intervals, and the columns of their table.

A trial that failed or diverged stays in the denominator and counts as the worst, so that a cell
cannot look better by losing its bad seeds.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.frame_tools import floats, widened
from ganbench.analysis.groups import SETTINGS, Groups, group
from ganbench.analysis.metrics import RATES, better_known, interval_scale
from ganbench.analysis.statistics.aggregates import LEAST_FOR_IQM, weights
from ganbench.analysis.statistics.intervals import LEVEL, intervals, wilson
from ganbench.analysis.statistics.spread import REPLICATES
from ganbench.components.column import Column
from ganbench.store.columns import Columns, worded
from ganbench.store.primary import ATTRIBUTE, suffixed
from ganbench.store.schema import AXES, CORE


def by_cell(
    trials: pd.DataFrame | Groups,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """One row per cell: counts, and medians over seeds with their intervals; see `cell_columns`.

    ``attrs["interval"]`` of the frame describes the intervals.

    :param trials: a results frame, or the same grouped.
    :param level: of the intervals.
    :param seed: of their bootstrap.
    :param replicates: of their bootstrap.
    :param shared_spread: take all cells of the table to vary about alike over seeds, on the metric's
        scale, and pull the spread of each towards that of all (Smyth 2004): narrower for few seeds.
    """
    groups = trials if isinstance(trials, Groups) else group(trials)
    frame = groups.frame
    found = _counts(groups, level)
    bootstrap = {"level": level, "seed": seed, "replicates": replicates, "shared": shared_spread}
    first = better_known(frame)
    always = {name for primary in first for name in (primary, suffixed(primary, "best"))}
    for metric in summarized(groups.columns):
        name = metric.name
        if name in frame.columns and (name in always or frame[name].notna().any()):
            statistics = _statistics(groups, metric, bootstrap)
            found |= {f"{name}_{end}": statistics[end] for end in statistics_of(metric)}
    for rate in (name for name in RATES if name in frame.columns):
        statistics = _statistics(groups, CORE[rate], bootstrap)
        ends = {f"{rate}_{end}": statistics[end] for end in ("low", "high")}
        found |= {rate: statistics["median"]} | ends
    found["train_seconds"] = _of_values(groups, "train_seconds", groups.ok)["median"]
    found["peak_memory_mb"] = _of_values(groups, "peak_memory_mb", groups.counted)["max"]
    found |= {f"interval_{name}": bootstrap[name] for name in ("level", "seed", "replicates")}
    found["reason"] = np.array(_reasons(groups), dtype=object)
    table = widened(_keys(groups), found)
    known = cell_columns(groups.columns)
    table = table.astype({name: known[name].dtype for name in table.columns}).copy()
    table.attrs[ATTRIBUTE] = first
    usual = f"bootstrap with Student's t, seed {seed}, {replicates} replicates"
    table.attrs["interval"] = {
        "statistic": "median",
        "method": _SHARED if shared_spread else usual,
        "level": level,
        "seed": seed,
        "replicates": replicates,
    }
    return table


_SHARED = (
    "they assume that cells vary about alike and pull each cell's variance towards that of all (Smyth "
    "2004), with Student's t"
)

Stacks = Iterable[tuple[np.ndarray, np.ndarray]]


def _statistics(
    groups: Groups, metric: Column, bootstrap: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """The statistics of a metric over seeds, cell by cell, and the interval of the median."""
    stacks = list(groups.stacked(*groups.scores(metric.name)))
    found = _sums(groups, stacks)
    found |= {end: np.full(groups.count, math.nan) for end in ("low", "high")}
    cells = [cell for numbers, _ in stacks for cell in numbers.tolist()]
    if cells:  # all at once: they may share their spread
        values = [line for _, matrix in stacks for line in matrix]
        ends = intervals(values, "median", scale=interval_scale(metric), **bootstrap)
        found["low"][cells], found["high"][cells] = ends
    return found


def _of_values(groups: Groups, name: str, among: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of a column's known values among some rows."""
    values = floats(groups.frame[name])
    rows = np.flatnonzero(among & ~np.isnan(values))
    return _sums(groups, groups.stacked(rows, values[rows]))


def _sums(groups: Groups, stacks: Stacks) -> dict[str, np.ndarray]:
    names = ("median", "mean", "iqm", "min", "max")
    found = {name: np.full(groups.count, math.nan) for name in names}
    for cells, matrix in stacks:
        ordered = np.sort(matrix, axis=1)
        found["median"][cells] = np.median(ordered, axis=1)
        found["mean"][cells] = ordered.mean(axis=1)
        found["min"][cells], found["max"][cells] = ordered[:, 0], ordered[:, -1]
        if ordered.shape[1] >= LEAST_FOR_IQM:
            used = weights("iqm", ordered.shape[1]) > 0
            found["iqm"][cells] = ordered[:, used].mean(axis=1)
    return found


def _counts(groups: Groups, level: float) -> dict[str, Any]:
    n = groups.totals(groups.counted)
    failed = groups.totals(groups.counted & ~groups.ok)
    share = functools.lru_cache(lambda count, of: wilson(count, of, level))
    shares = list(map(share, failed.tolist(), n.tolist()))
    return {
        "n": n,
        "failed": failed,
        "failure_low": [interval.low for interval in shares],
        "failure_high": [interval.high for interval in shares],
        "interrupted": groups.totals(groups.status == "interrupted"),
        "verdicts": _verdicts(groups),
    }


def outcomes(frame: pd.DataFrame) -> pd.Series[str]:
    """The outcome of each trial: its verdict if it ended ``ok``, else its status."""
    return frame["status"].where(frame["status"] != "ok", frame["verdict"].fillna("ok"))


def _verdicts(groups: Groups) -> list[str | None]:
    """How many trials of each cell had which outcome, the most frequent first.

    ``stable 2/3, error 1/3``; None where no trial counts.
    """
    counts = [Counter[str]() for _ in range(groups.count)]
    words = outcomes(groups.frame).astype(str).tolist()
    notes = groups.frame.get("samples_note")
    if notes is not None:  # samples that are no result, such as noise
        words = [
            word if pd.isna(note) else f"{word} ({note.partition(':')[0]})"
            for word, note in zip(words, notes, strict=True)
        ]
    for row in np.flatnonzero(groups.counted).tolist():
        counts[groups.codes[row]][words[row]] += 1
    return [
        ", ".join(f"{name} {count}/{own.total()}" for name, count in _by_number(own)) or None
        for own in counts
    ]


def _by_number(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _keys(groups: Groups) -> pd.DataFrame:
    """The components of each cell, and the settings that tell it from others."""
    names = [*AXES, *groups.settings]
    first = np.unique(groups.codes, return_index=True)[1]
    table = groups.frame[names].iloc[first].reset_index(drop=True)
    for name in groups.settings:  # the first trial may lack what the others have
        table[name] = groups.frame[name].groupby(groups.codes, sort=True).first()
    return table.astype(dict.fromkeys(names, "string"))


_NO_REASON = "no reason given"


def _reasons(groups: Groups) -> list[str | None]:
    """Why each cell was skipped; None where any of its trials was not."""
    found: list[str | None] = [None] * groups.count
    n = groups.totals(groups.counted)
    errors = groups.frame["error"].to_numpy(dtype=object, na_value="")
    for row in np.flatnonzero(groups.status == "skipped").tolist():
        cell = groups.codes[row]
        if not n[cell] and found[cell] in (None, _NO_REASON):
            found[cell] = str(errors[row]) or _NO_REASON
    return found


#: Statistics of every metric, and further statistics of the metrics that tables show.
_ALWAYS = ("median", "low", "high")
_SHOWN = ("mean", "iqm", "min", "max")

#: Statistic -> its meaning, whether the metric's better direction holds for it, and its label.
STATISTICS = {
    "median": ("{}, median over seeds", True, ""),
    "low": ("lower end of the interval of that median", False, ", lower end"),
    "high": ("upper end of the interval of that median", False, ", upper end"),
    "mean": ("{}, mean over seeds: infinite where one failed", True, ", mean"),
    "iqm": ("{}, mean of the middle half over seeds; from four seeds on", True, ", middle half"),
    "min": ("the least over seeds", True, ", least"),
    "max": ("the greatest over seeds", True, ", greatest"),
}


def summarized(columns: Columns) -> list[Column]:
    """The metrics that a table of cells summarizes: all numbers but the spreads of others."""
    return [c for c in columns.measured if c.dtype in ("float64", "Int64") and not c.spread_of]


def statistics_of(column: Column) -> tuple[str, ...]:
    """The suffixes of a metric's columns, behind its name."""
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
        more = "" if name in AXES else "; only where cells of equal components differ in it"
        if name == "budget":
            more = "; only where cells of a data set differ in it"
        yield replace(CORE[name], dtype="string", meaning=CORE[name].meaning + more)
    yield Column("n", "Int64", "", "trials that count: neither skipped nor interrupted")
    yield Column("failed", "Int64", "", "those of them that did not end `ok`")
    for end, word in (("low", "lower"), ("high", "upper")):
        meaning = f"{word} end of Wilson's interval of `failed` / `n`"
        yield Column(f"failure_{end}", meaning=meaning, scale="share")
    yield Column("interrupted", "Int64", "", "other trials that wait to be finished")
    yield Column(
        "verdicts",
        "string",
        "",
        "trials by outcome, such as `stable 2/3, error 1/3`",
    )
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
    """Every column that `by_cell` may have; a metric's columns need a trial with the metric."""
    return Columns(_columns(summarized(columns)))
