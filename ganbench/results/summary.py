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

from ganbench.results.cell_columns import AVERAGED, COLUMNS, METRICS, RANGED, scale, statistics_of
from ganbench.results.estimates import floats
from ganbench.results.groups import SETTINGS, Groups, group
from ganbench.results.schema import AXES
from ganbench.results.statistics.aggregates import LEAST_FOR_IQM, median, weights
from ganbench.results.statistics.intervals import LEVEL, intervals, wilson
from ganbench.results.statistics.scales import Scale
from ganbench.results.statistics.spread import REPLICATES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "METRICS", "RANGED", "SETTINGS", "by_cell", "median", "outcomes", "scale",
           "summarize"]  # fmt: skip


def by_cell(
    frame: pd.DataFrame, *, level: float = LEVEL, seed: int = 0, replicates: int = REPLICATES
) -> pd.DataFrame:
    """One row per cell: counts, and medians over seeds with their intervals; see `COLUMNS`.

    ``attrs["interval"]`` of the frame says which intervals these are.

    :param level: of the intervals.
    :param seed: of their bootstrap; likewise ``replicates``.
    """
    return summarize(group(frame), level=level, seed=seed, replicates=replicates)


def summarize(
    groups: Groups, *, level: float = LEVEL, seed: int = 0, replicates: int = REPLICATES
) -> pd.DataFrame:
    """`by_cell` of trials that are grouped already."""
    frame = groups.frame
    table = _keys(groups)
    table = table.assign(**_counts(groups, level))
    bootstrap = _Bootstrap(level, seed, replicates)
    for metric in METRICS:
        if metric in ("fd", "fd_best") or _there(frame, metric):
            table = table.assign(**_metric(groups, metric, bootstrap))
    table = table.assign(
        **_costs(groups, bootstrap),
        interval_level=level,
        interval_seed=seed,
        interval_replicates=replicates,
        reason=np.array(_reasons(groups), dtype=object),
    )
    known = {column.name: column.dtype for column in COLUMNS}
    table = table.astype({name: known[name] for name in table.columns})
    table.attrs["interval"] = {
        "statistic": "median",
        "method": "bootstrap with Student's t",
        "level": level,
        "seed": seed,
        "replicates": replicates,
    }
    return table


@dataclass(frozen=True)
class _Bootstrap:
    level: float
    seed: int
    replicates: int

    def bounds(self, values: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """Of the median of each row, (m, n)."""
        return intervals(
            list(values),
            "median",
            level=self.level,
            seed=self.seed,
            replicates=self.replicates,
            scale=scale,
        )


def _metric(groups: Groups, metric: str, bootstrap: _Bootstrap) -> dict[str, np.ndarray]:
    """The statistics of one metric over seeds, cell by cell."""
    found = {f"{metric}_{name}": _nothing(groups) for name in statistics_of(metric)}
    for numbers, values in groups.stacked(*groups.scores(metric)):
        low, high = bootstrap.bounds(values, scale(metric))
        ordered = np.sort(values, axis=1)
        sums = {"median": np.median(ordered, axis=1), "low": low, "high": high}
        if metric in RANGED:
            sums |= {"min": ordered[:, 0], "max": ordered[:, -1]}
        if metric in AVERAGED:
            sums |= {"mean": ordered.mean(axis=1), "iqm": _iqm(ordered)}
        for name, numbers_found in sums.items():
            found[f"{metric}_{name}"][numbers] = numbers_found
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
    found = {f"images_per_second{end}": _nothing(groups) for end in ("", "_low", "_high")}
    for numbers, values in groups.stacked(*groups.scores("images_per_second")):
        low, high = bootstrap.bounds(values, "log")
        found["images_per_second"][numbers] = np.median(values, axis=1)
        found["images_per_second_low"][numbers] = low
        found["images_per_second_high"][numbers] = high
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
