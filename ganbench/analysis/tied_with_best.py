"""Which cells the data do not tell apart from the best cell that they compare with.

Trials that share a seed are paired: a cell is told apart from the best if its effect against the
best, as `comparison` finds it, lies on the worse side. The test is corrected for all pairs of cells
that can be compared, because which of them is the best is a finding, too. Without shared seeds the
difference of the cells' own centers tells them apart (Welch 1947).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.comparability import MEASURED, measurement_title
from ganbench.analysis.frame_tools import floats
from ganbench.analysis.groups import Groups
from ganbench.analysis.metrics import TIMED, interval_scale
from ganbench.analysis.statistics.aggregates import median
from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL, estimates_and_errors
from ganbench.analysis.statistics.paired import holm, leading, p_of, p_of_t
from ganbench.analysis.statistics.scales import Scale, forward
from ganbench.analysis.statistics.seeds import center, sample
from ganbench.analysis.training_counts import CRITIC_STEPS, critic_steps_of
from ganbench.components.column import Column

#: What must be equal for numbers to be compared.
COMPARABLE = (*MEASURED, "budget")


def tied_with_best(
    groups: Groups,
    table: pd.DataFrame,
    column: Column,
    *,
    level: float = LEVEL,
    shared: bool = False,
) -> np.ndarray:
    """Whether each cell is the best for its data set and features, or tied with the best.

    Tied are the cells in the order of their medians, up to the first that is told apart from the
    best. A cell without a finite median is never tied, and no cell is where all medians are equal.
    Cells of fewer than `LEAST_SEEDS` seeds do not take part. Speeds compare only on equal devices and
    with equally many discriminator updates in a step.

    :param table: `summary.by_cell` of the same frame, its lines in the order of the cells.
    :param shared: whether the cells' spread is taken to be alike, see `statistics.moderated`.
    """
    metric, scale = column.name, interval_scale(column)
    sign = -1.0 if column.better == "higher" else 1.0
    name = f"{metric}_median"
    medians = sign * floats(table[name if name in table.columns else metric])
    medians[groups.totals(groups.scores(metric)[0]) < LEAST_SEEDS] = math.nan
    scores = _oriented(groups, metric, sign, scale)
    found = np.zeros(groups.count, dtype=bool)
    kinds = _timed_kinds(groups) if metric in TIMED else comparable(groups)
    for cells in _contending(kinds, medians):
        best, others = int(cells[0]), cells[1:]
        p = _p_values([scores[cell] for cell in others], scores[best], shared)
        pairs = len(cells) * len(others) // 2
        apart = [value <= 1 - level for value in holm(p, pairs)]
        found[best] = True
        found[others] = np.array(leading(apart)) | (medians[others] == medians[best])
    return found


def _contending(kinds: np.ndarray, medians: np.ndarray) -> list[np.ndarray]:
    """The cells of each kind that take part, the best first, without kinds of equal medians."""
    found = []
    for kind in np.unique(kinds):
        cells = np.flatnonzero((kinds == kind) & np.isfinite(medians))
        if len(np.unique(medians[cells])) > 1:
            found.append(cells[np.argsort(medians[cells], kind="stable")])
    return found


def _timed_kinds(groups: Groups) -> np.ndarray:
    """Kinds of cells whose speeds compare: of equal devices and discriminator updates in a step."""
    critic = critic_steps_of(groups.frame).groupby(groups.codes, sort=True).first()
    return _kinds({**_by_cell(groups, (*COMPARABLE, "device")), CRITIC_STEPS: critic})


def comparable(groups: Groups) -> np.ndarray:
    """For each cell, the number of the kind of cells that it compares with."""
    return _kinds(_by_cell(groups, COMPARABLE))


def kind_titles(groups: Groups) -> list[str]:
    """For each cell, a title for the cells that it compares with: ``digits · protocol 2``."""
    columns = _by_cell(groups, COMPARABLE)
    texts = [values.astype("string").fillna("").tolist() for values in columns.values()]
    keys = list(zip(*texts, strict=True))
    every = list(dict.fromkeys(keys))
    titles = {key: measurement_title(key, every, list(columns)) for key in every}
    return [titles[key] for key in keys]


def _kinds(columns: Mapping[str, pd.Series[Any]]) -> np.ndarray:
    """A number for each combination of values of the cells."""
    frame = pd.DataFrame(columns)
    return frame.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()


def _by_cell(groups: Groups, names: Sequence[str]) -> dict[str, pd.Series[Any]]:
    """The first known value of each cell, for each of the columns that exist."""
    return {
        name: groups.frame[name].groupby(groups.codes, sort=True).first()
        for name in names
        if name in groups.frame.columns
    }


_Values = tuple[np.ndarray, np.ndarray]


def _oriented(groups: Groups, metric: str, sign: float, scale: Scale) -> list[_Values]:
    """The seeds of each cell, -1 where a trial has none, and a metric's values on its scale.

    Less is better; failures are ``inf``.
    """
    rows, values = groups.scores(metric)
    finite = np.isfinite(values)
    turned = np.full(len(values), math.inf)
    turned[finite] = sign * forward(scale, values[finite])
    cells, seeds = groups.codes[rows], pd.factorize(groups.frame["seed"])[0][rows]
    order = np.argsort(cells, kind="stable")
    ends = np.cumsum(np.bincount(cells, minlength=groups.count))[:-1]
    of_cells = (np.split(own[order], ends) for own in (seeds, turned))
    return list(zip(*of_cells, strict=True))


def _p_values(others: Sequence[_Values], best: _Values, shared: bool) -> list[float]:
    """The p value of each cell against the best; 1 where it does not look worse."""
    gaps = [_gaps(other, best) for other in others]
    paired = [number for number, gap in enumerate(gaps) if len(gap) >= LEAST_SEEDS]
    whole = [n for n in paired if np.isfinite(gaps[n]).all() and np.ptp(gaps[n]) > 0]
    found = np.full(len(others), math.nan)
    if whole:
        found[whole] = _one_sided([gaps[n] for n in whole], shared)
    for number in set(paired) - set(whole):
        found[number] = p_of(sample([gaps[number]])) if median(gaps[number]) > 0 else 1.0
    for number in set(range(len(others))) - set(paired):
        found[number] = _unpaired(others[number][1], best[1])
    return [float(p) for p in found]


def _gaps(other: _Values, best: _Values) -> np.ndarray:
    """How much worse a cell is than the best, over the seeds of both; two failures tie."""
    if np.array_equal(other[0], best[0]) and other[0].min(initial=0) >= 0:
        mine = theirs = np.arange(len(best[0]))
    else:
        seeds, mine, theirs = np.intersect1d(other[0], best[0], return_indices=True)
        mine, theirs = mine[seeds >= 0], theirs[seeds >= 0]
    with np.errstate(invalid="ignore"):
        gaps: np.ndarray = other[1][mine] - best[1][theirs]
    gaps[np.isnan(gaps)] = 0.0
    return gaps


def _one_sided(gaps: Sequence[np.ndarray], shared: bool) -> np.ndarray:
    """P values of `paired_effect` for finite gaps; 1 where a cell looks better."""
    most = math.inf
    if shared:  # all gaps hold the noise of the best, so that many tell no more than four would
        most = 4 * (min(map(len, gaps)) - 1) / (1 + 3 / len(gaps))
    middles, errors, freedoms = estimates_and_errors(gaps, center, shared=shared, most=most)
    return np.where(middles > 0, p_of_t(middles, errors, freedoms), 1.0)


def _unpaired(other: np.ndarray, best: np.ndarray) -> float:
    """The p value of two cells without shared seeds, from the good seeds of the worse cell.

    It is 1 if the best cell failed, too: then a few seeds tell nothing.
    """
    kept = other[np.isfinite(other)]
    if not np.isfinite(best).all() or min(len(kept), len(best)) < LEAST_SEEDS:
        return 1.0
    middles, errors, freedoms = estimates_and_errors([kept, best], center)
    gap, variance = middles[:1] - middles[1:], (errors**2).sum(keepdims=True)
    if gap[0] <= 0 or variance[0] == 0:
        return 1.0
    freedom = variance**2 / (errors**4 / freedoms).sum()
    return float(p_of_t(gap, np.sqrt(variance), freedom)[0])
