"""Budgets: when training stops."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from ganbench.base.errors import UsageError
from ganbench.grid.setting_hints import elsewhere

Unit = Literal["images", "steps", "seconds"]

UNITS: tuple[Unit, ...] = get_args(Unit)
_SUFFIXES: dict[str, tuple[Unit, int]] = {
    "img": ("images", 1),
    "images": ("images", 1),
    "kimg": ("images", 1_000),
    "mimg": ("images", 1_000_000),
    "step": ("steps", 1),
    "steps": ("steps", 1),
    "s": ("seconds", 1),
    "sec": ("seconds", 1),
    "second": ("seconds", 1),
    "seconds": ("seconds", 1),
    "m": ("seconds", 60),
    "min": ("seconds", 60),
    "minute": ("seconds", 60),
    "minutes": ("seconds", 60),
    "h": ("seconds", 3600),
    "hour": ("seconds", 3600),
    "hours": ("seconds", 3600),
}
_TEXT = re.compile(
    r"\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,3})?)\s*([a-z]+)\s*\Z", re.IGNORECASE | re.ASCII
)
_SHAPE = "write it as 200000img, 200kimg, 2000steps, 60s or 10m"
_MOST = 10**15


@dataclass(frozen=True)
class Budget:
    """An amount of training.

    :ivar unit: ``images`` (real images shown to the discriminator), ``steps`` (generator updates) or
        ``seconds`` (training time without evaluation).
    :ivar amount: how many: an int of images or steps, a float of seconds.
    """

    unit: Unit
    amount: float

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise UsageError(f"bad budget unit {self.unit!r}: it is images, steps or seconds")
        if isinstance(self.amount, bool) or not isinstance(self.amount, (int, float)):
            raise UsageError(f"bad budget {self.unit} = {self.amount!r}: expected a number")
        if not 0 < self.amount <= _MOST:
            raise UsageError(
                f"bad budget {self.unit} = {self.amount}: must be more than zero, at most {_MOST:.0e}"
            )
        exact = float(self.amount) if self.unit == "seconds" else int(self.amount)
        if exact != self.amount:
            raise UsageError(f"bad budget {self.unit} = {self.amount}: must be a whole number")
        object.__setattr__(self, "amount", exact)

    def __str__(self) -> str:
        suffix = {"images": "img", "steps": "steps", "seconds": "s"}[self.unit]
        return f"{repr(self.amount).removesuffix('.0')}{suffix}"

    def as_dict(self) -> dict[str, float]:
        """``{unit: amount}``, as in a grid file."""
        return {self.unit: self.amount}


def parse_budget(text: str) -> Budget:
    """Parse ``200000img``, ``2000steps``, ``60s``, ``10m``; raises UsageError."""
    match = _TEXT.match(text) if isinstance(text, str) else None
    if match is None:
        raise UsageError(f"bad budget {text!r}: {_SHAPE}")
    suffix = match[2].lower()
    if suffix not in _SUFFIXES:
        advice = elsewhere(suffix)
        hint = advice if "--budget" in advice else _SHAPE
        raise UsageError(f"bad budget {text!r}: unknown unit {match[2]!r}; {hint}")
    unit, factor = _SUFFIXES[suffix]
    # In binary fractions, 0.0003 million images would not be a whole number.
    amount = Decimal(match[1].replace("_", "")) * factor
    whole = amount == amount.to_integral_value() and amount <= _MOST
    return Budget(unit, int(amount) if whole else float(amount))
