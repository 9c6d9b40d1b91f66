"""What the components of one kind share: contexts and seeds in which all of them were trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.errors import UsageError
from ganbench.results.contexts import (
    Contexts,
    Key,
    carried,
    completed,
    contexts,
    differing,
    labels,
    repeated,
)
from ganbench.results.formatting import plain
from ganbench.results.groups import TIMED
from ganbench.results.metrics import scores
from ganbench.results.pairing import LeftOut, listed, why_repeated
from ganbench.results.variants import specs_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Field:
    """The scores of several components over shared contexts and seeds.

    :ivar seeds: of each context, in which the metric is known of all.
    :ivar scores: per component, one array per context, in the order of its seeds.
    :ivar ended: of each context, the seeds that all share, also where the metric is not known.
    :ivar failed: per component, how many trials of these seeds failed.
    """

    names: Sequence[str]
    contexts: Sequence[str]
    seeds: Sequence[Sequence[int]]
    scores: Mapping[str, Sequence[np.ndarray]]
    ended: Sequence[Sequence[int]]
    failed: Mapping[str, int]
    left_out: Sequence[LeftOut]

    @property
    def trials(self) -> int:
        """Of each component, whether the metric is known or not."""
        return sum(map(len, self.ended))


def shared_field(frame: pd.DataFrame, axis: str, column: Column) -> Field:
    """The scores of the components over what all of them share.

    Where no context is shared by all, components that share least are left out until one is.

    :raises UsageError: if fewer than two components are left.
    """
    specs = specs_of(frame, axis)
    if len(specs) < 2:
        there = f"one {axis}, {plain(specs[0])}" if specs else f"no {axis}"
        raise UsageError(f"there is {there}: a ranking needs two; choose another with --by")
    owned = carried([frame], axis)
    (frame,) = completed([frame])
    sides = {
        spec: contexts(frame[frame[axis] == spec], axis, owned, set(frame.columns), (column.name,))
        for spec in specs
    }
    kept = dict(sides)
    left_out = []
    while len(kept) > 1 and not _common(kept.values()):
        reach = {
            spec: sum(len(side.trials.keys() & other.trials.keys()) for other in kept.values())
            for spec, side in kept.items()
        }
        dropped = min(reversed(kept), key=lambda spec: (reach[spec], len(kept[spec].trials)))
        reason = next(iter(kept.pop(dropped).skipped.values()), None)
        because = f"skipped: {reason}" if reason else _why_apart(sides[dropped], kept.values())
        left_out.append(LeftOut(plain(dropped), because))
    if len(kept) < 2:
        reasons = "; ".join(f"{item.label}: {item.reason}" for item in left_out[:3])
        raise UsageError(
            f"no two of {', '.join(map(plain, specs[:6]))} were trained in the same context "
            f"({reasons}); run them with the same other components, budget and settings"
        )
    return _field(kept, column, left_out)


def _why_apart(side: Contexts, others: Iterable[Contexts]) -> str:
    """Why a component has no context in common with all others."""
    reason = "it has no context in common with all others"
    keys = [key for other in others for key in other.trials]
    parts = differing(side.trials, keys, side.names)
    return f"{reason} ({plain(parts)})" if parts else reason


def _common(sides: Iterable[Contexts]) -> list[Key]:
    """The contexts that all sides have, in the order of the first."""
    first, *others = sides
    return [key for key in first.trials if all(key in other.trials for other in others)]


def _field(kept: Mapping[str, Contexts], column: Column, left_out: list[LeftOut]) -> Field:
    names = next(iter(kept.values())).names
    every = list(dict.fromkeys(key for side in kept.values() for key in side.trials))
    common = set(_common(kept.values()))
    found: dict[str, list[np.ndarray]] = {spec: [] for spec in kept}
    failed = dict.fromkeys(kept, 0)
    label_of = dict(zip(every, labels(every, names), strict=True))
    twins = repeated([key for key in every if key in common], kept.values())
    shown: list[str] = []
    seeds_of: list[list[int]] = []
    ended: list[list[int]] = []
    for key, label in label_of.items():
        if key not in common:
            lacking = [plain(spec) for spec, side in kept.items() if key not in side.trials]
            left_out.append(LeftOut(label, f"not run with {', '.join(lacking)}"))
            continue
        if key in twins:
            because = why_repeated(label_of[twins[key]])
            left_out.append(LeftOut(label, because, missing=False))
            continue
        seeds_there = [side.seeds(key) for side in kept.values()]
        seeds = sorted(set.intersection(*seeds_there))
        rows = {spec: [side.trials[key][seed] for seed in seeds] for spec, side in kept.items()}
        values = {spec: scores(trials, column) for spec, trials in rows.items()}
        known = ~np.isnan(np.stack(list(values.values()))).any(axis=0)
        if column.name in TIMED:
            known &= _on_equal_devices(list(rows.values()))
        if not known.any():
            why = _why_unknown(column.name) if seeds else "no seed is shared by all"
            left_out.append(LeftOut(label, why))
            continue
        if alone := sorted(set.union(*seeds_there).difference(seeds)):
            left_out.append(LeftOut(label, f"seeds that not all have: {listed(alone)}"))
        ended.append(seeds)
        shown.append(label)
        seeds_of.append([seed for seed, there in zip(seeds, known.tolist(), strict=True) if there])
        for spec in kept:
            found[spec].append(values[spec][known])
            failed[spec] += sum(row["status"] != "ok" for row in rows[spec])
    if not shown:
        reasons = "; ".join(sorted({item.reason for item in left_out}))
        raise UsageError(f"there is nothing to rank: {reasons}")
    return Field(list(kept), shown, seeds_of, found, ended, failed, left_out)


def _why_unknown(metric: str) -> str:
    """The reason to leave out a context without a seed of which all have the metric."""
    if metric in TIMED:
        return f"{metric} counts only where all trials of a seed ran alone on equal devices"
    return f"{metric} is not known of all"


def _on_equal_devices(rows: Sequence[Sequence[Mapping[str, Any]]]) -> np.ndarray:
    """Of which seeds all components were trained on equal devices; ``rows`` are theirs, by seed."""
    devices = [{str(row.get("device")) for row in of_seed} for of_seed in zip(*rows, strict=True)]
    return np.array([len(names) == 1 for names in devices], dtype=bool)
