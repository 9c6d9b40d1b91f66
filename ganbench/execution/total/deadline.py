"""The moment at which a run's time is over."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock; without one, there is always time left."""

    at: float = math.inf

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """So many seconds from now; None for never."""
        return cls() if seconds is None else cls(time.monotonic() + seconds)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.at

    @property
    def left(self) -> float:
        """Seconds until then, at least 0."""
        return max(0.0, self.at - time.monotonic())
