"""Groups over seeds: what a cell's trials have in common and how they differ.

A trial that failed or diverged stays in the denominator and counts as the worst there is, so a cell
cannot look better by losing its bad seeds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.results.cell_columns import RATES, cell_columns, statistics_of, summed_up
from ganbench.results.curve_columns import best_of
from ganbench.results.estimates import floats
from ganbench.results.groups import SETTINGS, Groups, group
from ganbench.results.metrics import interval_scale
from ganbench.results.primary import ATTRIBUTE
from ganbench.results.schema import AXES, CORE
from ganbench.results.statistics.aggregates import LEAST_FOR_IQM, median, weights
from ganbench.results.statistics.intervals import LEVEL, intervals, wilson
from ganbench.results.statistics.scales import Scale
from ganbench.results.statistics.spread import REPLICATES
from ganbench.results.twins import better_known
from ganbench.results.widening import widened

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SETTINGS", "by_cell", "median", "outcomes", "summarize"]


def by_cell(
    frame: pd.DataFrame,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """One row per cell: counts, and medians over seeds with their intervals; see `cell_columns`.

    ``attrs["interval"]`` of the frame says which intervals these are.

    :param level: of the intervals.
    :param seed: of their bootstrap; likewise ``replicates``.
    :param shared_spread: take all cells of the table to vary about alike over seeds, on the metric's
        scale, and pull the spread of each towards that of all (Smyth 2004): narrower for few seeds.
    """
    return summarize(
        group(frame), level=level, seed=seed, replicates=replicates, shared_spread=shared_spread
    )


def summarize(
    groups: Groups,
    *,
    level: float = LEVEL,
    seed: int = 0,
    replicates: int = REPLICATES,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """`by_cell` of trials that are grouped already."""
    frame = groups.frame
    found = _counts(groups, level)
    bootstrap = _Bootstrap(level, seed, replicates, shared_spread)
    first = better_known(frame)
    always = {name for primary in first for name in (primary, best_of(primary))}
    for metric in summed_up(groups.columns):
        if metric.name in frame.columns and (metric.name in always or _there(frame, metric.name)):
            found |= _metric(groups, metric, bootstrap)
    found |= _costs(groups, bootstrap)
    found |= {
        "interval_level": level,
        "interval_seed": seed,
        "interval_replicates": replicates,
        "reason": np.array(_reasons(groups), dtype=object),
    }
    table = widened(_keys(groups), found)
    known = cell_columns(groups.columns)
    table = table.astype({name: known[name].dtype for name in table.columns}).copy()
    table.attrs[ATTRIBUTE] = first
    table.attrs["interval"] = {
        "statistic": "median",
        "method": _SHARED
        if shared_spread
        else f"bootstrap with Student's t, seed {seed}, {replicates} replicates",
        "level": level,
        "seed": seed,
        "replicates": replicates,
    }
    return table


_SHARED = (
    "they take the cells to vary about alike, each cell's variance being pulled towards that of all "
    "(Smyth 2004), with Student's t"
)


@dataclass(frozen=True)
class _Bootstrap:
    level: float
    seed: int
    replicates: int
    shared: bool

    def bounds(self, groups: list[np.ndarray], scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """Of the median of each group."""
        return intervals(
            groups,
            "median",
            level=self.level,
            seed=self.seed,
            replicates=self.replicates,
            scale=scale,
            shared=self.shared,
        )


def _metric(groups: Groups, metric: Column, bootstrap: _Bootstrap) -> dict[str, np.ndarray]:
    """The statistics of one metric over seeds, cell by cell."""
    found = {f"{metric.name}_{name}": _nothing(groups) for name in statistics_of(metric)}
    found |= _ends(groups, metric, bootstrap)
    for numbers, values in groups.stacked(*groups.scores(metric.name)):
        ordered = np.sort(values, axis=1)
        sums = {
            "median": np.median(ordered, axis=1),
            "mean": ordered.mean(axis=1),
            "iqm": _iqm(ordered),
            "min": ordered[:, 0],
            "max": ordered[:, -1],
        }
        for name in sums.keys() & set(statistics_of(metric)):
            found[f"{metric.name}_{name}"][numbers] = sums[name]
    return found


def _ends(groups: Groups, metric: Column, bootstrap: _Bootstrap) -> dict[str, np.ndarray]:
    """The ends of the intervals of all cells, found at once: they may share their spread."""
    name = metric.name
    found = {f"{name}_{end}": _nothing(groups) for end in ("low", "high")}
    cells, values = [], []
    for numbers, matrix in groups.stacked(*groups.scores(name)):
        cells += numbers.tolist()
        values += list(matrix)
    if cells:
        ends = bootstrap.bounds(values, interval_scale(metric))
        found[f"{name}_low"][cells], found[f"{name}_high"][cells] = ends
    return found


def _iqm(ordered: np.ndarray) -> np.ndarray:
    """The interquartile mean of each row of ordered values; NaN for fewer than four."""
    count = ordered.shape[1]
    if count < LEAST_FOR_IQM:
        return np.full(len(ordered), math.nan)
    used = weights("iqm", count) > 0
    found: np.ndarray = ordered[:, used].mean(axis=1)
    return found


def _counts(groups: Groups, level: float) -> dict[str, Any]:
    n = groups.totals(groups.counted)
    failed = groups.totals(groups.counted & ~groups.ok)
    pairs = list(zip(failed.tolist(), n.tolist(), strict=True))
    shares = functools.lru_cache(lambda count, of: wilson(count, of, level))
    return {
        "n": n,
        "failed": failed,
        "failure_low": [shares(*pair).low for pair in pairs],
        "failure_high": [shares(*pair).high for pair in pairs],
        "interrupted": groups.totals(groups.status == "interrupted"),
        "verdicts": _verdicts(groups),
    }


def _costs(groups: Groups, bootstrap: _Bootstrap) -> dict[str, np.ndarray]:
    """Speed, time and memory."""
    found: dict[str, np.ndarray] = {}
    for rate in (name for name in RATES if name in groups.frame.columns):
        found |= {rate: _nothing(groups)} | _ends(groups, CORE[rate], bootstrap)
        for numbers, values in groups.stacked(*groups.scores(rate)):
            found[rate][numbers] = np.median(values, axis=1)
    found |= {"train_seconds": _nothing(groups), "peak_memory_mb": _nothing(groups)}
    for numbers, values in groups.stacked(*_measured(groups, "train_seconds", groups.ok)):
        found["train_seconds"][numbers] = np.median(values, axis=1)
    for numbers, values in groups.stacked(*_measured(groups, "peak_memory_mb", groups.counted)):
        found["peak_memory_mb"][numbers] = values.max(axis=1)
    return found


def _measured(groups: Groups, name: str, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = floats(groups.frame[name])
    rows = np.flatnonzero(among & ~np.isnan(values))
    return rows, values[rows]


def _nothing(groups: Groups) -> np.ndarray:
    return np.full(groups.count, math.nan)


def outcomes(frame: pd.DataFrame) -> pd.Series[str]:
    """What became of each trial: its verdict if it ended ``ok``, else its status."""
    return frame["status"].where(frame["status"] != "ok", frame["verdict"].fillna("ok"))


def _verdicts(groups: Groups) -> list[str | None]:
    """How many trials of each cell came to what, the most frequent first: ``stable 2/3, error 1/3``.

    None where no trial counts.
    """
    rows = np.flatnonzero(groups.counted)
    codes, names = outcomes(groups.frame).iloc[rows].factorize()
    table = np.zeros((groups.count, len(names)), dtype=np.int64)
    np.add.at(table, (groups.codes[rows], codes), 1)
    known: dict[bytes, str] = {}
    found = []
    for line in table:
        key = line.tobytes()
        if key not in known:
            counts = zip(names, line.tolist(), strict=True)
            known[key] = _counted({str(name): count for name, count in counts if count})
        found.append(known[key] or None)
    return found


def _counted(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{name} {count}/{total}" for name, count in ordered)


def _keys(groups: Groups) -> pd.DataFrame:
    """The components of each cell, and the settings that tell it from others."""
    names = [*AXES, *groups.settings]
    table = groups.frame[names].iloc[groups.first].reset_index(drop=True)
    for name in groups.settings:  # the first trial may lack what the others have
        table[name] = groups.frame[name].groupby(groups.codes, sort=True).first()
    return table.astype(dict.fromkeys(names, "string"))


def _reasons(groups: Groups) -> list[str | None]:
    """Why each cell was skipped; None where it was not, or not all of it."""
    found: list[str | None] = [None] * groups.count
    n = groups.totals(groups.counted)
    errors = groups.frame["error"].to_numpy(dtype=object, na_value="")
    for row in np.flatnonzero(groups.status == "skipped").tolist():
        cell = groups.codes[row]
        if not n[cell] and found[cell] in (None, _NO_REASON):
            found[cell] = str(errors[row]) or _NO_REASON
    return found


_NO_REASON = "no reason given"


def _there(frame: pd.DataFrame, metric: str) -> bool:
    return metric in frame.columns and bool(frame[metric].notna().any())
