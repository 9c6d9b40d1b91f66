"""Budgets: when training stops."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ganbench.errors import UsageError

Unit = Literal["images", "steps", "seconds"]

_SUFFIXES: dict[str, tuple[Unit, float]] = {
    "img": ("images", 1),
    "images": ("images", 1),
    "kimg": ("images", 1_000),
    "mimg": ("images", 1_000_000),
    "step": ("steps", 1),
    "steps": ("steps", 1),
    "s": ("seconds", 1),
    "sec": ("seconds", 1),
    "seconds": ("seconds", 1),
    "m": ("seconds", 60),
    "min": ("seconds", 60),
    "h": ("seconds", 3600),
}
_TEXT = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([a-z]+)\s*\Z", re.IGNORECASE)
_SHAPE = "write it as 200000img, 200kimg, 2000steps, 60s or 10m"


@dataclass(frozen=True)
class Budget:
    """An amount of training.

    :ivar unit: ``images`` (real images shown to the discriminator), ``steps`` (generator updates) or
        ``seconds`` (training time without evaluation).
    :ivar amount: how many; a whole number but for seconds.
    """

    unit: Unit
    amount: float

    def __post_init__(self) -> None:
        if self.unit not in ("images", "steps", "seconds"):
            raise UsageError(f"bad budget unit {self.unit!r}: images, steps or seconds")
        if isinstance(self.amount, bool) or not isinstance(self.amount, (int, float)):
            raise UsageError(f"bad budget {self.unit} = {self.amount!r}: expected a number")
        if not 0 < self.amount < float("inf"):
            raise UsageError(f"bad budget {self.unit} = {self.amount}: must be more than zero")
        if self.unit != "seconds":
            if self.amount != int(self.amount):
                raise UsageError(f"bad budget {self.unit} = {self.amount}: must be a whole number")
            object.__setattr__(self, "amount", int(self.amount))

    def __str__(self) -> str:
        suffix = {"images": "img", "steps": "steps", "seconds": "s"}[self.unit]
        return f"{self.amount:g}{suffix}" if self.unit == "seconds" else f"{self.amount}{suffix}"

    def as_dict(self) -> dict[str, float]:
        """``{unit: amount}``, as in a grid file."""
        return {self.unit: self.amount}


def parse_budget(text: str) -> Budget:
    """Parse ``200000img``, ``2000steps``, ``60s``, ``10m``; raises UsageError."""
    match = _TEXT.match(text)
    if match is None:
        raise UsageError(f"bad budget {text!r}: {_SHAPE}")
    suffix = match[2].lower()
    if suffix not in _SUFFIXES:
        raise UsageError(f"bad budget {text!r}: unknown unit {match[2]!r}; {_SHAPE}")
    unit, factor = _SUFFIXES[suffix]
    return Budget(unit, float(match[1].replace("_", "")) * factor)
