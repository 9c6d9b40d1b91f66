"""The components of one kind against each other, over the blocks and seeds that all share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ganbench.analysis.blocks import Blocks, blocks_of, completed
from ganbench.analysis.groups import several_budgets
from ganbench.analysis.metrics import check_level, check_metric, effect_scale, is_ok
from ganbench.analysis.resolve_component import check_axis, specs_of
from ganbench.analysis.several_runs import check_comparable
from ganbench.analysis.shared_blocks import LeftOut, SharedBlock, shared_blocks, sharing
from ganbench.analysis.statistics.aggregates import Statistic, median
from ganbench.analysis.statistics.intervals import (
    LEAST_SEEDS,
    LEVEL,
    Interval,
    estimates_and_errors,
    wilson_of_share,
)
from ganbench.analysis.statistics.paired import (
    Effect,
    Improvement,
    differences,
    holm,
    improvement,
    leading,
    p_of,
    p_of_t,
    paired_effect,
)
from ganbench.analysis.statistics.scales import Scale
from ganbench.analysis.statistics.seeds import Sample, center, sample, units
from ganbench.analysis.statistics.spread import REPLICATES
from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.store.primary import the_primary


@dataclass(frozen=True)
class RankedComponent:
    """One component of a ranking.

    :ivar trials: its trials in the shared blocks, ``failed`` those that failed or diverged.
    :ivar failures: the interval of the share of failures.
    :ivar relative: the effect against the median of the block, on the ranking's scale.
    :ivar better: the probability that a trial beats a trial of the other components.
    :ivar p: of a test that it equals the first component, Holm-corrected for all pairs.
    :ivar tied: whether the data do not tell it apart from the first.
    """

    name: str
    trials: int
    failed: int
    failures: Interval
    relative: Effect
    better: Improvement
    p: float = math.nan
    tied: bool = True


@dataclass(frozen=True)
class Ranking:
    """Components, the best first, over the blocks and seeds that all of them share.

    :ivar trials: the results that the ranking is of, one row per trial.
    :ivar left_out: components and blocks that could not be ranked, with the reason.
    :ivar shared_spread: whether the differences of all pairs are taken to vary about alike.
    :ivar budgets: those of the blocks, where there are trials of others as well.
    """

    trials: pd.DataFrame
    axis: str
    column: Column
    components: Sequence[RankedComponent]
    blocks: Sequence[SharedBlock]
    left_out: Sequence[LeftOut]
    level: float
    seed: int
    shared_spread: bool
    replicates: int = REPLICATES
    budgets: Sequence[str] = ()

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return self.column.name

    @property
    def scale(self) -> Scale:
        """``log`` where a component's effect is a ratio, else it is a difference."""
        return effect_scale(self.column)

    @property
    def seeds(self) -> list[list[int]]:
        """The seeds of each block."""
        return [block.seeds for block in self.blocks]

    @property
    def tested(self) -> bool:
        """Whether any block has enough seeds to tell components apart."""
        return max(map(len, self.seeds)) >= LEAST_SEEDS

    @property
    def statistic(self) -> Statistic:
        """What summarizes seeds, where none failed."""
        return sample([np.zeros(len(own)) for own in self.seeds], self.seeds).statistic

    def leaders(self) -> list[bool]:
        """Which components nothing tells from the first, up to the first that is told apart.

        Only a component with a finite effect is among them, and none without a test.
        """
        apart = [not (c.tied and math.isfinite(c.relative.estimate)) for c in self.components]
        return leading(apart) if self.tested else [False] * len(apart)


def rank(
    frame: pd.DataFrame,
    axis: str,
    metric: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    *,
    shared_spread: bool = False,
) -> Ranking:
    """Rank the components of an axis over the blocks and seeds that all of them share.

    The seed is the unit throughout. Intervals and p values are missing unless some block has
    `LEAST_SEEDS` seeds.

    :param metric: a column with a better direction; the primary metric by default.
    :param seed: of the bootstrap.
    :param shared_spread: take the differences of all pairs of components to vary about alike over
        seeds, and pull the spread of each towards that of all (Smyth 2004).
    :raises UsageError: with the reason, if fewer than two components share a block.
    """
    check_level(level)
    check_axis(axis)
    check_comparable([frame], ["this run"])
    column = check_metric([frame], the_primary([frame], metric))
    sides, left_out = _sides(frame, axis, column)
    blocks, more = shared_blocks(sides, column)
    left_out += more
    if not blocks:
        reasons = "; ".join(sorted({item.reason for item in left_out}))
        raise UsageError(f"nothing to rank: {reasons}")
    names = list(sides)
    found = [
        _component(number, name, sides[name], blocks, column, level, seed)
        for number, name in enumerate(names)
    ]
    others = len(names) - 1
    found.sort(
        key=lambda one: (mean_rank(one.better.probability, others), _worst_last(one, column))
    )
    adjusted = _p_values(names, blocks, effect_scale(column), seed, shared_spread)
    first, *rest = found
    p_of_each = [adjusted[frozenset((first.name, one.name))] for one in rest]
    ranked = [
        replace(one, p=p, tied=not p <= 1 - level) for one, p in zip(rest, p_of_each, strict=True)
    ]
    return Ranking(
        frame,
        axis,
        column,
        [first, *ranked],
        blocks,
        left_out,
        level,
        seed,
        shared_spread,
        budgets=_budgets(sides, blocks) if several_budgets(frame) else (),
    )


