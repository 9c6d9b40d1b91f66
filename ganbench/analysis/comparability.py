"""What must be equal for two numbers to mean the same, and what differs where it is not.

Tables, figures, comparisons, rankings and the report all ask here. A trial's number depends on the
data, the features, the evaluation settings and the protocol, whatever was trained; `groups` and
`blocks` tell apart what was trained.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.frame_tools import is_missing, text_of
from ganbench.base.errors import UsageError
from ganbench.base.text import first_of, joined, listed, plain
from ganbench.store.schema import AXES, EVALUATION, FINGERPRINT, JSON_COLUMNS, as_text, mapping

#: What decides the meaning of a number.
MEASURED = ("dataset", FINGERPRINT, "extractor", EVALUATION, "protocol")
#: Of these, what can differ between two measurements of one trained generator.
_ON_PURPOSE = frozenset({"extractor"})
#: Settings that have a column of their own.
NAMED = frozenset({"batch_size", "precision", "extractor"})
#: What else may differ between trials of one seed of one cell, and its name for people.
_WORDS = {
    FINGERPRINT: "data",
    "protocol": "protocol",
    "providers": "plugins",
    "resolved_architecture": "architecture",
}
_SHOWN = 3
_UNMEASURED = "not measured"


class MixedSettingsError(UsageError):
    """The same seed of the same cell, measured under several settings."""


@functools.lru_cache(maxsize=1024)
def measuring(evaluation: str, curve: bool = True) -> str:
    """Evaluation settings as JSON, without those that change no number.

    The choice of the primary metric changes no other number; the number of ticks changes the curve
    alone.

    :param curve: whether columns of the curve are wanted, such as ``fd_auc``.
    """
    settings = mapping(evaluation)
    left_out = {"primary"} if curve else {"primary", "ticks"}
    kept = {name: value for name, value in settings.items() if name not in left_out}
    return as_text(kept) if settings else evaluation


def differences(texts: Iterable[Any]) -> dict[str, list[str]]:
    """The settings in which JSON texts differ, with the values of each in order, each value once."""
    settings = [mapping(text) for text in texts]
    found = {}
    for name in sorted({name for known in settings for name in known}):
        values = list(dict.fromkeys(_shown(known.get(name)) for known in settings))
        if len(values) > 1:
            found[plain(name)] = _in_order(values)
    return found


def settings_text(settings: Mapping[str, Sequence[str]]) -> str:
    """``prdc_k (3 and 10), ticks (2, 4 and 8)``."""
    return ", ".join(
        f"{name} ({listed(cut, _SHOWN) if len(cut) > _SHOWN else joined(cut)})"
        for name, values in settings.items()
        for cut in [[value[:60] for value in values]]
    )


def distinguishing(texts: Sequence[Any], but: Collection[str] = NAMED) -> list[str]:
    """For each JSON text, the settings that tell it from the others: ``prdc_k 3, ticks 2``.

    :param but: settings that another column shows.
    """
    names = [name for name in differences(texts) if name not in but]
    known = [mapping(text) for text in texts]
    return [
        ", ".join(f"{name} {_shown(each[name])}" for name in names if name in each)
        for each in known
    ]


def measured_otherwise(rows: pd.DataFrame) -> dict[str, list[str]]:
    """How the measurements of some rows differ, apart from their features: name -> values."""
    known = {
        name: rows[name].dropna().unique()
        for name in (EVALUATION, FINGERPRINT, "protocol")
        if name in rows.columns
    }
    found = differences(known.pop(EVALUATION, ()))
    for name, values in known.items():
        if len(values) > 1:
            found[_WORDS[name]] = _in_order([_shown(value)[:12] for value in values])
    return {name: values for name, values in found.items() if name not in _ON_PURPOSE}


def measurement_title(
    key: tuple[str, ...], every: Iterable[tuple[str, ...]], names: Sequence[str] = MEASURED
) -> str:
    """The data set, and what tells one way of measuring it from others: ``digits · protocol 2``.

    :param key: what is named, the data set first; empty texts for what is unknown.
    :param every: all such keys.
    """
    same = [other for other in every if other[0] == key[0]]
    key, same = _without_needless_ticks(key, same, names)
    parts = [plain(key[0])]
    for place, name in enumerate(names):
        if len({other[place] for other in same}) > 1:
            parts.append(_title_part(name, key[place], [other[place] for other in same]))
    return " · ".join(filter(None, parts))


def _without_needless_ticks(
    key: tuple[str, ...], same: list[tuple[str, ...]], names: Sequence[str]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The keys without the number of ticks, where the rest tells them apart, such as the budget."""
    if EVALUATION not in names:
        return key, same
    place = names.index(EVALUATION)

    def shortened(one: tuple[str, ...]) -> tuple[str, ...]:
        return (*one[:place], measuring(one[place], curve=False), *one[place + 1 :])

    short = [shortened(one) for one in same]
    if len(set(short)) < len(set(same)):
        return key, same
    return shortened(key), short


