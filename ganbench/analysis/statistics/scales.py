"""Scales on which values over seeds spread evenly enough for a symmetric interval.

A positive metric without an upper bound (a distance, a speed) varies by factors: its logarithm is
close to normal where the metric is not. A share keeps its own scale, and its interval ends at 0 and 1.
The scale belongs to the metric: what the values happen to be never changes it.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

Scale = Literal["linear", "log", "share"]


def forward(scale: Scale, values: np.ndarray) -> np.ndarray:
    """The values on the scale.

    A failure is infinite on each, with its sign; so is, on ``log``, zero: ``-inf``.
    """
    found = np.asarray(values, dtype="float64")
    if scale == "log":
        with np.errstate(divide="ignore"):
            found = np.log(np.maximum(found, 0.0))
    return found


def back(scale: Scale, value: float) -> float:
    """A value from the scale; a share no further than its ends, and ``inf`` for what overflows."""
    if math.isnan(value):
        return value
    if scale == "log":
        return float(np.exp(min(value, 800.0))) if value < 709 else math.inf
    return min(max(value, 0.0), 1.0) if scale == "share" else value
