"""Which trials belong to which cell, and a metric's values cell by cell.

Thousands of cells are grouped at once: everything here works on whole columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.results.columns import Columns, columns_of
from ganbench.results.comparability import EVALUATION, FINGERPRINT
from ganbench.results.estimates import floats
from ganbench.results.schema import AXES

if TYPE_CHECKING:
    import pandas as pd

#: What tells cells of equal components apart, where a folder holds the results of several grids.
SETTINGS = (
    "cell",
    "task",
    "budget",
    "batch_size",
    "precision_mode",
    "extractor",
    FINGERPRINT,
    EVALUATION,
    "settings",
    "providers",
    "protocol",
)


#: Metrics that mean something only where a trial had its device to itself.
TIMED = ("images_per_second", "steps_per_second", "step_ms")


@dataclass(frozen=True, eq=False)
class Groups:
    """The trials of a results frame, cell by cell.

    :ivar frame: one row per trial.
    :ivar codes: for each row, the number of its cell; cells are numbered as they appear.
    :ivar count: how many cells there are.
    :ivar settings: the settings that tell cells of equal components apart.
    """

    frame: pd.DataFrame
    codes: np.ndarray
    count: int
    settings: list[str]

    @cached_property
    def status(self) -> np.ndarray:
        """Of each row, as text."""
        found: np.ndarray = self.frame["status"].to_numpy(dtype=object, na_value="error")
        return found

    @cached_property
    def counted(self) -> np.ndarray:
        """Which rows count: those neither skipped nor interrupted."""
        found: np.ndarray = (self.status != "skipped") & (self.status != "interrupted")
        return found

    @cached_property
    def ok(self) -> np.ndarray:
        """Which rows ended ``ok``."""
        found: np.ndarray = self.status == "ok"
        return found

    @cached_property
    def alone(self) -> np.ndarray:
        """Which rows had their device to themselves."""
        found: np.ndarray = self.frame["exclusive"].to_numpy(dtype=bool, na_value=False)
        return found

    @cached_property
    def first(self) -> np.ndarray:
        """The first row of each cell."""
        return np.unique(self.codes, return_index=True)[1]

    def totals(self, rows: np.ndarray) -> np.ndarray:
        """How many of these rows each cell has."""
        return np.bincount(self.codes[rows], minlength=self.count)

    @cached_property
    def columns(self) -> Columns:
        """What is known of the columns of the trials."""
        return columns_of(self.frame)

    def scores(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """A metric of every row that counts, the worst value where a trial is not ``ok``.

        An ``ok`` trial without the metric was not measured and is left out. A speed is known only of
        an ``ok`` trial that had its device to itself.

        :returns: the numbers of the rows, and their values.
        """
        values, used = floats(self.frame[metric]), self.counted
        if metric in TIMED:
            used = self.ok & self.alone
        else:
            values = np.where(self.ok, values, worst(self.columns.named(metric)))
        rows = np.flatnonzero(used & ~np.isnan(values))
        return rows, values[rows]

    def pairs(self, metric: str) -> list[tuple[float, ...]]:
        """For each cell that has two values of a metric, as in `scores`, these in the order of seeds.

        Empty for a cell that has more or fewer.
        """
        rows, values = self.scores(metric)
        order = np.argsort(floats(self.frame["seed"])[rows], kind="stable")
        found: list[tuple[float, ...]] = [()] * self.count
        for cells, matrix in self.stacked(rows[order], values[order]):
            if matrix.shape[1] == 2:
                for cell, line in zip(cells.tolist(), matrix.tolist(), strict=True):
                    found[cell] = tuple(line)
        return found

    def stacked(
        self, rows: np.ndarray, values: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Values as matrices, one for all cells that have equally many.

        :param rows: the rows that the values are of.
        :returns: pairs of m cells' numbers and their values, (m, n), in the order of the rows.
        """
        codes = self.codes[rows]
        order = np.argsort(codes, kind="stable")
        sizes = np.bincount(codes, minlength=self.count)
        starts = np.cumsum(sizes) - sizes
        for size in np.unique(sizes[sizes > 0]).tolist():
            cells = np.flatnonzero(sizes == size)
            yield cells, values[order[starts[cells][:, None] + np.arange(size)]]


def group(frame: pd.DataFrame) -> Groups:
    """The cells of a results frame, in its order.

    A trial that ended early may lack a setting; it is taken to have that of the others of the same
    components, if they agree.
    """
    cells = np.zeros(len(frame), dtype=np.int64)
    for axis in AXES:
        cells = joined(cells, codes_of(frame[axis]))
    components, settings = cells, []
    for name in SETTINGS:
        if name not in frame.columns:
            continue
        codes = codes_of(frame[name])
        agreed = _agreed(components, codes)
        if agreed is not None:
            settings.append(name)
            cells = joined(cells, np.where(codes < 0, agreed[components], codes))
    count = int(cells.max()) + 1 if len(cells) else 0
    return Groups(frame, cells, count, settings)


def worst(column: Column) -> float:
    """What counts for a trial that failed: the worst value there is, NaN for what has none."""
    if column.cost or not column.better:
        return math.nan
    return -math.inf if column.better == "higher" else math.inf


def codes_of(series: pd.Series[Any]) -> np.ndarray:
    """A number for each value, by appearance; -1 for what is missing."""
    return np.asarray(series.factorize()[0], dtype=np.int64)


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A number for each pair of values, by appearance."""
    import pandas as pd

    if not len(first):
        return first
    return np.asarray(pd.factorize(first * (second.max() + 2) + second + 1)[0], dtype=np.int64)


def _agreed(components: np.ndarray, codes: np.ndarray) -> np.ndarray | None:
    """The setting that all trials of the same components have, -1 where they differ.

    None if they differ nowhere.
    """
    there = codes >= 0
    base = int(codes.max(initial=0)) + 1
    pairs = np.divmod(np.unique(components[there] * base + codes[there]), base)
    variants = np.bincount(pairs[0], minlength=int(components.max(initial=-1)) + 1)
    if not (variants > 1).any():
        return None
    agreed = np.full(len(variants), -1)
    agreed[pairs[0]] = pairs[1]
    agreed[variants > 1] = -1
    return agreed
