"""Which cells cannot be told from the best one they can be compared with.

Trials that share a seed are paired: a cell is told from the best if the interval of its effect against
the best, as `comparison` finds it, lies on the worse side. Without shared seeds it is the interval of
the difference of two medians, from the intervals of both (MOVER, Zou and Donner 2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.results.comparability import MEASURED, measurement_title
from ganbench.results.estimates import floats
from ganbench.results.groups import TIMED, Groups, codes_of, joined
from ganbench.results.schema import column
from ganbench.results.statistics.aggregates import Statistic
from ganbench.results.statistics.intervals import LEAST_SEEDS, intervals
from ganbench.results.statistics.paired import paired_effect
from ganbench.results.statistics.scales import Scale, forward, usable

if TYPE_CHECKING:
    import pandas as pd

#: What must be equal for numbers to be compared.
COMPARABLE = (*MEASURED, "budget")

#: From so many seeds on, the order of values alone can bound a median.
_MANY = 6

MEANING = (
    "Bold: the best median for its data set, and what cannot be told from it: the {level:g} % "
    "interval of its difference from the best, seed by seed where seeds are shared, holds zero; not "
    "corrected for the number of comparisons{few}"
)


def rivals(groups: Groups, table: pd.DataFrame, metric: str, scale: Scale) -> np.ndarray:
    """Whether each cell is the best for its data set and features, or cannot be told from it.

    A cell whose median is not finite never is, nor is any where all medians are equal. Cells of fewer
    than `LEAST_SEEDS` seeds do not take part, but where all have one seed: only the best is then.

    :param table: `summary.by_cell` of the same frame, its lines in the order of the cells.
    :param scale: on which differences are taken.
    """
    known = column(metric)
    sign = -1.0 if known is not None and known.better == "higher" else 1.0
    name = f"{metric}_median"
    medians = sign * floats(table[name if name in table.columns else metric])
    kinds = comparable(groups, (*COMPARABLE, *(["device"] if metric in TIMED else [])))
    medians[~contending(groups.totals(groups.scores(metric)[0]), kinds)] = math.nan
    best = _best(kinds, medians)
    least = _paired(groups, _Oriented.of(groups, metric, sign, scale), best)
    least = np.where(np.isnan(least), _unpaired(table, metric, sign, medians, best), least)
    found: np.ndarray = np.isfinite(medians) & (best >= 0)
    found &= (least <= 0) | (medians == medians[best])
    return found


def contending(counts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Which cells may be marked as the best of their kind.

    :param counts: of values, for each cell; ``kinds`` the numbers of what can be compared.
    """
    found: np.ndarray = counts >= LEAST_SEEDS
    for kind in np.unique(kinds):
        if counts[kinds == kind].max() <= 1:
            found[kinds == kind] = True
    return found


def comparable(groups: Groups, names: Sequence[str] = COMPARABLE) -> np.ndarray:
    """For each cell, the number of the kind of cells that it can be compared with."""
    kinds = np.zeros(groups.count, dtype=np.int64)
    for values in _by_cell(groups, names).values():
        kinds = joined(kinds, codes_of(values))
    return kinds


def kind_titles(groups: Groups) -> list[str]:
    """For each cell, what the cells that it can be compared with are called: ``digits · protocol 2``."""
    columns = _by_cell(groups, COMPARABLE)
    texts = [values.astype("string").fillna("").tolist() for values in columns.values()]
    keys = list(zip(*texts, strict=True))
    every = list(dict.fromkeys(keys))
    titles = {key: measurement_title(key, every, list(columns)) for key in every}
    return [titles[key] for key in keys]


def _by_cell(groups: Groups, names: Sequence[str]) -> dict[str, pd.Series[Any]]:
    """The first known value of each cell in those of the columns that are there."""
    return {
        name: groups.frame[name].groupby(groups.codes, sort=True).first()
        for name in names
        if name in groups.frame.columns
    }


def _best(kinds: np.ndarray, medians: np.ndarray) -> np.ndarray:
    """For each cell, the best of its kind; -1 where none is better than another."""
    best = np.full(len(kinds), -1)
    for kind in range(int(kinds.max(initial=-1)) + 1):
        cells = np.flatnonzero((kinds == kind) & np.isfinite(medians))
        if len(np.unique(medians[cells])) > 1:
            best[kinds == kind] = cells[np.argmin(medians[cells])]
    return best


@dataclass(frozen=True)
class _Oriented:
    """A metric of trials, on its scale, turned so that less is better; failures are ``inf``."""

    rows: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, groups: Groups, metric: str, sign: float, scale: Scale) -> _Oriented:
        rows, values = groups.scores(metric)
        finite = np.isfinite(values)
        turned = np.full(len(values), math.inf)
        turned[finite] = sign * forward(usable(scale, values[finite]), values[finite])
        return cls(rows, turned)


def _paired(groups: Groups, scores: _Oriented, best: np.ndarray) -> np.ndarray:
    """The least that each cell's difference from the best may be; NaN with too few shared seeds."""
    cells, seeds = groups.codes[scores.rows], codes_of(groups.frame["seed"])[scores.rows]
    width = int(seeds.max(initial=0)) + 2
    keys = cells * width + seeds  # a trial without a seed pairs with none
    order = np.argsort(keys, kind="stable")
    sought = best[cells] * width + seeds
    places = np.minimum(np.searchsorted(keys[order], sought), max(len(keys) - 1, 0))
    partners = order[places]
    shared = (keys[partners] == sought) & (seeds >= 0) & (best[cells] >= 0)
    with np.errstate(invalid="ignore"):
        gaps = scores.values - scores.values[partners]
    gaps[np.isnan(gaps)] = 0.0  # both failed
    least = np.full(groups.count, math.nan)
    for numbers, found in groups.stacked(scores.rows[shared], gaps[shared]):
        if found.shape[1] >= LEAST_SEEDS:
            least[numbers] = _least(found)
    return least


def _least(gaps: np.ndarray) -> np.ndarray:
    """Lower bounds of the effect of each row, as `statistics.paired.paired_effect` has it.

    Where only the cell failed, its difference is at least what the other seeds make it. Where only the
    best failed, or all differences are the same, a few seeds bound nothing.
    """
    least = np.full(len(gaps), -math.inf)
    whole = np.isfinite(gaps).all(axis=1)
    even = (gaps == gaps[:, :1]).all(axis=1)
    lost = ~whole & (gaps > -math.inf).all(axis=1)
    choices: tuple[tuple[np.ndarray, Statistic], ...] = ((whole & ~even, "mean"), (lost, "median"))
    for rows, statistic in choices:
        kept = [line[np.isfinite(line)] for line in gaps[rows]]
        least[rows] = np.nan_to_num(intervals(kept, statistic)[0], nan=-math.inf)
    if gaps.shape[1] >= _MANY:
        for row in np.flatnonzero(least == -math.inf).tolist():
            found = paired_effect([gaps[row]]).interval
            least[row] = found.low if found.exists else -math.inf
    return least


def _unpaired(
    table: pd.DataFrame, metric: str, sign: float, medians: np.ndarray, best: np.ndarray
) -> np.ndarray:
    """The least that the difference of two medians may be; NaN without intervals."""
    ends = [sign * floats(table[f"{metric}_{end}"]) for end in ("low", "high")]
    low, high = ends if sign > 0 else ends[::-1]
    with np.errstate(invalid="ignore"):
        below, above = medians - low, (high - medians)[best]
        least: np.ndarray = medians - medians[best] - np.hypot(below, above)
    return least
