"""How a column of results describes itself, so that no reader needs to know its name."""

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

    :ivar name: lower-case letters, digits and underscores. The columns of another extractor than the
        first carry its name behind an ``@``.
    :ivar dtype: the pandas dtype.
    :ivar unit: of the number, or empty.
    :ivar meaning: one line for documentation.
    :ivar better: which values are better; None where neither direction is.
    :ivar scale: on which values are averaged, compared and drawn: ``log`` for what is positive and
        varies by factors, ``share`` for what lies in [0, 1], ``count`` for whole numbers, else
        ``linear``.
    :ivar cost: whether it is what a trial costs; a failed trial has none, instead of the worst.
    :ivar label: what figures and tables call it; its name by default.
    :ivar spread_of: the column whose spread this is, such as ``kid_mean`` for ``kid_std``.
    :ivar shown: whether tables for people show it by default.
    :ivar floor: whether real samples against real ones, at equal numbers, stand beside it, in a column
        of its name with ``_floor``.
    :ivar held_out: whether the distance to the test split stands beside it, with ``_test``.
    :ivar lost_modes: whether a fall to under half of its best, that stays, means lost modes.
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
            return f"column {self.name!r}: a name has lower-case letters, digits and underscores"
        for field, kind in (("dtype", DType), ("scale", Scale), ("better", Better)):
            value, allowed = getattr(self, field), get_args(kind)
            if value not in allowed and not (field == "better" and value is None):
                listed = ", ".join(map(repr, allowed)) + (", None" if field == "better" else "")
                return f"column {self.name!r}: {field}={value!r} must be one of {listed}"
        return None

    @property
    def title(self) -> str:
        """The label, or the name where there is none."""
        return self.label or self.name
