"""Which metrics trials can be compared by, their scores, and metrics with the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ganbench.analysis.frame_tools import floats
from ganbench.analysis.statistics.scales import Scale
from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.store.columns import DECIDING, Columns, columns_of
from ganbench.store.primary import ATTRIBUTE, curve_names, primaries

#: Real images, and generator updates, per second of training.
SPEED, UPDATES = RATES = ("images_per_second", "steps_per_second")
#: Metrics that mean something only where a trial had its device to itself.
TIMED = (*RATES, "step_ms")


def interval_scale(column: Column) -> Scale:
    """The scale on which the values of a metric are averaged, compared and bounded."""
    return "linear" if column.scale == "count" else column.scale


def effect_scale(column: Column) -> Scale:
    """``log`` where effects are ratios, else ``linear``: the metric decides, in all blocks."""
    return "log" if column.scale == "log" else "linear"


def worst(column: Column) -> float:
    """The score of a failed trial: the worst value; NaN for a cost or without a better direction."""
    if column.cost or not column.better:
        return math.nan
    return -math.inf if column.better == "higher" else math.inf


def scores(frame: pd.DataFrame, column: Column) -> np.ndarray:
    """A metric of every trial: the worst value where a trial is not ``ok``, NaN where unmeasured.

    A cost has no worst value. A speed counts only for an ``ok`` trial that ran alone on its device.
    """
    if column.name not in frame.columns:
        return np.where(is_ok(frame), math.nan, worst(column))
    values = np.where(is_ok(frame), floats(frame[column.name]), worst(column))
    return np.where(ran_alone(frame), values, math.nan) if column.name in TIMED else values


def is_ok(frame: pd.DataFrame) -> np.ndarray:
    """Which trials ended ``ok``."""
    return (frame["status"] == "ok").to_numpy(dtype=bool, na_value=False)


def ran_alone(frame: pd.DataFrame) -> np.ndarray:
    """Which trials had their device to themselves."""
    return frame["exclusive"].to_numpy(dtype=bool, na_value=False)


def check_level(level: float) -> float:
    """The confidence level; raises UsageError outside of 0 to 1."""
    if not 0 < level < 1:
        raise UsageError(f"--level must lie between 0 and 1, such as 0.95, not {level:g}")
    return level


def check_metric(frames: Sequence[pd.DataFrame], metric: str) -> Column:
    """The metric's column; raises UsageError if trials cannot be compared by it."""
    known, rated = [columns_of(frame) for frame in frames], _rated(frames)
    column = known[0].get(metric)
    if column is None and not any(metric in frame.columns for frame in frames):
        raise UnknownNameError(f"no metric {plain(metric)!r}{did_you_mean(metric, rated)}")
    for frame in frames:
        measured = metric in frame.columns and bool(frame[metric].notna().any())
        if not measured and is_ok(frame).any():
            raise UsageError(
                f"these trials have no {plain(metric)}; they have {', '.join(rated) or 'no metric'}"
            )
    if column is None or not column.better:
        raise UsageError(
            f"cannot compare by {plain(metric)!r}: its better direction is not declared; choose "
            f"another --metric, such as {', '.join(rated[:6])}"
        )
    for name in DECIDING:
        if len({getattr(columns.get(metric, column), name) for columns in known}) > 1:
            raise UsageError(
                f"{plain(metric)!r} differs in meaning between the runs: its {name} differs"
            )
    return column


def _rated(frames: Sequence[pd.DataFrame]) -> list[str]:
    """The measured columns of all frames that have a better direction, quality first."""
    known = columns_of(frames[0])
    shared = [
        n for n in map(str, frames[0].columns) if all(n in f and f[n].notna().any() for f in frames)
    ]
    found = [column for name in shared if (column := known.get(name)) and column.better]
    return [column.name for column in sorted(found, key=lambda column: column.cost)]


def better_known(frame: pd.DataFrame) -> dict[str, str]:
    """The primary metrics of trials or cells, each with its better known name.

    The name is that of a metric that tables show and that has the same value in every trial, else the
    metric's own.
    """
    if ATTRIBUTE in frame.attrs:
        return dict(frame.attrs[ATTRIBUTE])
    found = {}
    for name in primaries(frame):
        others = (c.name for c in alike(columns_of(frame), name) if c.shown)
        found[name] = next((other for other in others if same_numbers(frame, name, other)), name)
    return found


def alike(columns: Columns, name: str) -> list[Column]:
    """The metrics that may hold the numbers of a column under another name.

    The best value of a curve is not among them: it may equal the last value by chance.
    """
    column = columns.named(name)
    kind = (column.better, column.scale, column.unit)
    curves = curve_names(c.name for c in columns.measured)
    others = (c for c in columns.measured if c.name != name and c.name not in curves)
    return [c for c in others if name not in curves and (c.better, c.scale, c.unit) == kind]


def same_numbers(trials: pd.DataFrame, name: str, other: str) -> bool:
    """Whether two columns are equal, and not by chance, as columns of 0 and 1 may be."""
    if name not in trials.columns or other not in trials.columns:
        return False
    pair = trials.loc[trials["status"] == "ok", [name, other]].dropna(how="all")
    equal = bool((pair[name] == pair[other]).all())
    return equal and not bool(pair[name].isin([0, 1, math.inf, -math.inf]).all())
