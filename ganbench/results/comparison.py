"""What one component does against another: paired by seed, in every context that both share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.errors import UsageError
from ganbench.results.contexts import carried, completed, contexts
from ganbench.results.folders import check_comparable
from ganbench.results.formatting import plain
from ganbench.results.metrics import (
    SPEED,
    UPDATES,
    check_level,
    check_metric,
    higher_is_better,
    interval_scale,
)
from ganbench.results.origins import code_captions, version_captions
from ganbench.results.pairing import LeftOut, Pairs, notes, nothing_shared, paired
from ganbench.results.primary import the_primary
from ganbench.results.side_outcomes import FAILED, SideOutcome, side_outcomes
from ganbench.results.statistics.improvement import Improvement, improvement
from ganbench.results.statistics.intervals import LEVEL
from ganbench.results.statistics.paired import Effect, differences, paired_effect
from ganbench.results.statistics.scales import Scale
from ganbench.results.statistics.spread import REPLICATES
from ganbench.results.training_counts import Counts, counts_of
from ganbench.results.variants import settle

if TYPE_CHECKING:
    import pandas as pd

#: What a comparison takes from trials besides the metric.
_WANTED = (SPEED, UPDATES, "steps", "images", "verdict")


@dataclass(frozen=True)
class ContextEffect:
    """A against B in one context, or in all of them.

    :ivar label: the context, or ``all contexts``.
    :ivar context: the context's parts by name; empty for all.
    :ivar seeds: for each context in it, the seeds of the pairs in which the metric is known.
    :ivar effect: on the metric: A minus B on the comparison's scale.
    :ivar better: the probability that a trial of A is better than one of B.
    :ivar pairs: pairs that ended in whatever way; outcomes are counted over them.
    :ivar outcomes: how many of these failed, degraded or never learned, see `side_outcomes`.
    :ivar speed: on images per second, over pairs that both had their device to themselves.
    :ivar updates: on generator updates per second, likewise.
    :ivar speed_pairs: how many these are.
    :ivar counts: what the budget came to, for A and for B.
    """

    label: str
    context: Mapping[str, str]
    seeds: Sequence[Sequence[int]]
    effect: Effect
    better: Improvement
    pairs: int
    outcomes: Mapping[str, SideOutcome]
    speed: Effect
    updates: Effect
    speed_pairs: int
    counts: tuple[Counts, Counts]

    @property
    def failed(self) -> tuple[int, int]:
        """How many trials of A and of B failed."""
        return self.outcomes[FAILED].counts


@dataclass(frozen=True)
class Comparison:
    """A against B.

    :ivar a: the spec of A, with its folder where there are two.
    :ivar axis: None where whole folders are compared.
    :ivar column: of the metric.
    :ivar scale: ``log`` where effects are logarithms of ratios, else they are differences.
    :ivar contexts: one effect per context, `overall` that of all contexts together.
    :ivar corrected: numbers of the contexts that show an effect by themselves, corrected for how many
        contexts there are.
    :ivar left_out: what could not be compared, with the reason.
    :ivar notes: what differs besides and may matter.
    :ivar zeros: whether any value is zero where effects are ratios.
    """

    a: str
    b: str
    axis: str | None
    column: Column
    scale: Scale
    level: float
    seed: int
    overall: ContextEffect
    contexts: Sequence[ContextEffect]
    corrected: Sequence[int]
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()
    zeros: bool = False
    replicates: int = REPLICATES

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return self.column.name

    def sentence(self) -> str:
        """What the data show and what they do not, in plain words."""
        from ganbench.results.verdicts import sentence

        return sentence(self)

    def frame(self) -> pd.DataFrame:
        """One line per context and one for all, effects as ratios or differences."""
        from ganbench.results.comparison_tables import frame

        return frame(self)

    def record(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        from ganbench.results.comparison_tables import record

        return record(self)


def compare(
    frame_a: pd.DataFrame,
    spec_a: str | None,
    frame_b: pd.DataFrame,
    spec_b: str | None,
    axis: str | None = None,
    metric: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    *,
    names: tuple[str, str] = ("the first run", "the second run"),
) -> Comparison:
    """A against B in each context that both have, paired by seed.

    :param frame_a: the trials of which A's are taken, as `load_results` or `read_several` gives them.
    :param spec_a: a spec or a name that fits one; None for both specs compares the frames cell by cell.
    :param axis: the kind of component, found out where the specs leave no doubt.
    :param metric: a column with a better direction; the primary one by default.
    :param seed: of the bootstrap.
    :param names: of the frames, where they are two.
    :raises UsageError: if there is nothing to compare, with the reason.
    """
    check_level(level)
    two = frame_a is not frame_b
    check_comparable(*(([frame_a, frame_b], names) if two else ([frame_a], ["this run"])))
    if spec_a is None or spec_b is None:
        axis, specs = None, list(names)
    else:
        axis, specs = settle([frame_a, frame_b], [spec_a, spec_b], axis)
    if not two and specs[0] == specs[1]:
        raise UsageError(f"A and B are both {plain(specs[0])}: there is nothing to compare")
    chosen = [frame if axis is None else frame[frame[axis] == spec]
              for frame, spec in zip(completed([frame_a, frame_b]), specs, strict=True)]  # fmt: skip
    column = check_metric(chosen, the_primary(chosen, metric))
    owned = carried(chosen, axis)
    known = set(frame_a.columns) & set(frame_b.columns)
    first, second = (
        contexts(frame, axis, owned, known, (column.name, *_WANTED)) for frame in chosen
    )
    if axis is not None and two:
        specs = [f"{spec} in {name}" for spec, name in zip(specs, names, strict=True)]
    pairs, left_out = paired(first, second, column, specs)
    if not pairs:
        raise UsageError(nothing_shared(first, second, specs, left_out))
    maker = _Maker(effect_scale(column), higher_is_better(column), level, seed)
    return Comparison(
        a=plain(specs[0]),
        b=plain(specs[1]),
        axis=axis,
        column=column,
        scale=maker.scale,
        level=level,
        seed=seed,
        overall=maker.effect(pairs, "all contexts", {}),
        contexts=[
            maker.effect([pair], pair.label, dict(zip(first.names, pair.key, strict=True)))
            for pair in pairs
        ],
        corrected=_corrected(maker, pairs),
        left_out=left_out,
        notes=[*notes(chosen, owned), *_origins(chosen)],
        zeros=maker.scale == "log" and any(0 in (*pair.a, *pair.b) for pair in pairs),
    )


def _origins(chosen: Sequence[pd.DataFrame]) -> list[str]:
    """What differs within a side, or in a component of both; other versions are noted already."""
    import pandas as pd

    versions = [sentence for frame in chosen for sentence in version_captions(frame)]
    return [*dict.fromkeys(versions), *code_captions(pd.concat(list(chosen)))]


@dataclass(frozen=True)
class _Maker:
    """Pairs to effects."""

    scale: Scale
    higher: bool
    level: float
    seed: int

    def effect(
        self, pairs: Sequence[Pairs], label: str, context: Mapping[str, str]
    ) -> ContextEffect:
        seeds, ended = [pair.seeds for pair in pairs], [pair.ended for pair in pairs]
        a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
        rows = [[row for pair in pairs for row in pair.rows[side]] for side in (0, 1)]
        return ContextEffect(
            label,
            context,
            seeds,
            self.on_metric(pairs),
            improvement(a, b, seeds, higher=self.higher, level=self.level),
            sum(map(len, ended)),
            side_outcomes([pair.outcomes for pair in pairs], ended, self.level),
            self._rates([(pair.timed, pair.speeds) for pair in pairs]),
            self._rates([(pair.timed, pair.updates) for pair in pairs]),
            sum(len(pair.timed) for pair in pairs),
            (counts_of(rows[0]), counts_of(rows[1])),
        )

    def on_metric(self, pairs: Sequence[Pairs]) -> Effect:
        return paired_effect(
            [differences(pair.a, pair.b, self.scale) for pair in pairs],
            [pair.seeds for pair in pairs],
            level=self.level,
            seed=self.seed,
        )

    def _rates(self, found: Sequence[tuple[Sequence[int], np.ndarray]]) -> Effect:
        """Of contexts in which any pair was timed, and all of its rates are known."""
        used = [(seeds, rates) for seeds, rates in found if seeds and not np.isnan(rates).any()]
        return paired_effect(
            [differences(rates[0], rates[1], "log") for _, rates in used],
            [seeds for seeds, _ in used],
            level=self.level,
            seed=self.seed,
        )


def effect_scale(column: Column) -> Scale:
    """``log`` where effects are ratios, else ``linear``: as the metric has it, in all contexts."""
    return "log" if interval_scale(column) == "log" else "linear"


def _corrected(maker: _Maker, pairs: Sequence[Pairs]) -> list[int]:
    """The contexts whose intervals at a level for all contexts together (Bonferroni) leave out 0."""
    strict = replace(maker, level=1 - (1 - maker.level) / len(pairs))
    return [
        number
        for number, pair in enumerate(pairs)
        if strict.on_metric([pair]).interval.excludes(0.0)
    ]
