"""Pairs of trials that share a context and a seed, and why others have no partner."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.results.contexts import Contexts, Key, differing, labels, repeated
from ganbench.results.formatting import plain
from ganbench.results.groups import TIMED
from ganbench.results.metrics import SPEED, UPDATES, scores
from ganbench.results.schema import CORE
from ganbench.results.side_outcomes import outcome

if TYPE_CHECKING:
    import pandas as pd

#: What may differ between the two sides; a reader should know.
_NOTED = {
    "ganbench_version": "ganbench",
    "torch_version": "torch",
    "providers": "plugins",
    "task": "task",
    "device": "device",
}


@dataclass(frozen=True)
class Pairs:
    """The pairs of one context.

    :ivar seeds: those of the pairs in which the metric is known.
    :ivar a: the scores of A, failures as the worst, one per seed; ``b`` likewise.
    :ivar ended: the seeds of all pairs that ended; ``rows`` the trials of A and of B, in their order.
    :ivar outcomes: what became of them, (2, pairs), see `side_outcomes.outcome`.
    :ivar speeds: images per second of A and B, (2, pairs): where both ran alone on equal devices;
        ``timed`` are the seeds; ``updates`` generator updates per second, likewise.
    """

    key: Key
    label: str
    seeds: list[int]
    a: np.ndarray
    b: np.ndarray
    ended: list[int]
    rows: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
    outcomes: np.ndarray
    timed: list[int]
    speeds: np.ndarray
    updates: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """What could not be compared, and why.

    :ivar missing: whether it is for want of trials.
    """

    label: str
    reason: str
    missing: bool = True


def paired(
    first: Contexts, second: Contexts, column: Column, names: Sequence[str]
) -> tuple[list[Pairs], list[LeftOut]]:
    """The pairs of each context that both sides have, and what is left out.

    :param names: of the two sides.
    """
    keys = list(dict.fromkeys([*first.trials, *second.trials]))
    shown = dict(zip(keys, labels(keys, first.names), strict=True))
    shared = [key for key in keys if first.seeds(key) & second.seeds(key)]
    twins = repeated(shared, (first, second))
    pairs, left_out = [], []
    for key, label in shown.items():
        lacking = [(name, side) for name, side in zip(names, (first, second), strict=True)
                   if key not in side.trials]  # fmt: skip
        if lacking:
            left_out.append(LeftOut(label, _why_lacking(key, *lacking[0])))
            continue
        if key in twins:
            left_out.append(LeftOut(label, why_repeated(shown[twins[key]]), missing=False))
            continue
        found = _pairs(key, label, first, second, column)
        if found.seeds:
            pairs.append(found)
        elif found.ended:
            left_out.append(LeftOut(label, _why_unknown(column.name)))
        else:
            left_out.append(LeftOut(label, "no seed in common"))
        alone = sorted(first.seeds(key) ^ second.seeds(key))
        if alone and found.seeds:
            left_out.append(LeftOut(label, f"seeds that only one of the two has: {listed(alone)}"))
    return pairs, left_out


def why_repeated(label: str) -> str:
    """The reason to leave out a context whose trials are those of another one."""
    return f"its options settle on what {label} trains; trials count once"


def listed(seeds: Sequence[int]) -> str:
    """``0, 1, 5``, of many only some."""
    return ", ".join(map(str, seeds[:8])) + (", …" if len(seeds) > 8 else "")


def nothing_shared(
    first: Contexts, second: Contexts, names: Sequence[str], left_out: Sequence[LeftOut]
) -> str:
    """The sentence for two sides without a pair of trials."""
    a, b = map(plain, names)
    for name, side in ((a, first), (b, second)):
        if not side.trials:
            reason = next(iter(side.skipped.values()), None)
            return f"{name} has no trial that ended" + (f"; skipped: {reason}" if reason else "")
    if first.trials.keys() & second.trials.keys():
        reasons = sorted({item.reason for item in left_out})
        return f"{a} and {b} have nothing to compare: {'; '.join(reasons)}"
    parts = differing(first.trials, second.trials, first.names)
    told = f" ({plain(parts)})" if parts else ""
    return (
        f"{a} and {b} were never trained in the same context{told}; run both with the same other "
        "components, budget and settings"
    )


def notes(chosen: Sequence[pd.DataFrame], brought: set[str]) -> list[str]:
    """What differs between two sides and is no reason not to compare them.

    :param brought: settings that came with the components.
    """
    found = []
    for name, word in _NOTED.items():
        if any(name not in frame.columns for frame in chosen):
            continue
        sides = [sorted(set(map(plain, frame[name].dropna()))) for frame in chosen]
        if sides[0] != sides[1]:
            both = " against ".join(", ".join(side[:4]) or "unknown" for side in sides)
            found.append(f"{word}: {both}")
    sides_of = [_settings(frame) for frame in chosen]
    for name in sorted(brought):
        values = [side.get(name, []) for side in sides_of]
        if values[0] != values[1]:
            both = " against ".join(", ".join(side[:4]) or "unknown" for side in values)
            found.append(f"{plain(name)}: {both}")
    return found


def _pairs(key: Key, label: str, first: Contexts, second: Contexts, column: Column) -> Pairs:
    seeds = sorted(first.seeds(key) & second.seeds(key))
    ours, theirs = ([side.trials[key][seed] for seed in seeds] for side in (first, second))
    a, b = scores(ours, column), scores(theirs, column)
    alike = np.array([_same_device(*rows) for rows in zip(ours, theirs, strict=True)], dtype=bool)
    known = ~(np.isnan(a) | np.isnan(b))
    if column.name in TIMED:
        known &= alike
    speeds, updates = (
        np.array([scores(side, CORE[name]) for side in (ours, theirs)]).reshape(2, len(seeds))
        for name in (SPEED, UPDATES)
    )
    timed = alike & ~np.isnan(speeds).any(axis=0)
    words = [[outcome(row) for row in side] for side in (ours, theirs)]
    return Pairs(
        key=key,
        label=label,
        seeds=_where(seeds, known),
        a=a[known],
        b=b[known],
        ended=seeds,
        rows=(ours, theirs),
        outcomes=np.array(words, dtype=object).reshape(2, len(seeds)),
        timed=_where(seeds, timed),
        speeds=speeds[:, timed],
        updates=updates[:, timed],
    )


def _where(seeds: Sequence[int], there: np.ndarray) -> list[int]:
    return [seed for seed, holds in zip(seeds, there.tolist(), strict=True) if holds]


def _same_device(x: Mapping[str, Any], y: Mapping[str, Any]) -> bool:
    return str(x.get("device")) == str(y.get("device"))


def _why_lacking(key: Key, name: str, side: Contexts) -> str:
    reason = side.why_skipped(key)
    return f"{plain(name)} was skipped: {reason}" if reason else f"{plain(name)} has no trial there"


def _why_unknown(metric: str) -> str:
    if metric in TIMED:
        return f"{metric} counts only where both trials ran alone on equal devices, and no pair did"
    return f"in no pair of trials is {metric} known of both"


def _settings(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Setting -> the values that trials have, as text."""
    found: dict[str, set[str]] = {}
    if "settings" not in frame.columns:
        return {}
    for text in frame["settings"].dropna().unique():
        for name, value in json.loads(text).items():
            found.setdefault(name, set()).add(plain(json.dumps(value)))
    return {name: sorted(values) for name, values in found.items()}