def mean_rank(probability: float, others: int) -> float:
    """The mean rank that goes with the probability of beating the others."""
    return 1 + others * (1 - probability)


def _budgets(sides: Mapping[str, Blocks], blocks: Sequence[SharedBlock]) -> list[str]:
    """The budgets of the blocks."""
    place = next(iter(sides.values())).names.index("budget")
    return list(dict.fromkeys(block.key[place] for block in blocks))


def _sides(
    frame: pd.DataFrame, axis: str, column: Column
) -> tuple[dict[str, Blocks], list[LeftOut]]:
    """The blocks of the components that share any; raises UsageError for fewer than two."""
    specs = specs_of(frame, axis)
    if len(specs) < 2:
        there = f"one {axis}, {plain(specs[0])}" if specs else f"no {axis}"
        raise UsageError(
            f"a ranking needs two components, and this run has {there}; choose another --by"
        )
    (whole,) = completed([frame])
    sides = blocks_of([whole[whole[axis] == spec] for spec in specs], axis, (column.name,))
    kept, left_out = sharing(dict(zip(specs, sides, strict=True)))
    if len(kept) < 2:
        reasons = "; ".join(f"{item.label}: {item.reason}" for item in left_out[:3])
        raise UsageError(
            f"no two of {', '.join(map(plain, specs[:6]))} were trained in the same block "
            f"({reasons}); run them with the same other components, budget and settings"
        )
    return kept, left_out


def _component(
    number: int,
    name: str,
    side: Blocks,
    blocks: Sequence[SharedBlock],
    column: Column,
    level: float,
    seed: int,
) -> RankedComponent:
    seeds, ended = [block.seeds for block in blocks], [block.ended for block in blocks]
    own = [block.scores[number] for block in blocks]
    rest = [np.delete(block.scores, number, axis=0).ravel() for block in blocks]
    trials = sum(map(len, ended))
    ok = is_ok(side.frame)
    failed = sum(int((~ok[block.rows[number]]).sum()) for block in blocks)
    share = Interval(math.nan, math.nan, level)
    if max(map(len, seeds)) >= LEAST_SEEDS:
        share = wilson_of_share(failed / trials, units(ended), level)
    relative = [_relative(block, number, effect_scale(column)) for block in blocks]
    return RankedComponent(
        name,
        trials,
        failed,
        share,
        paired_effect(relative, seeds, level=level, seed=seed),
        improvement(own, rest, seeds, higher=column.better == "higher", level=level),
    )


def _relative(block: SharedBlock, number: int, scale: Scale) -> np.ndarray:
    """Scores on the scale, less the median of all components' in the block.

    Where that is infinite, since half of the trials failed, the median of those that ended well.
    """
    everyone = block.scores.ravel()
    middle = median(everyone)
    if math.isinf(middle):
        middle = median(everyone[np.isfinite(everyone)])
    reference = 1.0 if math.isnan(middle) else middle
    own = block.scores[number]
    return differences(own, np.full(len(own), reference), scale)


def _p_values(
    names: Sequence[str], blocks: Sequence[SharedBlock], scale: Scale, seed: int, shared: bool
) -> Mapping[frozenset[str], float]:
    """P values of all pairs of components, corrected for their number.

    All pairs count, not only those with the first: which component is first is a finding, too.
    """
    pairs = list(itertools.combinations(range(len(names)), 2))
    samples = [
        sample(
            [differences(block.scores[one], block.scores[other], scale) for block in blocks],
            [block.seeds for block in blocks],
        )
        for one, other in pairs
    ]
    found = np.array([p_of(one, seed) for one in samples])
    whole = [n for n, one in enumerate(samples) if _varies(one)]
    if shared and whole:
        values = [samples[n].values for n in whole]
        most = (len(names) - 1) * (min(map(len, values)) - 1)
        found[whole] = p_of_t(*estimates_and_errors(values, center, seed, shared=True, most=most))
    keys = (frozenset((names[one], names[other])) for one, other in pairs)
    return dict(zip(keys, holm(found.tolist()), strict=True))


def _varies(one: Sample) -> bool:
    """Whether differences have a spread of their own: finite, of the same seeds in all blocks."""
    finite = one.enough and bool(np.isfinite(one.values).all())
    return finite and one.statistic == center(len(one.values)) and bool(np.ptp(one.values) > 0)


def _worst_last(one: RankedComponent, column: Column) -> float:
    value = one.relative.estimate
    if math.isnan(value):
        return math.inf
    return -value if column.better == "higher" else value
