"""Which metrics can be drawn, and which of their values are better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.components.column import Better, Column
from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.results.columns import columns_of
from ganbench.results.twins import alike, same_numbers

if TYPE_CHECKING:
    import pandas as pd

#: Columns that are numbers and measure nothing.
_NO_METRICS = ("seed", "attempts", "batch_size", "tick")


def direction(column: Column) -> Better | None:
    """Which values are better; of a cost that does not say, lower ones."""
    return column.better or ("lower" if column.cost else None)


def check_metric(frame: pd.DataFrame, metric: str) -> Column:
    """The metric, a column of a results frame that holds numbers.

    :raises UsageError: if it is none, or has no value in any row.
    """
    numbers = _check(frame, metric, "the results")
    ended = frame[frame["status"] == "ok"]
    if not bool(ended[metric].notna().any()):
        there = [name for name in numbers if bool(ended[name].notna().any())]
        instead = f"; they have {', '.join(there[:6])}" if there else ""
        raise UsageError(f"no trial that ended well has a value of {metric!r}{instead}")
    return columns_of(frame).named(metric)


def check_history_metric(history: pd.DataFrame, results: pd.DataFrame, metric: str) -> Column:
    """The column of a history that holds the metric, maybe under another name.

    :raises UsageError: if there is none.
    """
    known = columns_of(history)
    if metric not in history.columns and metric in results.columns:
        check_metric(results, metric)
        others = (c.name for c in alike(columns_of(results), metric) if c.name in history.columns)
        metric = next((name for name in others if same_numbers(results, metric, name)), metric)
    _check(history, metric, "the histories")
    return known.named(metric)


def _check(frame: pd.DataFrame, metric: str, where: str) -> list[str]:
    """All metrics of a frame, those with a better direction first.

    :raises UsageError: if ``metric`` is not among them.
    """
    known = columns_of(frame)
    numbers = [
        str(name)
        for name in frame.columns
        if frame[name].dtype.kind in "iuf" and name not in _NO_METRICS
    ]
    numbers.sort(key=lambda name: (known.named(name).cost, not known.named(name).better))
    if metric in numbers:
        return numbers
    if metric in frame.columns:
        raise UsageError(f"{metric!r} in {where} is no metric; one would be {numbers[0]!r}")
    raise UnknownNameError(f"no metric {metric!r} in {where}{did_you_mean(metric, numbers)}")
