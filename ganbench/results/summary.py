"""Groups over seeds: what a cell's trials have in common and how they differ.

A trial that failed or diverged stays in the denominator and counts as the worst there is, so a cell
cannot look better by losing its bad seeds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.results.schema import AXES, column

if TYPE_CHECKING:
    import pandas as pd

#: What tells cells of equal components apart, where a folder holds the results of several grids.
SETTINGS = (
    "cell",
    "task",
    "budget",
    "batch_size",
    "precision_mode",
    "extractor",
    "settings",
    "providers",
    "protocol",
)

#: Metrics that are summed up by median, least and greatest value over seeds.
RANGED = ("fd", "fid", "is_mean", "modes", "high_quality")
#: Metrics that are summed up by median.
MEDIANS = (
    "fd_best", "fd_best_fresh", "kid_mean", "precision", "recall", "density", "coverage",
    "class_fd_mean", "class_accuracy", "l1", "psnr", "ssim",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """The trials of one cell.

    :ivar key: the cell's components, and settings where they tell it from another cell.
    :ivar trials: those that count: neither skipped nor interrupted.
    :ivar interrupted: how many wait to be finished.
    :ivar reason: why the cell was skipped; None if it was not.
    """

    key: Mapping[str, Any]
    trials: pd.DataFrame
    interrupted: int
    reason: str | None

    def scores(self, metric: str) -> np.ndarray:
        """The metric over seeds, the worst value for each that did not end ``ok``.

        An ``ok`` trial without the metric was not measured and is left out; if none was measured,
        the result is empty.
        """
        known = column(metric)
        worst = -math.inf if known is not None and known.better == "higher" else math.inf
        values = self.trials[metric].to_numpy(dtype="float64", na_value=math.nan)
        failed = (self.trials["status"] != "ok").to_numpy(dtype=bool)
        scores = np.where(failed, worst, values)
        measured: np.ndarray = scores[~np.isnan(scores)]
        return measured

    @property
    def failed(self) -> int:
        """How many trials did not end ``ok``."""
        return int((self.trials["status"] != "ok").sum())


def cells(frame: pd.DataFrame) -> Iterator[Cell]:
    """The cells of a results frame, in its order."""
    key, shown = _keys(frame)
    for _, rows in frame.groupby(key, sort=False, dropna=False):
        status = rows["status"]
        skipped = rows[status == "skipped"]
        counted = rows[(status != "skipped") & (status != "interrupted")]
        reason = None
        if len(skipped) and not len(counted):
            reasons = skipped["error"].dropna()
            reason = str(reasons.iloc[0]) if len(reasons) else "no reason given"
        first = rows.iloc[0]
        key_values = {name: first[name] for name in (*AXES, *shown)}
        yield Cell(key_values, counted, int((status == "interrupted").sum()), reason)


def by_cell(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per cell: counts, and medians over seeds.

    - the cell's components, and settings that tell it from others of the same components;
    - ``n`` trials that count, ``failed`` of them not ``ok``, ``interrupted`` others to be finished;
    - ``verdicts``, such as ``stable 2/3, error 1/3``;
    - ``fd_median``, ``fd_min``, ``fd_max``, ``fd_best_median`` and the like for other metrics, where
      a trial that is not ``ok`` counts as infinitely bad;
    - ``images_per_second``, the median over ``ok`` trials that had their device to themselves;
    - ``train_seconds``, the median over ``ok`` trials; ``peak_memory_mb``, the largest;
    - ``reason``, why a cell was skipped; it has no statistics.
    """
    import pandas as pd

    found = list(cells(frame))
    ranged = [metric for metric in RANGED if metric == "fd" or _there(frame, metric)]
    medians = [metric for metric in MEDIANS if metric == "fd_best" or _there(frame, metric)]
    lines = [_line(cell, ranged, medians) for cell in found]
    settings = [name for name in SETTINGS if any(name in cell.key for cell in found)]
    columns = [*AXES, *settings, *_COUNTS, "verdicts"]
    for metric in ranged:
        columns += [f"{metric}_median", f"{metric}_min", f"{metric}_max"]
    columns += [*(f"{metric}_median" for metric in medians), *_COSTS, "reason"]
    result = pd.DataFrame(lines, columns=columns)
    texts = dict.fromkeys([*AXES, *settings, "verdicts", "reason"], "string")
    numbers = [name for name in columns if name not in texts and name not in _COUNTS]
    return result.astype(
        texts | dict.fromkeys(_COUNTS, "Int64") | dict.fromkeys(numbers, "float64")
    )


_COUNTS = ("n", "failed", "interrupted")
_COSTS = ("images_per_second", "train_seconds", "peak_memory_mb")


def _line(cell: Cell, ranged: Sequence[str], medians: Sequence[str]) -> dict[str, Any]:
    line: dict[str, Any] = dict(cell.key)
    line |= {"n": len(cell.trials), "failed": cell.failed, "interrupted": cell.interrupted}
    line |= {"verdicts": verdicts(cell.trials) or None, "reason": cell.reason}
    for metric in (*ranged, *medians):
        scores = cell.scores(metric)
        line[f"{metric}_median"] = median(scores)
        if metric in ranged and len(scores):
            line |= {f"{metric}_min": scores.min(), f"{metric}_max": scores.max()}
    ended = cell.trials[cell.trials["status"] == "ok"]
    alone = ended[ended["exclusive"].fillna(False).astype(bool)]
    line["images_per_second"] = alone["images_per_second"].median()
    line["train_seconds"] = ended["train_seconds"].median()
    line["peak_memory_mb"] = cell.trials["peak_memory_mb"].max()
    return line


def median(values: np.ndarray) -> float:
    """The median, also of infinities; NaN of nothing."""
    ordered = np.sort(values)
    count = len(ordered)
    if count == 0:
        return math.nan
    low, high = float(ordered[(count - 1) // 2]), float(ordered[count // 2])
    return low if low == high else (low + high) / 2


def outcomes(frame: pd.DataFrame) -> pd.Series[str]:
    """What became of each trial: its verdict if it ended ``ok``, else its status."""
    return frame["status"].where(frame["status"] != "ok", frame["verdict"].fillna("ok"))


def verdicts(trials: pd.DataFrame) -> str:
    """How many trials came to what, the most frequent first: ``stable 2/3, error 1/3``."""
    counts = outcomes(trials).value_counts(sort=False)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{name} {count}/{len(trials)}" for name, count in ordered)


def _there(frame: pd.DataFrame, metric: str) -> bool:
    return metric in frame.columns and bool(frame[metric].notna().any())


def _keys(frame: pd.DataFrame) -> tuple[list[pd.Series[Any]], list[str]]:
    """What to group by, and the settings that tell cells of equal components apart.

    A trial that ended early may lack a setting; it is taken to have that of the others, if they
    agree.
    """
    axes = list(AXES)
    keys: list[pd.Series[Any]] = [frame[name] for name in axes]
    shown = []
    for name in SETTINGS:
        if name not in frame.columns:
            continue
        groups = frame.groupby(axes, sort=False, dropna=False)[name]
        variants = groups.transform("nunique")
        if bool((variants > 1).any()):
            agreed = groups.transform("first").where(variants == 1)
            shown.append(name)
            keys.append(frame[name].fillna(agreed))
    return keys, shown
