"""Cells against a baseline, paired by seed: a cell of a run, or the same cell in another run."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.comparability import cell_label, measuring
from ganbench.analysis.frame_tools import floats, text_of
from ganbench.analysis.groups import Groups, group
from ganbench.analysis.metrics import effect_scale, is_ok, scores
from ganbench.analysis.several_runs import read_several
from ganbench.analysis.statistics.intervals import LEVEL
from ganbench.analysis.statistics.paired import differences, paired_effect
from ganbench.analysis.statistics.scales import back
from ganbench.analysis.tied_with_best import COMPARABLE
from ganbench.base.errors import UsageError
from ganbench.base.text import one_a_line, plain
from ganbench.components.column import Column
from ganbench.store.columns import columns_of, worded
from ganbench.store.display_names import ATTRIBUTE
from ganbench.store.primary import the_primary
from ganbench.store.run_selectors import split_run
from ganbench.store.schema import AXES, EVALUATION

#: The name of the column of effects; its interval has the usual ends.
EFFECT = "baseline"
PAIRS = f"{EFFECT}_pairs"


@dataclass(frozen=True, eq=False)
class Baseline:
    """What cells are compared with.

    :ivar groups: the trials of one cell, or of a whole run.
    :ivar label: of it, for a person.
    :ivar pinned: whether it is one cell; otherwise each cell is compared with the same cell there.
    :ivar here: whether it is in the run whose cells are compared.
    """

    groups: Groups
    label: str
    pinned: bool
    here: bool


def read_baseline(
    text: str, compared: str | os.PathLike[str], warn: Callable[[str], object]
) -> Baseline:
    """Read ``RUN:CELL``, a selector of trials of one cell, or ``RUN`` for the same cells there.

    :param compared: the run whose cells are compared.
    :param warn: gets a sentence for each file that was left out.
    :raises UsageError: without such a run, or if the selector names several cells.
    """
    found = split_run(text)
    if found is None:
        raise UsageError(
            f"--baseline {plain(text)}: this is not a run folder; write RUN, or RUN:CELL such as "
            "runs/quick:loss=hinge"
        )
    run, selector = found
    (frame,) = read_several([run.path], warn)
    here = os.path.exists(compared) and os.path.samefile(run.path, compared)
    if not selector and here:
        raise UsageError(
            f"--baseline {plain(text)}: this is the run itself; name one of its cells, as in "
            f"{plain(text)}:loss=hinge, or another run"
        )
    if not selector:
        return Baseline(group(frame), f"the same cell in {os.fspath(run.path)}", False, here)
    ids = [trial.id for trial in run.select(selector)]
    groups = group(frame)
    cells = np.unique(groups.codes[frame["trial"].isin(ids).to_numpy()]).tolist()
    if not cells:
        raise UsageError(f"--baseline {plain(text)}: no trial of this cell has ended")
    labels = [cell_label(_first(groups, cell)[axis] for axis in AXES) for cell in cells]
    if len(cells) > 1:
        raise UsageError(
            f"--baseline {plain(text)} names {len(cells)} cells; add conditions until it is one, as in "
            f"RUN:loss=hinge,architecture=dcgan:{one_a_line(labels)}"
        )
    rows = frame[groups.codes == cells[0]].reset_index(drop=True)
    return Baseline(group(rows), f"{labels[0]} in {os.fspath(run.path)}", True, here)


def against(groups: Groups, baseline: Baseline, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Effects of cells against the baseline on the primary metric: the column, its ends, and pairs.

    A cell has none without a counterpart whose numbers mean the same, and without shared seeds; the
    baseline has none against itself.

    :param seed: of the bootstrap.
    """
    column = baseline_metric(groups)
    scale = effect_scale(column)
    found = {name: np.full(groups.count, math.nan) for name in (EFFECT, *_ENDS)}
    pairs = np.zeros(groups.count, dtype=np.int64)
    mine, theirs_of = _of_seeds(groups, column), _of_seeds(baseline.groups, column)
    for cell, other in enumerate(_counterparts(groups, baseline)):
        if other is None:
            continue
        own, theirs = mine[cell], theirs_of[other]
        shared = sorted(own.keys() & theirs.keys())
        same = {own[s][0] for s in shared} & {theirs[s][0] for s in shared}
        if not shared or (baseline.here and same):  # it is the baseline itself
            continue
        a, b = (np.array([side[s][1] for s in shared]) for side in (own, theirs))
        effect = paired_effect([differences(a, b, scale)], [shared], level=LEVEL, seed=seed)
        ends = (effect.estimate, effect.interval.low, effect.interval.high)
        for name, value in zip(found, ends, strict=True):
            found[name][cell] = back(scale, value)
        pairs[cell] = len(shared)
    return {**found, PAIRS: pairs}


