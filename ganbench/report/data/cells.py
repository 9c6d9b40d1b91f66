"""The cells of a run with their trials' columns as arrays: figures look at thousands of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.groups import group
from ganbench.store.primary import primary_in
from ganbench.store.schema import AXES


@dataclass(frozen=True, eq=False)
class Cell:
    """The trials of one cell.

    :ivar key: the cell's components, and the settings that tell it from another cell.
    :ivar column: gives a column of all trials by its name, type and value for what is missing.
    :ivar rows: places in the columns of the trials that count, neither skipped nor interrupted.
    :ivar interrupted: the number of trials that wait to be finished.
    :ivar reason: why the cell was skipped; None if it was not.
    """

    key: Mapping[str, str]
    column: Callable[[str, str, Any], np.ndarray]
    rows: np.ndarray
    interrupted: int
    reason: str | None

    def floats(self, name: str) -> np.ndarray:
        """A column of the trials that count, NaN for a missing value or a missing column."""
        found: np.ndarray = self.column(name, "float64", math.nan)[self.rows]
        return found

    def texts(self, name: str) -> list[str]:
        """A text column of the trials that count, empty for a missing value or a missing column."""
        return [str(value) for value in self.column(name, "object", "")[self.rows]]

    @property
    def ok(self) -> np.ndarray:
        """Which trials ended well."""
        found: np.ndarray = self.column("status", "object", "")[self.rows] == "ok"
        return found

    @property
    def alone(self) -> np.ndarray:
        """Which trials had their device to themselves, 1 or 0; NaN where that is not known."""
        return self.floats("exclusive")

    @property
    def primary(self) -> str:
        """The primary metric of its trials."""
        return primary_in(next(filter(None, self.texts("evaluation")), None))

    @property
    def n(self) -> int:
        """The number of trials that count."""
        return len(self.rows)

    @property
    def failed(self) -> int:
        """The number of them that did not end well."""
        return int((~self.ok).sum())


def cells(frame: pd.DataFrame) -> list[Cell]:
    """The cells of a results frame, in its order."""

    @functools.cache
    def column(name: str, kind: str, missing: Any) -> np.ndarray:
        if name not in frame.columns:
            return np.full(len(frame), missing, dtype=kind)
        return frame[name].to_numpy(dtype=kind, na_value=missing)

    groups = group(frame)
    order = np.argsort(groups.codes, kind="stable")
    ends = np.cumsum(np.bincount(groups.codes, minlength=groups.count))
    found = []
    for rows in np.split(order, ends[:-1]) if groups.count else []:
        counted, status = rows[groups.counted[rows]], groups.status[rows]
        texts = {
            name: column(name, "object", "")[rows] for name in (*AXES, *groups.settings, "error")
        }
        key = {
            name: next((str(value) for value in values if value != ""), "")
            for name, values in texts.items()
        }
        error = key.pop("error") or "no reason given"
        skipped = not len(counted) and (status == "skipped").any()
        waiting = int((status == "interrupted").sum())
        found.append(Cell(key, column, counted, waiting, error if skipped else None))
    return found
