"""How often the trials of two sides failed, degraded or never learned, and by how much more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganbench.results.schema import VERDICTS
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL, Interval
from ganbench.results.statistics.paired import RiskDifference, risk_difference
from ganbench.results.statistics.seeds import Seeds, units

FAILED = "failed"
#: What may become of a trial that a comparison counts: failures, which hold ``diverged``, and verdicts.
OUTCOMES = (FAILED, *(word for word in VERDICTS if word not in ("diverged", "stable")))


@dataclass(frozen=True)
class SideOutcome:
    """How many trials of A and of B came to something, and the difference of their shares."""

    counts: tuple[int, int]
    risk: RiskDifference


def outcome(row: Mapping[str, Any]) -> str:
    """``failed`` for a trial that did not end ``ok``, else its verdict."""
    return FAILED if row["status"] != "ok" else str(row.get("verdict"))


def side_outcomes(
    words: Sequence[np.ndarray], seeds: Seeds, level: float = LEVEL
) -> dict[str, SideOutcome]:
    """Each of `OUTCOMES` over contexts; without intervals below `LEAST_SEEDS` seeds.

    :param words: of each context, the `outcome` of A's and B's trials, (2, pairs); ``seeds`` theirs.
    """
    whole = np.concatenate(words, axis=1)
    used = [own for own in seeds if len(own)]
    independent = units(used) if used else 0.0
    enough = max(map(len, seeds), default=0) >= LEAST_SEEDS
    found = {}
    for word in OUTCOMES:
        a, b = whole == word
        risk = risk_difference(a, b, level, independent)
        if not enough:
            risk = replace(risk, interval=Interval(math.nan, math.nan, level))
        found[word] = SideOutcome((int(a.sum()), int(b.sum())), risk)
    return found
