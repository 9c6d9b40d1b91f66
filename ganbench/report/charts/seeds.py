"""Curves of single seeds, and the grid on which those of a cell are put together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ganbench.components.column import Column
from ganbench.report.charts.bands import suits_log
from ganbench.report.charts.facets import Member
from ganbench.results.groups import worst

if TYPE_CHECKING:
    import pandas as pd

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
    """The curves of a cell's trials: empty for one that failed at once, absent if not measured."""
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
    """Where each trial was measured and what came out, in the order of training."""
    kept = history[history[metric].notna() & history[over].notna()]
    found = {}
    for trial, rows in kept.groupby("trial", sort=False):
        x = rows[over].to_numpy(dtype="float64")
        y = rows[metric].to_numpy(dtype="float64")
        order = np.argsort(x, kind="stable")
        found[str(trial)] = x[order], y[order]
    return found


def combine(seeds: Sequence[SeedCurve], column: Column) -> tuple[np.ndarray, np.ndarray]:
    """The seeds on a grid that they have in common: x (ticks,) and y (seeds, ticks).

    Between its points a seed's curve is a straight line, on the logarithm of a metric that has one.
    """
    lost = worst(column)
    grid = _grid(seeds, cut=math.isnan(lost))
    values = [seed.y for seed in seeds if len(seed.y)]
    log = bool(values) and suits_log(column, np.concatenate(values))
    rows = [_on_grid(seed, grid, lost, log) for seed in seeds]
    return grid, np.array(rows).reshape(-1, len(grid))


def _grid(seeds: Sequence[SeedCurve], cut: bool) -> np.ndarray:
    """Where all seeds are known: the ticks themselves if they agree, else their medians.

    :param cut: whether the grid ends with the first trial to fail.
    """
    whole = [seed for seed in seeds if seed.ok] or list(seeds)
    longest = max((seed.x for seed in seeds), key=len, default=np.empty(0))
    if all(np.array_equal(seed.x, longest) for seed in whole) and all(
        np.array_equal(seed.x, longest[: len(seed.x)]) for seed in seeds
    ):
        grid = longest
    else:
        grid = _common_grid([seed.x for seed in seeds if len(seed.x)], [s.x for s in whole])
    if cut and any(not seed.ok for seed in seeds):
        grid = grid[grid <= min(_last(seed) for seed in seeds if not seed.ok)]
    return grid


def _common_grid(every: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> np.ndarray:
    """The ticks' median places, from where all have begun to where the first of the whole ends."""
    whole = [x for x in whole if len(x)] or every
    start, end = max(x[0] for x in every), min(x[-1] for x in whole)
    count = max(map(len, every))
    middles = [np.median([x[tick] for x in every if len(x) > tick]) for tick in range(count)]
    inner = [x for x in middles if start < x < end]
    return np.unique([start, *inner, end]) if start <= end else np.empty(0)


def _on_grid(seed: SeedCurve, grid: np.ndarray, lost: float, log: bool) -> np.ndarray:
    """The seed's values on the grid; a value that is not finite spoils the lines that end in it."""
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


def _last(seed: SeedCurve) -> float:
    return float(seed.x[-1]) if len(seed.x) else -math.inf
