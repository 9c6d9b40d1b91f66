"""What a cell's trials count for in a figure, metric by metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ganbench.components.column import Column
from ganbench.errors import UsageError
from ganbench.report.charts.cells import Cell
from ganbench.report.charts.names import check_metric
from ganbench.results.groups import worst

if TYPE_CHECKING:
    import pandas as pd

#: Columns that are of use only where a trial had its device to itself.
THROUGHPUT = ("images_per_second", "step_ms")
#: What stands in for them elsewhere; no column, but steps over train_seconds.
SHARED_SPEED = Column(
    "steps_per_second",
    unit="steps/s",
    better="higher",
    scale="log",
    cost=True,
    label="steps per second",
)
#: Costs that a shared device changes.
TIMES = (*THROUGHPUT, SHARED_SPEED.name, "train_seconds", "eval_seconds", "wall_seconds")


def measured(cell: Cell, column: Column) -> np.ndarray:
    """A metric over the seeds of a cell.

    Of a quality, each trial that failed counts as the worst there is; costs, and what has no better
    direction, are those of the trials that ended well, and throughput of those that ran alone.
    """
    ok = cell.ok
    if column is SHARED_SPEED:
        values = cell.floats("steps") / cell.floats("train_seconds")
    else:
        values = cell.floats(column.name)
    lost = worst(column)
    if not math.isnan(lost):
        scores = np.where(ok, values, lost)
        measured: np.ndarray = scores[~np.isnan(scores)]
        return measured
    if column.name in THROUGHPUT:
        ok = ok & (cell.alone == 1)
    costs: np.ndarray = values[ok & np.isfinite(values)]
    return costs


def check_measure(results: pd.DataFrame, metric: str) -> Column:
    """The column of a metric that can be drawn.

    :raises UsageError: for a metric that does not exist, that no trial has, or for throughput where
        no trial had its device to itself.
    """
    if metric == SHARED_SPEED.name:
        return SHARED_SPEED
    column = check_metric(results, metric)
    ended = results[results["status"] == "ok"]
    if metric in THROUGHPUT and not alone(ended):
        raise UsageError(
            f"no trial had its device to itself, so none has a {metric} that counts; "
            "run the trials one at a time (-j 1) to measure it"
        )
    return column


def alone(results: pd.DataFrame) -> bool:
    """Whether any trial had its device to itself."""
    return bool(results["exclusive"].fillna(False).astype(bool).any())
