"""The description of a column of results, for everything that reads or shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

DType = Literal["string", "Int64", "float64", "boolean"]
Better = Literal["lower", "higher"]
Scale = Literal["log", "linear", "share", "count"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Column:
    """One column.

    :ivar name: lower-case letters, digits and underscores. Columns of a second extractor end in ``@``
        and its name.
    :ivar dtype: the pandas dtype.
    :ivar unit: of the number, or empty.
    :ivar meaning: one line for documentation.
    :ivar better: the direction of better values; None for a column without a direction.
    :ivar scale: for averages, comparisons and figures: ``log`` for positive values that vary by
        factors, ``share`` for values in [0, 1], ``count`` for whole numbers, else ``linear``.
    :ivar cost: whether it is a cost of a trial. A failed trial has no cost, not the worst.
    :ivar label: the name in figures and tables; the column's name by default.
    :ivar spread_of: the column whose spread this is, such as ``kid_mean`` for ``kid_std``.
    :ivar shown: whether tables show it by default.
    :ivar floor: whether a column ``…_floor`` holds the value of real samples against real samples, in
        equal numbers.
    :ivar held_out: whether a column ``…_test`` holds the value against the test split.
    :ivar lost_modes: whether a lasting fall below half of its best value means lost modes.
    """

    name: str
    dtype: DType = "float64"
    unit: str = ""
    meaning: str = ""
    better: Better | None = None
    scale: Scale = "linear"
    cost: bool = False
    label: str = ""
    spread_of: str = ""
    shown: bool = False
    floor: bool = False
    held_out: bool = False
    lost_modes: bool = False

    def problem(self) -> str | None:
        """What is wrong with the description of a metric's column, or None."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            return (
                f"column {self.name!r}: use lower-case letters, digits and underscores in the name"
            )
        for field, kind in (("dtype", DType), ("scale", Scale), ("better", Better)):
            value, allowed = getattr(self, field), get_args(kind)
            if value not in allowed and not (field == "better" and value is None):
                listed = ", ".join(map(repr, allowed)) + (", None" if field == "better" else "")
                return f"column {self.name!r}: {field}={value!r} must be one of {listed}"
        return None

    @property
    def title(self) -> str:
        """The label, or else the name."""
        return self.label or self.name
