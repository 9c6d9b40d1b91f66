"""What one component does against another: paired by seed, in every block that both share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from ganbench.analysis.block_effects import BlockEffect, BlockEffects
from ganbench.analysis.blocks import Blocks, blocks_of, brought, completed
from ganbench.analysis.metrics import check_level, check_metric, effect_scale
from ganbench.analysis.provenance import side_differences
from ganbench.analysis.resolve_component import resolve_components
from ganbench.analysis.several_runs import check_comparable
from ganbench.analysis.shared_blocks import LeftOut, shared_blocks, why_apart
from ganbench.analysis.statistics.intervals import LEVEL
from ganbench.analysis.statistics.scales import Scale
from ganbench.analysis.statistics.spread import REPLICATES
from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.store.primary import the_primary

#: What a person has to know of a trial before its numbers.
_REMARKED = ("trial", "samples_note", "features_note")


@dataclass(frozen=True)
class Comparison:
    """A against B.

    :ivar a: the spec of A, with its folder where there are two.
    :ivar axis: None where whole folders are compared.
    :ivar column: the metric's.
    :ivar scale: ``log`` where effects are logarithms of ratios, else they are differences.
    :ivar overall: the effect over all blocks.
    :ivar blocks: one effect per block.
    :ivar corrected: numbers of the blocks that show an effect by themselves, corrected for the number
        of blocks.
    :ivar left_out: what could not be compared, with the reason.
    :ivar notes: other differences that may matter.
    :ivar trials: the results of both sides, one row per trial.
    :ivar zeros: whether any value is zero where effects are ratios.
    """

    a: str
    b: str
    axis: str | None
    column: Column
    scale: Scale
    level: float
    seed: int
    overall: BlockEffect
    blocks: Sequence[BlockEffect]
    corrected: Sequence[int]
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()
    zeros: bool = False
    trials: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    replicates: int = REPLICATES

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return self.column.name


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
    """A against B in each block that both have, paired by seed.

    :param frame_a: the trials that A's are taken from, as `load_results` or `read_several` gives them.
    :param spec_a: a spec or a name that fits one spec; None for both compares the frames cell by cell.
    :param axis: the kind of component; by default the kind that both specs fit.
    :param metric: a column with a better direction; the primary metric by default.
    :param seed: of the bootstrap.
    :param names: of the frames, where they are two.
    :raises UsageError: with the reason, if there is nothing to compare.
    """
    check_level(level)
    two = frame_a is not frame_b
    check_comparable(*(([frame_a, frame_b], names) if two else ([frame_a], ["this run"])))
    if spec_a is None or spec_b is None:
        axis, specs = None, list(names)
    else:
        axis, specs = resolve_components([frame_a, frame_b], [spec_a, spec_b], axis)
    if not two and specs[0] == specs[1]:
        raise UsageError(f"A and B are both {plain(specs[0])}: there is nothing to compare")
    chosen = [frame if axis is None else frame[frame[axis] == spec]
              for frame, spec in zip(completed([frame_a, frame_b]), specs, strict=True)]  # fmt: skip
    column = check_metric(chosen, the_primary(chosen, metric))
    sides = blocks_of(chosen, axis, (column.name,))
    if axis is not None and two:
        specs = [f"{spec} in {name}" for spec, name in zip(specs, names, strict=True)]
    shared, left_out = shared_blocks(dict(zip(specs, sides, strict=True)), column)
    if not shared:
        raise UsageError(_nothing_shared(sides, specs, left_out))
    effects = BlockEffects(chosen, column, level, seed)
    return Comparison(
        a=plain(specs[0]),
        b=plain(specs[1]),
        axis=axis,
        column=column,
        scale=effect_scale(column),
        level=level,
        seed=seed,
        overall=effects.over(shared, "all blocks", {}),
        blocks=[
            effects.over([block], block.label, dict(zip(sides[0].names, block.key, strict=True)))
            for block in shared
        ],
        corrected=effects.corrected(shared),
        left_out=left_out,
        notes=side_differences(chosen, brought(chosen, axis)),
        zeros=effect_scale(column) == "log" and any((block.scores == 0).any() for block in shared),
        trials=pd.concat([frame.reindex(columns=_REMARKED) for frame in chosen]),
    )


def _nothing_shared(
    sides: Sequence[Blocks], names: Sequence[str], left_out: Sequence[LeftOut]
) -> str:
    """The message for two sides without a pair of trials."""
    a, b = map(plain, names)
    for name, side in zip((a, b), sides, strict=True):
        if not side.trials:
            reason = next(iter(side.skipped.values()), None)
            return f"{name} has no trial that ended" + (f"; skipped: {reason}" if reason else "")
    if sides[0].trials.keys() & sides[1].trials.keys():
        reasons = sorted({item.reason for item in left_out})
        return f"{a} and {b} have nothing to compare: {'; '.join(reasons)}"
    parts = why_apart(sides[0], sides[1:])
    return (
        f"{a} and {b} were never trained in the same block{f' ({parts})' if parts else ''}; run both "
        "with the same other components, budget and settings"
    )
