"""Blocks: trials that are alike in everything but one component and the seed.

A block fixes the other components, budget, features, data and training settings. A setting that a
component brings along (a loss's own learning rate, say) belongs to the component, not to the block.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ganbench.analysis.comparability import (
    MEASURED,
    cell_label,
    check_measured_once,
    distinguishing,
    measuring,
)
from ganbench.analysis.frame_tools import floats, text_of
from ganbench.analysis.larger_budgets import begins_of
from ganbench.base.text import listed, plain
from ganbench.store.primary import curve_names, primaries
from ganbench.store.schema import AXES, EVALUATION, FINGERPRINT, JSON_COLUMNS, as_text, mapping

#: What must be equal besides components and settings, and its name for people.
_EQUAL = {
    "budget": "budget",
    "extractor": "features",
    FINGERPRINT: "data",
    EVALUATION: "evaluation",
    "protocol": "protocol",
    "batch_size": "batch size",
    "precision_mode": "precision",
}
#: Of these, what the column ``settings`` holds as well.
_SETTINGS = ("batch_size", "precision_mode")
#: Where a setting comes from if a component brought it along.
_COMPONENTS = ("architecture", "loss", "dataset")
#: The architecture that was trained: different ``auto`` options may resolve to the same.
_RESOLVED = "resolved_architecture"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Blocks:
    """The trials of one component that count, by block and seed.

    :ivar frame: one row per trial.
    :ivar names: the name of each part of a key.
    :ivar trials: block -> seed -> position of the row in the frame.
    :ivar skipped: components of a block -> why the cell was skipped.
    """

    frame: pd.DataFrame
    names: tuple[str, ...]
    trials: Mapping[Key, Mapping[int, int]]
    skipped: Mapping[Key, str]

    def why_skipped(self, key: Key) -> str | None:
        """Why a block has no trials, if its cell was skipped."""
        return self.skipped.get(key[: sum(name in AXES for name in self.names)])

    def seeds(self, key: Key) -> set[int]:
        """The seeds of a block."""
        return set(self.trials.get(key, ()))

    def stages(self, key: Key) -> dict[str, float]:
        """The trials of a block: the id of the trial that each began as, and the steps it reached."""
        rows = [*self.trials.get(key, {}).values()]
        return {self._begins[row]: self._steps[row] for row in rows}

    @functools.cached_property
    def _begins(self) -> list[str]:
        return begins_of(self.frame)

    @functools.cached_property
    def _steps(self) -> list[float]:
        """The steps of each trial; NaN where they are unknown."""
        found: list[float] = floats(self.frame["steps"]).tolist()
        return found

    def resolved(self, key: Key) -> str | None:
        """The architecture that all trials of a block resolved to; None if unknown."""
        if _RESOLVED not in self.frame.columns:
            return None
        rows = list(self.trials.get(key, {}).values())
        found = set(self.frame[_RESOLVED].iloc[rows].map(text_of))
        return found.pop() or None if len(found) == 1 else None


def blocks_of(
    frames: Sequence[pd.DataFrame], axis: str | None, metrics: Collection[str] = ()
) -> list[Blocks]:
    """The blocks of several frames, each with one component on the axis.

    :param axis: None if no component differs, as between two folders.
    :param metrics: the metrics that are compared.
    :raises MixedSettingsError: if one seed of a block was measured under several settings.
    """
    owned = brought(frames, axis)
    known = set.intersection(*(set(frame.columns) for frame in frames))
    return [_blocks(frame, axis, owned, known, metrics) for frame in frames]


def completed(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The frames, where a trial that ended before its evaluation gets what the others have.

    A component that always crashes has no features of its own, and must still meet the others. A
    value stays missing if the trials of a data set disagree on it.
    """
    result = list(frames)
    for name in (n for n in _EQUAL if all(n in frame.columns for frame in frames)):
        if not any(frame[name].isna().any() for frame in frames):
            continue
        whole = pd.concat([frame[["dataset", name]] for frame in frames]).dropna()
        groups = whole.groupby("dataset")[name]
        agreed = groups.first()[groups.nunique() == 1].to_dict()
        result = [_filled(frame, name, agreed) for frame in result]
    return result


def brought(frames: Iterable[pd.DataFrame], axis: str | None) -> set[str]:
    """The settings that components of an axis bring along, or any component for None."""
    kinds = _COMPONENTS if axis is None else (axis,)
    texts = (frame["setting_sources"].dropna().unique()
             for frame in frames if "setting_sources" in frame.columns)  # fmt: skip
    return {
        name
        for own in texts
        for text in own
        for name, kind in mapping(text).items()
        if kind in kinds
    }


def repeated(keys: Iterable[Key], sides: Collection[Blocks]) -> dict[Key, Key]:
    """Blocks in which all sides trained what they trained in another block, and that block.

    ``auto`` and the option that it resolves to make two specs of one architecture. Counted twice, the
    same trials would look like more evidence than they are. The block with most seeds counts.
    """
    names = next(iter(sides)).names
    if "architecture" not in names:
        return {}
    place = names.index("architecture")
    counts = {key: sum(len(side.seeds(key)) for side in sides) for key in keys}
    first: dict[tuple[object, ...], Key] = {}
    found: dict[Key, Key] = {}
    for key in sorted(counts, key=lambda key: -counts[key]):
        resolved = tuple(side.resolved(key) for side in sides)
        alike = (*key[:place], resolved if all(resolved) else key[place], *key[place + 1 :])
        if first.setdefault(alike, key) != key:
            found[key] = first[alike]
    return found


