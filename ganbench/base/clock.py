"""The time, as records hold it."""

from __future__ import annotations

import datetime


def utc_now(precision: str = "seconds") -> str:
    """The time in UTC, ISO 8601, to ``seconds`` or ``microseconds``."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec=precision)
