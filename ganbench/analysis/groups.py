"""Which trials belong to which cell, and a metric's values cell by cell.

Thousands of cells are grouped at once: everything here works on whole columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ganbench.analysis.frame_tools import floats
from ganbench.analysis.metrics import is_ok, scores
from ganbench.store.columns import Columns, columns_of
from ganbench.store.schema import AXES, EVALUATION, FINGERPRINT

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


@dataclass(frozen=True, eq=False)
class Groups:
    """The trials of a results frame, cell by cell.

    :ivar frame: one row per trial.
    :ivar codes: for each row, the number of its cell; cells are numbered as they appear.
    :ivar count: how many cells there are.
    :ivar settings: the settings that tell cells of equal components apart, and the budget wherever
        cells differ in it: no number is read without it.
    """

    frame: pd.DataFrame
    codes: np.ndarray
    count: int
    settings: list[str]

    @cached_property
    def status(self) -> np.ndarray:
        """Of each row, as text."""
        return self.frame["status"].to_numpy(dtype=object, na_value="error")

    @cached_property
    def counted(self) -> np.ndarray:
        """Which rows count: those neither skipped nor interrupted."""
        return ~np.isin(self.status, ("skipped", "interrupted"))

    @cached_property
    def ok(self) -> np.ndarray:
        """Which rows ended ``ok``."""
        return is_ok(self.frame)

    def totals(self, rows: np.ndarray) -> np.ndarray:
        """How many of these rows each cell has."""
        return np.bincount(self.codes[rows], minlength=self.count)

    @cached_property
    def columns(self) -> Columns:
        """Descriptions of the columns of the trials."""
        return columns_of(self.frame)

    def scores(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """The `metrics.scores` of every row that counts and has one.

        :returns: the numbers of the rows, and their values.
        """
        values = scores(self.frame, self.columns.named(metric))
        rows = np.flatnonzero(self.counted & ~np.isnan(values))
        return rows, values[rows]

    def pairs(self, metric: str) -> list[tuple[float, ...]]:
        """For each cell with two `scores` of a metric, both in the order of seeds; else empty."""
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


def several_budgets(frame: pd.DataFrame) -> bool:
    """Whether trials of one data set have different budgets."""
    if not {"budget", "dataset"} <= set(frame.columns):
        return False
    return bool((frame.groupby("dataset")["budget"].nunique() > 1).any())


def group(frame: pd.DataFrame) -> Groups:
    """The cells of a results frame, in its order.

    A trial that ended early may lack a setting; it gets the setting of the other trials of the same
    components, if they agree.
    """
    components = frame.groupby(list(AXES), sort=False, dropna=False).ngroup()
    keys, settings = [components], []
    for name in (name for name in SETTINGS if name in frame.columns):
        known = frame[name].groupby(components)
        differs = known.transform("nunique") > 1
        if differs.any() or (name == "budget" and several_budgets(frame)):
            settings.append(name)
            keys.append(frame[name].fillna(known.transform("first").where(~differs)))
    codes = frame.groupby(keys, sort=False, dropna=False).ngroup().to_numpy(dtype=np.int64)
    return Groups(frame, codes, int(codes.max(initial=-1)) + 1, settings)
