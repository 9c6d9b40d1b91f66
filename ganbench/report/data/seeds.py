"""Curves of single seeds, and the grid on which the curves of a cell meet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ganbench.analysis.metrics import worst
from ganbench.components.column import Column
from ganbench.report.data.bands import suits_log
from ganbench.report.data.facets import Member

Over = Literal["images", "train_seconds"]


@dataclass(frozen=True)
class SeedCurve:
    """One trial's curve, up to where it was measured.

    :ivar ok: whether the trial ended well; if not, it counts as the worst after its last point.
    """

    trial: str
    seed: int
    x: np.ndarray
    y: np.ndarray
    ok: bool = True


def seed_curves(
    member: Member, measured: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> list[SeedCurve]:
    """The curves of a cell's trials: empty if a trial failed at once, absent if nobody measured it."""
    found = []
    cell, nothing = member.cell, np.empty(0)
    columns = cell.texts("trial"), cell.floats("seed").tolist(), cell.ok.tolist()
    for trial, seed, ok in zip(*columns, strict=True):
        x, y = measured.get(trial, (nothing, nothing))
        if len(x) or not ok:
            found.append(SeedCurve(trial, -1 if math.isnan(seed) else int(seed), x, y, ok))
    return found


def by_trial(
    history: pd.DataFrame, over: Over, metric: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The places and the values of each trial's measurements, in the order of training."""
    kept = history.dropna(subset=[metric, over]).sort_values(over, kind="stable")
    return {
        str(trial): (rows[over].to_numpy("float64"), rows[metric].to_numpy("float64"))
        for trial, rows in kept.groupby("trial", sort=False)
    }


def combine(seeds: Sequence[SeedCurve], column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Seeds, of which one was measured, on a common grid: x (ticks,) and y (seeds, ticks).

    Between its points a seed's curve is a straight line, on a logarithmic scale where that suits.
    """
    lost = worst(column)
    grid = _grid(seeds, cut=math.isnan(lost))
    values = [seed.y for seed in seeds if len(seed.y)]
    log = bool(values) and suits_log(column, np.concatenate(values))
    rows = [_on_grid(seed, grid, lost, log) for seed in seeds]
    return grid, np.array(rows).reshape(len(rows), len(grid))


def _grid(seeds: Sequence[SeedCurve], cut: bool) -> np.ndarray:
    """The ticks' median places, from the last start of all to the first end of the whole seeds.

    :param cut: whether the grid ends with the first trial to fail.
    """
    every = [seed.x for seed in seeds if len(seed.x)]
    whole = [seed.x for seed in seeds if len(seed.x) and seed.ok] or every
    start, end = max(x[0] for x in every), min(x[-1] for x in whole)
    ticks = range(max(map(len, every)))
    middles = [np.median([x[tick] for x in every if len(x) > tick]) for tick in ticks]
    inner = [x for x in middles if start < x < end]
    grid = np.unique([start, *inner, end]) if start <= end else np.empty(0)
    ends = [max(seed.x, default=-math.inf) for seed in seeds if cut and not seed.ok]
    return grid[grid <= min(ends, default=math.inf)]


def _on_grid(seed: SeedCurve, grid: np.ndarray, lost: float, log: bool) -> np.ndarray:
    """The seed's values on the grid; a value that is not finite spoils both lines that meet in it."""
    if not len(seed.x):
        return np.full(len(grid), lost)
    bad = math.inf if math.isnan(lost) else lost
    if np.array_equal(seed.x, grid[: len(seed.x)]):
        padded = np.full(len(grid), lost)
        padded[: len(seed.x)] = np.where(np.isfinite(seed.y), seed.y, bad)
        return padded
    known = np.isfinite(seed.y)
    y = np.where(known, seed.y, 1.0)
    values = np.exp(np.interp(grid, seed.x, np.log(y))) if log else np.interp(grid, seed.x, y)
    spoilt = np.interp(grid, seed.x, np.where(known, 0.0, 1.0)) > 0
    values = np.where(spoilt, bad, values)
    return np.where(grid > seed.x[-1], lost, values)
