"""Contexts: everything that must be equal for two trials to differ in one component alone.

A context is the other axes with budget, features, data and training settings. A setting that comes
with the component in question (a loss's own learning rate, say) belongs to it and not to the context.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.results.comparability import (
    EVALUATION,
    FINGERPRINT,
    JSON_COLUMNS,
    MEASURED,
    check_measured_once,
    distinguishing,
    mapping,
    measuring,
)
from ganbench.results.curve_columns import is_of_curve
from ganbench.results.formatting import plain
from ganbench.results.primary import primaries
from ganbench.results.schema import AXES

if TYPE_CHECKING:
    import pandas as pd

#: What must be equal besides components and settings, and what people call it.
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

#: The architecture that was trained, where options that are ``auto`` may settle alike.
_SETTLED = "resolved_architecture"
_OF_TRIALS = (
    "trial", *AXES, "seed", "status", "error", "device", "exclusive", "providers", _SETTLED,
)  # fmt: skip

Key = tuple[str, ...]


@dataclass(frozen=True)
class Contexts:
    """The trials that count, by context and seed.

    :ivar names: what each part of a key is.
    :ivar trials: context -> seed -> row.
    :ivar skipped: components of a context -> why the cell was skipped.
    """

    names: tuple[str, ...]
    trials: Mapping[Key, Mapping[int, Mapping[str, Any]]]
    skipped: Mapping[Key, str]

    def why_skipped(self, key: Key) -> str | None:
        """Why a context has no trials, if its cell was skipped."""
        axes = sum(name in AXES for name in self.names)
        return self.skipped.get(key[:axes])

    def seeds(self, key: Key) -> set[int]:
        """The seeds that a context has."""
        return set(self.trials.get(key, ()))


def completed(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The frames, where a trial that ended before it was evaluated gets what the others have.

    A component that always crashes has no features of its own, and must still meet the others. What
    the trials of a data set do not agree on stays missing.
    """
    import pandas as pd

    result = list(frames)
    for name in (n for n in _EQUAL if all(n in frame.columns for frame in frames)):
        if not any(frame[name].isna().any() for frame in frames):
            continue
        whole = pd.concat([frame[["dataset", name]] for frame in frames]).dropna()
        groups = whole.groupby("dataset")[name]
        agreed = groups.first()[groups.nunique() == 1].to_dict()
        result = [_filled(frame, name, agreed) for frame in result]
    return result


def carried(frames: Iterable[pd.DataFrame], axis: str | None) -> set[str]:
    """The settings that come with components of an axis, or with any component for None."""
    kinds = _COMPONENTS if axis is None else (axis,)
    found: set[str] = set()
    for frame in frames:
        if "setting_sources" in frame.columns:
            for text in frame["setting_sources"].dropna().unique():
                found |= {name for name, kind in mapping(text).items() if kind in kinds}
    return found


def contexts(
    frame: pd.DataFrame,
    axis: str | None,
    without: set[str],
    known: Collection[str],
    metrics: Collection[str] = (),
) -> Contexts:
    """The contexts of a frame whose rows have one component on the axis.

    :param axis: None if no component differs, as between two folders.
    :param without: settings that belong to the component.
    :param known: the columns that all frames have which are to be compared.
    :param metrics: what is wanted of each trial besides how it ended and on which device.
    :raises MixedSettingsError: if one seed of a context was measured under several settings.
    """
    axes = tuple(name for name in AXES if name != axis)
    doubled = _SETTINGS if "settings" in known else ()
    equal = tuple(name for name in _EQUAL if name in known and name not in doubled)
    names = (*axes, *equal, "settings")
    wanted = dict.fromkeys((*equal, "settings", *_OF_TRIALS, *metrics))
    there = frame[[name for name in wanted if name in frame.columns]]
    first = primaries(frame)
    curve = any(is_of_curve(name, first) for name in metrics)
    reduced: dict[str, str] = {}
    counted: list[tuple[Mapping[str, Any], Key]] = []
    trials: dict[Key, dict[int, Mapping[str, Any]]] = {}
    skipped: dict[Key, str] = {}
    for record in there.to_dict("records"):
        row: Mapping[str, Any] = {str(name): value for name, value in record.items()}
        settings = _text(row["settings"]) if "settings" in known else ""
        if settings not in reduced:
            reduced[settings] = _reduced(settings, without)
        key = (*(_part(row, name, curve) for name in (*axes, *equal)), reduced[settings])
        if row["status"] == "skipped":
            skipped[key[: len(axes)]] = (
                plain(row["error"]) if _text(row["error"]) else "no reason given"
            )
        elif row["status"] != "interrupted" and _text(row["seed"]):
            counted.append((row, key))
    measured = [n for n, name in enumerate(names) if name in MEASURED and name != "dataset"]
    check_measured_once(
        (row, tuple(part for n, part in enumerate(key) if n not in measured))
        for row, key in counted
    )
    for row, key in counted:
        trials.setdefault(key, {})[int(row["seed"])] = row
    return Contexts(names, trials, skipped)