def outgrown(keys: Iterable[Key], sides: Sequence[Blocks]) -> dict[Key, Key]:
    """Blocks whose trials all went on to a larger budget, on all sides, and the block of the largest.

    The larger trials hold the training of the smaller ones: both would count one seed twice.
    """
    stages = {key: [side.stages(key) for side in sides] for key in keys}
    places: dict[str, list[Key]] = {}
    for key, (first, *_) in stages.items():
        for begin in first:
            places.setdefault(begin, []).append(key)
    found: dict[Key, Key] = {}
    for key, own in stages.items():
        others = [other for other in places[next(iter(own[0]))] if other != key]
        larger = [other for other in others if all(map(_go_on, own, stages[other]))]
        if larger:
            found[key] = max(larger, key=lambda other: min(stages[other][0].values()))
    return found


def _go_on(own: Mapping[str, float], larger: Mapping[str, float]) -> bool:
    """Whether all trials of one block went on in another."""
    return all(steps < larger.get(begin, -math.inf) for begin, steps in own.items())


def labels(keys: Sequence[Key], names: Sequence[str]) -> dict[Key, str]:
    """A short text for each block: its components that are not ``none``.

    Blocks of the same components get what else tells them apart, in brackets.
    """
    alike: dict[str, list[Key]] = {}
    for key in keys:
        alike.setdefault(_components(key, names), []).append(key)
    return {key: _label(key, names, alike[_components(key, names)]) for key in keys}


def differing(first: Iterable[Key], second: Iterable[Key], names: Sequence[str]) -> str | None:
    """The part in which all keys of the one differ from those of the other: ``budget: X against Y``."""
    one, other = list(first), list(second)
    for number, name in enumerate(names):
        ours, theirs = {key[number] for key in one}, {key[number] for key in other}
        if ours and theirs and not ours & theirs:
            if name in JSON_COLUMNS:
                a, b = mapping(min(ours)), mapping(min(theirs))
                keys = sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))[:4]
                return ", ".join(f"{k}: {a.get(k)} against {b.get(k)}" for k in keys)
            both = " against ".join(
                listed([plain(value)[:60] or "unknown" for value in sorted(values)], 3)
                for values in (ours, theirs)
            )
            return f"{_EQUAL.get(name, name)}: {both}"
    return None


def _blocks(
    frame: pd.DataFrame,
    axis: str | None,
    owned: set[str],
    known: Collection[str],
    metrics: Collection[str],
) -> Blocks:
    """The blocks of one frame.

    :param owned: settings that belong to the component.
    :param known: the columns of all frames that are compared.
    """
    axes = tuple(name for name in AXES if name != axis)
    doubled = _SETTINGS if "settings" in known else ()
    equal = tuple(name for name in _EQUAL if name in known and name not in doubled)
    parts = {name: list(map(text_of, frame[name])) for name in (*axes, *equal)}
    if EVALUATION in parts:
        curve = not curve_names(primaries(frame)).isdisjoint(metrics)
        parts[EVALUATION] = [measuring(text, curve) for text in parts[EVALUATION]]
    settings = frame["settings"] if "settings" in known else [""] * len(frame)
    reduced = {
        text: as_text({k: v for k, v in mapping(text).items() if k not in owned})
        for text in set(settings)
    }
    parts["settings"] = [reduced[text] for text in settings]
    keys = list(zip(*parts.values(), strict=True))
    status, seeds = frame["status"].tolist(), list(map(text_of, frame["seed"]))
    skipped = {
        keys[n][: len(axes)]: plain(text_of(frame["error"].iloc[n]) or "no reason given")
        for n, ending in enumerate(status)
        if ending == "skipped"
    }
    counted = [n for n, ending in enumerate(status)
               if ending not in ("skipped", "interrupted") and seeds[n]]  # fmt: skip
    unmeasured = [n for n, name in enumerate(parts) if name not in MEASURED or name == "dataset"]
    check_measured_once(frame, {n: tuple(keys[n][part] for part in unmeasured) for n in counted})
    trials: dict[Key, dict[int, int]] = {}
    for n in counted:
        trials.setdefault(keys[n], {})[int(seeds[n])] = n
    return Blocks(frame, tuple(parts), trials, skipped)


def _filled(frame: pd.DataFrame, name: str, known: Mapping[Any, Any]) -> pd.DataFrame:
    """The frame with missing values of a column filled by data set."""
    others = frame["dataset"].map(known).astype(frame[name].dtype)
    return frame.assign(**{name: frame[name].fillna(others)})


def _components(key: Key, names: Sequence[str]) -> str:
    return cell_label(spec for spec, name in zip(key, names, strict=True) if name in AXES)


def _label(key: Key, names: Sequence[str], others: Sequence[Key]) -> str:
    rest = [
        _difference(name, key[n], [other[n] for other in others])
        for n, name in enumerate(names)
        if name not in AXES and len({other[n] for other in others}) > 1
    ]
    return _components(key, names) + (f" ({', '.join(rest)})" if rest else "")


def _difference(name: str, value: str, all_values: Sequence[str]) -> str:
    if name not in JSON_COLUMNS:
        return f"{_EQUAL.get(name, name)} {plain(value) or 'unknown'}"
    return distinguishing([value, *all_values], but=())[0]
