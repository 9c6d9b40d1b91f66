"""The primary metric of trials: the one whose curve they have, and by which they are compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

#: That of trials whose evaluation settings name none.
PRIMARY = "fd"

#: Where a frame of cells, which need not have the evaluation settings, carries its primary metrics,
#: each with the better known name of its numbers.
ATTRIBUTE = "primaries"


def primaries(*frames: pd.DataFrame) -> list[str]:
    """The primary metrics of trials or cells, the one that most have first."""
    counts: dict[str, int] = {}
    for frame in frames:
        for name, count in _counted(frame).items():
            counts[name] = counts.get(name, 0) + count
    return sorted(counts, key=lambda name: -counts[name]) or [PRIMARY]


def the_primary(frames: Sequence[pd.DataFrame], asked: str | None = None) -> str:
    """The metric that was asked for, else the primary one of all trials.

    :raises UsageError: where trials have different ones.
    """
    if asked is not None:
        return asked
    first, *others = primaries(*frames)
    if others:
        listed = " and ".join([first, *others])
        raise UsageError(
            f"these trials have different primary metrics, {listed}, by which they cannot be set "
            "against each other; name one metric with --metric"
        )
    return first


def primary_in(evaluation: object) -> str:
    """The primary metric that evaluation settings, as JSON, name."""
    try:
        named = json.loads(evaluation)["primary"]  # type: ignore[arg-type]
    except (TypeError, ValueError, KeyError, RecursionError):
        return PRIMARY
    return named if isinstance(named, str) and named else PRIMARY


def _counted(frame: pd.DataFrame) -> dict[str, int]:
    """How many rows have each primary metric."""
    if ATTRIBUTE in frame.attrs:
        return dict.fromkeys(frame.attrs[ATTRIBUTE], 1)
    found: dict[str, int] = {}
    for text, count in frame["evaluation"].value_counts().items() if "evaluation" in frame else ():
        name = primary_in(text)
        found[name] = found.get(name, 0) + int(count)
    return found
