"""The cells of a run with their trials' columns as arrays: figures look at thousands of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.results.groups import group
from ganbench.results.primary import primary_in
from ganbench.results.schema import AXES

if TYPE_CHECKING:
    import pandas as pd


class Columns:
    """The columns of a results frame, each converted once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._floats: dict[str, np.ndarray] = {}
        self._texts: dict[str, np.ndarray] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._frame.columns

    def floats(self, name: str) -> np.ndarray:
        """As float64, NaN for what is missing."""
        if name not in self._floats:
            column = self._frame[name]
            self._floats[name] = column.to_numpy(dtype="float64", na_value=math.nan)
        return self._floats[name]

    def texts(self, name: str) -> np.ndarray:
        """As objects, empty text for what is missing."""
        if name not in self._texts:
            self._texts[name] = self._frame[name].to_numpy(dtype=object, na_value="")
        return self._texts[name]


@dataclass(frozen=True, eq=False)
class Cell:
    """The trials of one cell.

    :ivar key: the cell's components, and settings where they tell it from another cell.
    :ivar rows: places of the trials that count, neither skipped nor interrupted, in the columns.
    :ivar interrupted: how many wait to be finished.
    :ivar reason: why the cell was skipped; None if it was not.
    """

    key: Mapping[str, str]
    columns: Columns
    rows: np.ndarray
    interrupted: int
    reason: str | None

    def floats(self, name: str) -> np.ndarray:
        """A column of the trials that count, NaN for what is missing."""
        found: np.ndarray = self.columns.floats(name)[self.rows]
        return found

    def texts(self, name: str) -> list[str]:
        """A text column of the trials that count, empty for what is missing."""
        return [str(value) for value in self.columns.texts(name)[self.rows]]

    @property
    def ok(self) -> np.ndarray:
        """Which of them ended well."""
        found: np.ndarray = self.columns.texts("status")[self.rows] == "ok"
        return found

    @property
    def alone(self) -> np.ndarray:
        """Which of them had their device to themselves, 1 or 0; NaN where that is not known."""
        return self.floats("exclusive")

    @property
    def primary(self) -> str:
        """The primary metric of its trials."""
        texts = self.texts("evaluation") if "evaluation" in self.columns else []
        return primary_in(next(filter(None, texts), None))

    @property
    def n(self) -> int:
        """How many trials count."""
        return len(self.rows)

    @property
    def failed(self) -> int:
        """How many of them did not end well."""
        return int((~self.ok).sum())


def cells(frame: pd.DataFrame) -> list[Cell]:
    """The cells of a results frame, in its order."""
    groups, columns = group(frame), Columns(frame)
    order = np.argsort(groups.codes, kind="stable")
    ends = np.cumsum(np.bincount(groups.codes, minlength=groups.count))
    status, names = groups.status, [*AXES, *groups.settings]
    texts = {name: columns.texts(name) for name in names}
    found = []
    for rows in np.split(order, ends[:-1]) if groups.count else []:
        counted = rows[groups.counted[rows]]
        key = {name: _first(values[rows]) for name, values in texts.items()}
        reason = None
        if not len(counted) and (status[rows] == "skipped").any():
            reason = _first(columns.texts("error")[rows]) or "no reason given"
        interrupted = int((status[rows] == "interrupted").sum())
        found.append(Cell(key, columns, counted, interrupted, reason))
    return found


def _first(values: np.ndarray) -> str:
    """The first that is there; empty if none is."""
    return next((str(value) for value in values if value != ""), "")