def repeated(keys: Iterable[Key], sides: Collection[Contexts]) -> dict[Key, Key]:
    """Contexts in which all sides trained what they did in another one, and which that is.

    ``auto`` and an option that it settles on make two specs of one architecture. Counted twice, the
    same trials would look like more evidence than they are. The context with most seeds counts.
    """
    names = next(iter(sides)).names
    if "architecture" not in names:
        return {}
    place = names.index("architecture")
    counts = {key: sum(len(side.seeds(key)) for side in sides) for key in keys}
    first: dict[tuple[object, ...], Key] = {}
    found: dict[Key, Key] = {}
    for key in sorted(counts, key=lambda key: -counts[key]):
        settled = tuple(_settled(side, key) for side in sides)
        alike = (*key[:place], settled if all(settled) else key[place], *key[place + 1 :])
        if first.setdefault(alike, key) != key:
            found[key] = first[alike]
    return found


def labels(keys: Sequence[Key], names: Sequence[str]) -> list[str]:
    """A short text for each context: its components that are not ``none``.

    Where several have the same components, what else tells them apart follows in brackets.
    """
    alike: dict[str, list[Key]] = {}
    for key in keys:
        alike.setdefault(_components(key, names), []).append(key)
    return [_labelled(key, names, alike[_components(key, names)]) for key in keys]


def differing(first: Iterable[Key], second: Iterable[Key], names: Sequence[str]) -> str | None:
    """The part in which no key of the one is like any of the other, as ``budget: X against Y``."""
    one, other = list(first), list(second)
    for number, name in enumerate(names):
        ours, theirs = {key[number] for key in one}, {key[number] for key in other}
        if ours and theirs and not ours & theirs:
            if name in JSON_COLUMNS:
                a, b = mapping(min(ours)), mapping(min(theirs))
                keys = sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))[:4]
                return ", ".join(f"{k}: {a.get(k)} against {b.get(k)}" for k in keys)
            word = _EQUAL.get(name, name)
            return f"{word}: {_few(ours)} against {_few(theirs)}"
    return None


def _filled(frame: pd.DataFrame, name: str, known: Mapping[Any, Any]) -> pd.DataFrame:
    """The frame with what is known for its data sets in place of missing values of a column."""
    import pandas as pd

    if not frame[name].isna().any():
        return frame
    values = [known.get(dataset) for dataset in frame["dataset"]]
    others = pd.Series(values, index=frame.index, dtype=frame[name].dtype)
    return frame.assign(**{name: frame[name].where(frame[name].notna(), others)})


def _settled(side: Contexts, key: Key) -> str | None:
    """The architecture that all trials of a context settled on; None where it is not known."""
    found = {_text(row.get(_SETTLED)) for row in side.trials.get(key, {}).values()}
    return found.pop() or None if len(found) == 1 else None


def _components(key: Key, names: Sequence[str]) -> str:
    specs = [plain(key[n]) for n, name in enumerate(names) if name in AXES and key[n] != "none"]
    return " × ".join(specs)


def _labelled(key: Key, names: Sequence[str], others: Sequence[Key]) -> str:
    rest = [
        _difference(name, key[n], [other[n] for other in others])
        for n, name in enumerate(names)
        if name not in AXES and len({other[n] for other in others}) > 1
    ]
    return _components(key, names) + (f" ({', '.join(rest)})" if rest else "")


def _reduced(settings: str, without: set[str]) -> str:
    kept = {name: value for name, value in mapping(settings).items() if name not in without}
    return json.dumps(kept, sort_keys=True)


def _difference(name: str, value: str, all_values: Sequence[str]) -> str:
    if name not in JSON_COLUMNS:
        return f"{_EQUAL.get(name, name)} {plain(value) or 'unknown'}"
    return distinguishing([value, *all_values], but=())[0]


def _part(row: Mapping[str, Any], name: str, curve: bool) -> str:
    """What a row has of a part of a context."""
    return measuring(_text(row[name]), curve) if name == EVALUATION else _text(row[name])


def _text(value: Any) -> str:
    import pandas as pd

    return "" if value is None or value is pd.NA or value != value else str(value)


def _few(values: set[str]) -> str:
    shown = [plain(value)[:60] or "unknown" for value in sorted(values)[:3]]
    return ", ".join(shown) + (", …" if len(values) > 3 else "")