def baseline_metric(groups: Groups) -> Column:
    """The metric of the effects: the primary one of the trials that ended well."""
    ended = groups.frame[is_ok(groups.frame)]
    return columns_of(groups.frame).named(the_primary([ended if len(ended) else groups.frame]))


def baseline_columns(groups: Groups) -> dict[str, Column]:
    """Descriptions of the columns of `against`."""
    metric = baseline_metric(groups)
    ratio = effect_scale(metric) == "log"
    words = worded(metric)
    label = f"{words} / baseline" if ratio else f"{words} − baseline"
    how = "divided by" if ratio else "minus"
    meaning = f"`{plain(metric.name)}` {how} that of the baseline, median over pairs of seeds"
    return {
        EFFECT: Column(EFFECT, "float64", "", meaning, metric.better, "linear", label=label),
        **{
            end: Column(end, "float64", "", f"{word} end of its interval")
            for end, word in zip(_ENDS, ("lower", "upper"), strict=True)
        },
        PAIRS: Column(PAIRS, "Int64", "", "seeds that the cell shares with the baseline"),
    }


_ENDS = (f"{EFFECT}_low", f"{EFFECT}_high")


def _of_seeds(groups: Groups, column: Column) -> list[dict[int, tuple[str, float]]]:
    """For each cell, seed -> trial and value, failures as the worst."""
    frame, values = groups.frame, scores(groups.frame, column)
    found: list[dict[int, tuple[str, float]]] = [{} for _ in range(groups.count)]
    seeds, trials = floats(frame["seed"]), frame["trial"].tolist()
    for row in np.flatnonzero(groups.counted & ~np.isnan(values) & ~np.isnan(seeds)).tolist():
        found[groups.codes[row]][int(seeds[row])] = str(trials[row]), float(values[row])
    return found


def _counterparts(groups: Groups, baseline: Baseline) -> list[int | None]:
    """For each cell, the number of the cell to compare with, if its numbers mean the same."""
    others = [_first(baseline.groups, number) for number in range(baseline.groups.count)]
    return [_counterpart(_first(groups, cell), others, baseline) for cell in range(groups.count)]


def _counterpart(
    mine: Mapping[str, str], others: Sequence[Mapping[str, str]], baseline: Baseline
) -> int | None:
    fitting = [n for n, other in enumerate(others) if _same(mine, other, COMPARABLE)]
    if not baseline.pinned:
        fitting = [n for n in fitting if _same(mine, others[n], AXES)]
        if len(fitting) > 1:
            fitting = [n for n in fitting if _same(mine, others[n], ("cell",))]
    return fitting[0] if len(fitting) == 1 else None


def _same(one: Mapping[str, str], other: Mapping[str, str], names: tuple[str, ...]) -> bool:
    return all(one.get(name) == other.get(name) for name in names if one.get(name))


def _first(groups: Groups, cell: int) -> dict[str, str]:
    """The first known value of what names a cell and gives its numbers their meaning."""
    rows = groups.frame[groups.codes == cell]
    names = [name for name in dict.fromkeys((*AXES, *COMPARABLE, "cell")) if name in rows]
    values = {name: next(iter(rows[name].dropna()), None) for name in names}
    found = {name: text_of(value) for name, value in values.items()}
    spec_of = groups.frame.attrs.get(ATTRIBUTE, {})  # names may differ from run to run
    found |= {axis: spec_of.get(found[axis], found[axis]) for axis in AXES}
    if EVALUATION in found:
        found[EVALUATION] = measuring(found[EVALUATION], curve=False)
    return found
