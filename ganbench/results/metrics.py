"""Which metrics trials can be compared by, and their scores with failures as the worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.results.columns import DECIDING, columns_of
from ganbench.results.formatting import plain
from ganbench.results.groups import TIMED, worst
from ganbench.results.statistics.scales import Scale

if TYPE_CHECKING:
    import pandas as pd

#: Real images, and generator updates, per second of training.
SPEED, UPDATES = "images_per_second", "steps_per_second"


def higher_is_better(column: Column) -> bool:
    """Whether higher values of a metric are better."""
    return column.better == "higher"


def interval_scale(column: Column) -> Scale:
    """The scale on which the values of a metric are averaged, compared and bounded."""
    return "linear" if column.scale == "count" else column.scale


def check_level(level: float) -> float:
    """The level of confidence; raises UsageError if it is none."""
    if not 0 < level < 1:
        raise UsageError(f"a level of confidence lies between 0 and 1, such as 0.95, not {level:g}")
    return level


def check_metric(frames: Sequence[pd.DataFrame], metric: str) -> Column:
    """The metric's column; raises UsageError for none, or for one that nobody measured."""
    known, rated = [columns_of(frame) for frame in frames], _rated(frames)
    column = known[0].get(metric)
    if column is None and not any(metric in frame.columns for frame in frames):
        raise UnknownNameError(f"no metric {plain(metric)!r}{did_you_mean(metric, rated)}")
    for frame in frames:
        measured = metric in frame.columns and bool(frame[metric].notna().any())
        if not measured and bool((frame["status"] == "ok").any()):
            raise UsageError(
                f"these trials have no {plain(metric)}; they have "
                f"{', '.join(rated[:8]) or 'no metric'}"
            )
    if column is None or not column.better:
        raise UsageError(
            f"{plain(metric)!r} is no metric to compare by: of its values none is better than "
            f"another; choose one such as {', '.join(rated[:6])}"
        )
    for name in DECIDING:
        if len({getattr(columns.get(metric, column), name) for columns in known}) > 1:
            raise UsageError(
                f"{plain(metric)!r} means something else in one run than in the other: its {name} "
                "differs"
            )
    return column


def _rated(frames: Sequence[pd.DataFrame]) -> list[str]:
    """What all frames have of which lower or higher values are better, quality first."""
    known = columns_of(frames[0])
    shared = [
        n for n in map(str, frames[0].columns) if all(n in f and f[n].notna().any() for f in frames)
    ]
    found = [column for name in shared if (column := known.get(name)) and column.better]
    return [column.name for column in sorted(found, key=lambda column: column.cost)]


def scores(rows: Sequence[Mapping[str, Any]], column: Column) -> np.ndarray:
    """The metric of trials: the worst value where one failed, NaN where it was not measured.

    A cost has no worst value, and a speed is known only where the trial ran alone.
    """
    found = []
    for row in rows:
        value = row.get(column.name)
        if row["status"] != "ok":
            found.append(worst(column))
        elif is_missing(value) or (column.name in TIMED and not ran_alone(row)):
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
