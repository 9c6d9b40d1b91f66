"""The effect of A against B on a metric, on speeds and on outcomes, in one block or in all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ganbench.analysis.metrics import SPEED, UPDATES, effect_scale, is_ok, scores
from ganbench.analysis.shared_blocks import SharedBlock, on_equal_devices
from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL, Interval
from ganbench.analysis.statistics.paired import (
    Effect,
    Improvement,
    RiskDifference,
    differences,
    improvement,
    paired_effect,
    risk_difference,
)
from ganbench.analysis.statistics.seeds import Seeds, units
from ganbench.analysis.training_counts import COUNTED, Counts, counts_of
from ganbench.components.column import Column
from ganbench.store.schema import CORE, VERDICTS

FAILED = "failed"
#: The outcomes that a comparison counts: failures, ``diverged`` among them, and verdicts.
OUTCOMES = (FAILED, *(word for word in VERDICTS if word not in ("diverged", "stable")))


@dataclass(frozen=True)
class SideOutcome:
    """How many trials of A and of B had an outcome, and the difference of their shares."""

    counts: tuple[int, int]
    risk: RiskDifference


def outcome_words(trials: pd.DataFrame) -> np.ndarray:
    """For each trial ``failed`` if it did not end ``ok``, else its verdict."""
    words = trials["verdict"].to_numpy(dtype=object) if "verdict" in trials else ""
    return np.where(is_ok(trials), words, FAILED)


def side_outcomes(
    words: Sequence[np.ndarray], seeds: Seeds, level: float = LEVEL
) -> dict[str, SideOutcome]:
    """Each of `OUTCOMES` over blocks; without intervals below `LEAST_SEEDS` seeds.

    :param words: for each block, the `outcome_words` of A's and B's trials, (2, pairs).
    :param seeds: the seeds of these pairs.
    """
    whole = np.concatenate(words, axis=1)
    used = [own for own in seeds if len(own)]
    independent = units(used) if used else 0.0
    enough = max(map(len, seeds), default=0) >= LEAST_SEEDS
    found = {}
    for word in OUTCOMES:
        a, b = (whole == word).astype(bool)
        risk = risk_difference(a, b, level, independent)
        if not enough:
            risk = replace(risk, interval=Interval(math.nan, math.nan, level))
        found[word] = SideOutcome((int(a.sum()), int(b.sum())), risk)
    return found


@dataclass(frozen=True)
class BlockEffect:
    """A against B in one block, or in all of them.

    :ivar label: the block, or ``all blocks``.
    :ivar parts: the block's parts by name; empty for all.
    :ivar seeds: for each block in it, the seeds of the pairs in which the metric is known.
    :ivar effect: on the metric: A minus B on the comparison's scale.
    :ivar better: the probability that a trial of A is better than a trial of B.
    :ivar pairs: pairs of trials that ended, whatever their status; outcomes are counted over them.
    :ivar outcomes: how many of these failed, degraded or never learned, see `side_outcomes`.
    :ivar speed: on images per second, over pairs that both had their device to themselves.
    :ivar updates: on generator updates per second, likewise.
    :ivar speed_pairs: the number of these pairs.
    :ivar counts: what the budget bought, for A and for B.
    """

    label: str
    parts: Mapping[str, str]
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


class BlockEffects:
    """The effects of A against B over any of their shared blocks.

    :param frames: the trials of A and of B.
    """

    def __init__(
        self, frames: Sequence[pd.DataFrame], column: Column, level: float, seed: int
    ) -> None:
        self._column, self._level, self._seed = column, level, seed
        self._counted = [frame[[n for n in COUNTED if n in frame.columns]] for frame in frames]
        self._outcomes = [outcome_words(frame) for frame in frames]
        self._devices = [np.array([*map(str, frame["device"])], dtype=object) for frame in frames]
        self._rates = {
            name: [scores(frame, CORE[name]) for frame in frames] for name in (SPEED, UPDATES)
        }

    def over(
        self, blocks: Sequence[SharedBlock], label: str, parts: Mapping[str, str]
    ) -> BlockEffect:
        """The effect over some blocks."""
        seeds, ended = [block.seeds for block in blocks], [block.ended for block in blocks]
        a, b = ([block.scores[side] for block in blocks] for side in (0, 1))
        higher = self._column.better == "higher"
        words = [self._of_rows(self._outcomes, block) for block in blocks]
        timed = [self._timed(block) for block in blocks]
        counts = [
            counts_of(frame.iloc[np.concatenate([block.rows[side] for block in blocks])])
            for side, frame in enumerate(self._counted)
        ]
        return BlockEffect(
            label,
            parts,
            seeds,
            self._on_metric(blocks, self._level),
            improvement(a, b, seeds, higher=higher, level=self._level),
            sum(map(len, ended)),
            side_outcomes(words, ended, self._level),
            self._on_rates(SPEED, blocks, timed),
            self._on_rates(UPDATES, blocks, timed),
            sum(int(own.sum()) for own in timed),
            (counts[0], counts[1]),
        )

    def corrected(self, blocks: Sequence[SharedBlock]) -> list[int]:
        """The blocks whose intervals at a level for all blocks together (Bonferroni) exclude 0."""
        strict = 1 - (1 - self._level) / len(blocks)
        return [
            number
            for number, block in enumerate(blocks)
            if self._on_metric([block], strict).interval.excludes(0.0)
        ]

    def _on_metric(self, blocks: Sequence[SharedBlock], level: float) -> Effect:
        scale = effect_scale(self._column)
        strata = [differences(block.scores[0], block.scores[1], scale) for block in blocks]
        seeds = [block.seeds for block in blocks]
        return paired_effect(strata, seeds, level=level, seed=self._seed)

    def _on_rates(
        self, name: str, blocks: Sequence[SharedBlock], timed: Sequence[np.ndarray]
    ) -> Effect:
        """The effect on a speed, over blocks with a timed pair whose rates are all known."""
        strata, seeds = [], []
        for block, used in zip(blocks, timed, strict=True):
            rates = self._of_rows(self._rates[name], block)[:, used]
            if used.any() and not np.isnan(rates).any():
                strata.append(differences(rates[0], rates[1], "log"))
                seeds.append(
                    [s for s, there in zip(block.ended, used.tolist(), strict=True) if there]
                )
        return paired_effect(strata, seeds, level=self._level, seed=self._seed)

    def _timed(self, block: SharedBlock) -> np.ndarray:
        """The pairs of a block that both ran alone, on equal devices."""
        known = ~np.isnan(self._of_rows(self._rates[SPEED], block)).any(axis=0)
        return np.asarray(known & on_equal_devices(self._devices, block.rows))

    def _of_rows(self, sides: Sequence[np.ndarray], block: SharedBlock) -> np.ndarray:
        """The values of the block's trials, (2, pairs)."""
        return np.stack([own[rows] for own, rows in zip(sides, block.rows, strict=True)])
