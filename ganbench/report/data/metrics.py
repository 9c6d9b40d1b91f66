"""The metrics of figures: which exist, which values are better, and how failed trials count."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ganbench.analysis.metrics import alike, same_numbers, worst
from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.components.column import Better, Column
from ganbench.report.data.cells import Cell
from ganbench.store.columns import columns_of

#: Columns that say something only where a trial had its device to itself.
THROUGHPUT = ("images_per_second", "step_ms")
#: Stands in for them where trials shared a device: no column, but steps over train_seconds.
SHARED_SPEED = Column(
    "steps_per_second",
    unit="steps/s",
    better="higher",
    scale="log",
    cost=True,
    label="steps per second",
)
#: Costs that depend on what else runs on the device.
TIMES = (*THROUGHPUT, SHARED_SPEED.name, "train_seconds", "eval_seconds", "wall_seconds")
#: Numeric columns that measure nothing.
_NO_METRICS = ("seed", "attempts", "batch_size", "tick")


def direction(column: Column) -> Better | None:
    """Which values are better; lower ones for a cost that does not say."""
    return column.better or ("lower" if column.cost else None)


def sign(column: Column, figure: str) -> float:
    """1 where lower values are better, -1 where higher ones are.

    :param figure: for the message, such as ``a profile``.
    :raises UsageError: if neither direction is better.
    """
    better = direction(column)
    if not better:
        raise UsageError(f"cannot draw {figure} of {column.name!r}: its direction is not declared")
    return -1.0 if better == "higher" else 1.0


def measured(cell: Cell, column: Column) -> np.ndarray:
    """A metric over the seeds of a cell.

    For a quality, each failed trial counts as the worst value. A cost, and a metric without a better
    direction, is known of trials that ended well, and throughput of those that ran alone.
    """
    values = cell.floats(column.name)
    if column is SHARED_SPEED:
        values = cell.floats("steps") / cell.floats("train_seconds")
    lost, ok = worst(column), cell.ok
    if not math.isnan(lost):
        values = np.where(ok, values, lost)
        kept = ~np.isnan(values)
    else:
        alone = cell.alone == 1 if column.name in THROUGHPUT else True
        kept = ok & alone & np.isfinite(values)
    found: np.ndarray = values[kept]
    return found


def alone(results: pd.DataFrame) -> bool:
    """Whether any trial had its device to itself."""
    return bool(results["exclusive"].fillna(False).astype(bool).any())


def check_measure(results: pd.DataFrame, metric: str) -> Column:
    """The column of a metric that a figure can show.

    :raises UsageError: for a metric that does not exist or that no trial has, and for throughput
        where no trial had its device to itself.
    """
    column = check_metric(results, metric)
    if metric in THROUGHPUT and not alone(results[results["status"] == "ok"]):
        raise UsageError(
            f"no trial had its device to itself, so no {metric} counts; "
            "run the trials one at a time (-j 1) to measure it"
        )
    return column


def check_metric(results: pd.DataFrame, metric: str) -> Column:
    """The column of a metric of the results; `SHARED_SPEED` for its name.

    :raises UsageError: if it holds no numbers, or has no value in any trial that ended well.
    """
    if metric == SHARED_SPEED.name:
        return SHARED_SPEED
    numbers = _check(results, metric, "the results")
    ended = results[results["status"] == "ok"]
    if not bool(ended[metric].notna().any()):
        there = [name for name in numbers if bool(ended[name].notna().any())]
        instead = f"; they have {', '.join(there[:6])}" if there else ""
        raise UsageError(f"no trial that ended well has a value of {metric!r}{instead}")
    return columns_of(results).named(metric)


def check_history_metric(history: pd.DataFrame, results: pd.DataFrame, metric: str) -> Column:
    """The column of a history that holds the metric, maybe under another name.

    :raises UsageError: if no column does.
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
        raise UsageError(f"{metric!r} in {where} is not a metric; try one such as {numbers[0]!r}")
    raise UnknownNameError(f"no metric {metric!r} in {where}{did_you_mean(metric, numbers)}")
