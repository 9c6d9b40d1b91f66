"""Which metrics trials can be compared by, and their scores with failures as the worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.results.formatting import plain
from ganbench.results.groups import TIMED
from ganbench.results.schema import column

if TYPE_CHECKING:
    import pandas as pd

SPEED = "images_per_second"
#: Metrics of what a trial costs, of which a failed one has none.
COSTS = (*TIMED, "peak_memory_mb")


def higher_is_better(metric: str) -> bool:
    """Whether higher values of a metric are better."""
    known = column(metric)
    return known is not None and known.better == "higher"


def check_level(level: float) -> float:
    """The level of confidence; raises UsageError if it is none."""
    if not 0 < level < 1:
        raise UsageError(f"a level of confidence lies between 0 and 1, such as 0.95, not {level:g}")
    return level


def check_metric(frames: Sequence[pd.DataFrame], metric: str) -> str:
    """The metric; raises UsageError for none, or for one that nobody measured."""
    rated = _rated(frames)
    known = column(metric)
    if metric not in rated and not (known and known.better):
        if known is None and not any(metric in frame.columns for frame in frames):
            raise UnknownNameError(f"no metric {plain(metric)!r}{did_you_mean(metric, rated)}")
        raise UsageError(
            f"{plain(metric)!r} is no metric to compare by: of its values none is better than "
            f"another; choose one such as {', '.join(rated[:6])}"
        )
    for frame in frames:
        measured = metric in frame.columns and bool(frame[metric].notna().any())
        if not measured and bool((frame["status"] == "ok").any()):
            there = [name for name in rated if bool(frame[name].notna().any())]
            raise UsageError(
                f"these trials have no {metric}; they have {', '.join(there[:8]) or 'no metric'}"
            )
    return metric


def _rated(frames: Sequence[pd.DataFrame]) -> list[str]:
    """The columns of all frames of which lower or higher values are better, quality first."""
    shared = [n for n in map(str, frames[0].columns) if all(n in f.columns for f in frames)]
    found = [name for name in shared if (known := column(name)) and known.better]
    return sorted(found, key=lambda name: name in COSTS)


def scores(rows: Sequence[Mapping[str, Any]], metric: str) -> np.ndarray:
    """The metric of trials: the worst value where one failed, NaN where it was not measured.

    A cost has no worst value, and a speed is known only where the trial ran alone.
    """
    worst = math.nan if metric in COSTS else -math.inf if higher_is_better(metric) else math.inf
    found = []
    for row in rows:
        value = row.get(metric)
        if row["status"] != "ok":
            found.append(worst)
        elif is_missing(value) or (metric in TIMED and not ran_alone(row)):
            found.append(math.nan)
        else:
            found.append(float(value))  # type: ignore[arg-type]
    return np.array(found, dtype="float64")


def ran_alone(row: Mapping[str, Any]) -> bool:
    """Whether the trial had its device to itself."""
    alone = row.get("exclusive")
    return not is_missing(alone) and bool(alone)


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN or pandas' NA."""
    import pandas as pd

    return value is None or value is pd.NA or bool(value != value)