def check_measured_once(frame: pd.DataFrame, cells: Mapping[int, tuple[str, ...]]) -> None:
    """Refuse trials that measure one seed of one cell under several settings.

    Such numbers are of one generator (or of generators that look the same to a reader), and no rule
    says which number counts.

    :param cells: position of a row -> everything that says which cell it is of, except how it was
        measured.
    :raises MixedSettingsError: which names the settings, their values, and a way out.
    """
    places: dict[tuple[object, ...], dict[str, int]] = {}
    seeds, trials = frame["seed"].tolist(), frame["trial"].tolist()
    for n, cell in cells.items():
        places.setdefault((cell, int(seeds[n])), {})[str(trials[n])] = n
    rows_of = (frame.iloc[list(own.values())].to_dict("records")
               for own in places.values() if len(own) > 1)  # fmt: skip
    mixed = [rows for rows in rows_of if _is_mixed(rows)]
    if not mixed:
        return
    first = mixed[0][0]
    label = cell_label(map(first.get, AXES))
    others = len(mixed) - 1
    more = (
        f", and so {'has another seed' if others == 1 else f'have {others} other seeds of cells'}"
    )
    named = first_of([plain(row["trial"]) for rows in mixed for row in rows], 4)
    differing = settings_text(_mixed_settings(mixed)) or "their rows do not say which"
    raise MixedSettingsError(
        f"{label} with seed {plain(first['seed'])} has {len(mixed[0])} trials{more * (others > 0)}, "
        f"with different settings: {differing}; it is unknown which of them counts: give each setting a "
        "run folder of its own (-o), or move the trials that must not count out of DIR/trials "
        f"({named})"
    )


def cell_label(specs: Iterable[object]) -> str:
    """The specs of a cell that are not ``none``, as one text."""
    return " × ".join(plain(spec) for spec in map(text_of, specs) if spec not in ("", "none"))


def row_differences(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series[str]:
    """For each row, what tells it from others of equal components: ``d_lr 0.001, prdc_k 3``.

    :param columns: what makes components equal.
    """
    parts: list[list[str]] = [[] for _ in range(len(frame))]
    numbers = frame.groupby(list(columns), sort=False, dropna=False).ngroup().tolist()
    for name in (*JSON_COLUMNS, FINGERPRINT, "providers"):
        if name not in frame.columns or frame[name].nunique(dropna=False) < 2:
            continue
        rows_of: dict[int, dict[Any, list[int]]] = {}
        for row, (number, value) in enumerate(zip(numbers, frame[name].tolist(), strict=True)):
            rows_of.setdefault(number, {}).setdefault(value, []).append(row)
        known: dict[tuple[Any, ...], list[str]] = {}  # of many cells, most differ alike
        for rows in rows_of.values():
            values = tuple(rows)
            if len(values) > 1 and values not in known:
                known[values] = _marks(name, values)
            for text, places in zip(known.get(values, ()), rows.values(), strict=False):
                for place in places:
                    parts[place].append(text)
    texts = [", ".join(filter(None, own)) for own in parts]
    return pd.Series(texts, index=frame.index, dtype="string")


def _title_part(name: str, value: str, every: Sequence[str]) -> str:
    if name == EVALUATION:
        return distinguishing([value, *every])[0] if value else _UNMEASURED
    word = {"protocol": "protocol ", FINGERPRINT: "data "}.get(name, "")
    return word + (plain(value)[:60] or _UNMEASURED)


def _is_mixed(rows: Sequence[Mapping[Any, Any]]) -> bool:
    """Whether rows of one seed of one cell differ in more than their features."""
    kinds = set()
    for row in rows:
        settings = mapping(row.get(EVALUATION))
        kept = as_text({k: v for k, v in settings.items() if k not in _ON_PURPOSE})
        kinds.add((kept, *(_shown(row.get(name)) for name in (FINGERPRINT, "protocol"))))
    features = {_shown(row.get("extractor")) for row in rows}
    return len(kinds) > 1 or len(features) < len(rows)


def _mixed_settings(mixed: Iterable[Sequence[Mapping[Any, Any]]]) -> dict[str, list[str]]:
    """The settings, and what else decides a result, in which trials of one seed of one cell differ."""
    found: dict[str, list[str]] = {}
    for rows in mixed:
        own: dict[str, list[str]] = {}
        for column in JSON_COLUMNS:
            own |= differences(row.get(column) for row in rows)
        for column, word in _WORDS.items():
            values = list(dict.fromkeys(_shown(row.get(column)) for row in rows))
            if len(values) > 1:
                own[word] = values
        for name, values in own.items():
            found[name] = _in_order(list(dict.fromkeys([*found.get(name, []), *values])))
    return found


def _shown(value: Any) -> str:
    if is_missing(value):
        return "unknown"
    return plain(value if isinstance(value, str) else json.dumps(value))


def _in_order(values: Sequence[str]) -> list[str]:
    """Numbers by size; other texts keep their order."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return list(values)


def _marks(name: str, values: Sequence[Any]) -> list[str]:
    """Texts that tell the values of a column apart."""
    if name in JSON_COLUMNS:
        return distinguishing(values)
    if name == FINGERPRINT:
        return [f"data {_shown(value)[:12]}" for value in values]
    versions = [set(_shown(value).split()) for value in values]
    shared = set.intersection(*versions)
    return [" ".join(sorted(own - shared)) for own in versions]
