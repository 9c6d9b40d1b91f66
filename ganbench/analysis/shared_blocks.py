"""The blocks and seeds in which several components were all trained, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.blocks import Blocks, Key, differing, labels, outgrown, repeated
from ganbench.analysis.metrics import TIMED, scores
from ganbench.base.text import listed, plain
from ganbench.components.column import Column


@dataclass(frozen=True)
class SharedBlock:
    """A block in which all components were trained with some seeds in common.

    :ivar ended: the seeds that all components share, whether the metric is known or not.
    :ivar rows: for each component, the positions of these trials in its frame.
    :ivar seeds: the seeds for which the metric is known of all.
    :ivar scores: (components, seeds), failures as the worst.
    """

    key: Key
    label: str
    ended: list[int]
    rows: list[np.ndarray]
    seeds: list[int]
    scores: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """What could not be compared, and why.

    :ivar missing: whether trials are missing.
    """

    label: str
    reason: str
    missing: bool = True


def shared_blocks(
    sides: Mapping[str, Blocks], column: Column
) -> tuple[list[SharedBlock], list[LeftOut]]:
    """The blocks that all sides share, and what is left out.

    :param sides: the blocks of each component, by its name.
    """
    all_sides = list(sides.values())
    keys = list(dict.fromkeys(key for side in all_sides for key in side.trials))
    label_of = labels(keys, all_sides[0].names)
    common = [key for key in keys if set.intersection(*(side.seeds(key) for side in all_sides))]
    twins, larger = repeated(common, all_sides), outgrown(common, all_sides)
    values = [scores(side.frame, column) for side in all_sides]
    devices = [np.array([*map(str, side.frame["device"])], dtype=object) for side in all_sides]
    found, left_out = [], []
    for key, label in label_of.items():
        lacking = {name: side for name, side in sides.items() if key not in side.trials}
        if lacking:
            left_out.append(LeftOut(label, _why_lacking(key, lacking)))
            continue
        if key in larger:
            because = f"its trials went on to {label_of[larger[key]]} and count once"
            left_out.append(LeftOut(label, because, missing=False))
            continue
        if key in twins:
            because = (
                f"its options resolve to what {label_of[twins[key]]} trains; trials count once"
            )
            left_out.append(LeftOut(label, because, missing=False))
            continue
        seeds_of = [side.seeds(key) for side in all_sides]
        ended = sorted(set.intersection(*seeds_of))
        rows = [
            np.array([side.trials[key][seed] for seed in ended], dtype=int) for side in all_sides
        ]
        own = np.stack([value[places] for value, places in zip(values, rows, strict=True)])
        known = ~np.isnan(own).any(axis=0)
        if column.name in TIMED:
            known &= on_equal_devices(devices, rows)
        if not known.any():
            why = _why_unknown(column.name) if ended else "the trials share no seed"
            left_out.append(LeftOut(label, why))
            continue
        if alone := sorted(set.union(*seeds_of).difference(ended)):
            left_out.append(LeftOut(label, f"seeds that not all have: {listed(alone)}"))
        seeds = [seed for seed, there in zip(ended, known.tolist(), strict=True) if there]
        found.append(SharedBlock(key, label, ended, rows, seeds, own[:, known]))
    return found, left_out


def sharing(sides: Mapping[str, Blocks]) -> tuple[dict[str, Blocks], list[LeftOut]]:
    """The sides that share any block, and the sides that are left out.

    Where no block is shared by all, the side that shares least is left out until one is.
    """
    kept, left_out = dict(sides), []
    while len(kept) > 1 and not set.intersection(*(set(side.trials) for side in kept.values())):
        reach = {
            spec: sum(len(side.trials.keys() & other.trials.keys()) for other in kept.values())
            for spec, side in kept.items()
        }
        dropped = min(reversed(kept), key=lambda spec: (reach[spec], len(kept[spec].trials)))
        side = kept.pop(dropped)
        left_out.append(LeftOut(plain(dropped), _why_dropped(side, list(kept.values()))))
    return kept, left_out


def on_equal_devices(devices: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> np.ndarray:
    """For which pairs (or tuples) of rows all trials ran on equal devices."""
    first, *others = [own[places] for own, places in zip(devices, rows, strict=True)]
    equal = [np.ones(len(first), dtype=bool), *(first == other for other in others)]
    return np.asarray(np.logical_and.reduce(equal))


def why_apart(side: Blocks, others: Sequence[Blocks]) -> str | None:
    """In what all blocks of a side differ from those of others; None if in nothing alone."""
    keys = [key for other in others for key in other.trials]
    parts = differing(side.trials, keys, side.names)
    return plain(parts) if parts else None


def _why_lacking(key: Key, lacking: Mapping[str, Blocks]) -> str:
    for name, side in lacking.items():
        if reason := side.why_skipped(key):
            return f"{plain(name)} was skipped: {reason}"
    return f"not trained with {', '.join(map(plain, lacking))}"


def _why_unknown(metric: str) -> str:
    if metric in TIMED:
        return f"{metric} counts only where all trials of a seed ran alone on equal devices"
    return f"no seed has {metric} of all"


def _why_dropped(side: Blocks, others: Sequence[Blocks]) -> str:
    """Why a component shares no block with all others."""
    if skipped := next(iter(side.skipped.values()), None):
        return f"skipped: {skipped}"
    parts = why_apart(side, others)
    return "it shares no block with all others" + (f" ({parts})" if parts else "")
