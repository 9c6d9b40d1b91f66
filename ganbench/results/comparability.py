"""What must be equal for two numbers to mean the same, and what differs where it is not.

Tables, figures, comparisons, rankings and the report all ask here. A trial's number depends on the
data, the features, the evaluation settings and the protocol, whatever was trained; what was trained
is told apart elsewhere (`groups`, `contexts`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganbench.errors import UsageError
from ganbench.results.formatting import plain
from ganbench.results.schema import AXES

if TYPE_CHECKING:
    import pandas as pd

#: Column: what a data set says of its content.
FINGERPRINT = "data_fingerprint"
#: Column: the evaluation settings, as JSON.
EVALUATION = "evaluation"
#: What decides the meaning of a number.
MEASURED = ("dataset", FINGERPRINT, "extractor", EVALUATION, "protocol")
#: Of these, what can differ between two measurements of one trained generator.
_ON_PURPOSE = frozenset({"extractor"})
#: Columns that hold settings as JSON.
JSON_COLUMNS = (EVALUATION, "settings")

#: Settings that have a column of their own.
NAMED = frozenset({"batch_size", "precision", "extractor"})
#: What else may differ between trials of one seed of one cell, and what people call it.
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


def mapping(text: Any) -> dict[str, Any]:
    """The settings that a column holds; empty for what is none."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@functools.lru_cache(maxsize=1024)
def measuring(evaluation: str, curve: bool = True) -> str:
    """Evaluation settings as JSON, without those that change no number.

    Which metric is the primary one changes no other; how many ticks there were, only the curve.

    :param curve: whether columns of the curve are wanted, such as ``fd_auc``.
    """
    settings = mapping(evaluation)
    left_out = {"primary"} if curve else {"primary", "ticks"}
    kept = {name: value for name, value in settings.items() if name not in left_out}
    return as_text(kept) if settings else evaluation


def as_text(settings: Mapping[str, Any]) -> str:
    """Settings as a column holds them: equal texts for equal settings."""
    return json.dumps(settings, sort_keys=True)


def differences(texts: Iterable[Any]) -> dict[str, list[str]]:
    """The settings in which JSON texts differ, with the values of each in order, each value once."""
    settings = [mapping(text) for text in texts]
    found = {}
    for name in sorted({name for known in settings for name in known}):
        values = list(dict.fromkeys(_shown(known.get(name)) for known in settings))
        if len(values) > 1:
            found[plain(name)] = _in_order(values)
    return found


def told(settings: Mapping[str, Sequence[str]]) -> str:
    """``prdc_k (3 and 10), ticks (2, 4 and 8)``."""
    return ", ".join(f"{name} ({_listed(values)})" for name, values in settings.items())


def distinguishing(texts: Sequence[Any], but: Collection[str] = NAMED) -> list[str]:
    """For each JSON text, its settings that not all have alike: ``prdc_k 3, ticks 2``.

    :param but: settings that are told elsewhere.
    """
    names = [name for name in differences(texts) if name not in but]
    known = [mapping(text) for text in texts]
    return [
        ", ".join(f"{name} {_shown(each[name])}" for name in names if name in each)
        for each in known
    ]


def measured_otherwise(rows: pd.DataFrame) -> dict[str, list[str]]:
    """In what the measurements of some rows differ, but for their features: name -> values."""
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
    """The data set, with what tells one way of measuring it from others: ``digits · protocol 2``.

    :param key: what is named, the data set first; empty texts for what is unknown.
    :param every: all such keys.
    """
    same = [other for other in every if other[0] == key[0]]
    parts = [plain(key[0])]
    for place, name in enumerate(names):
        if len({other[place] for other in same}) > 1:
            parts.append(_titled(name, key[place], [other[place] for other in same]))
    return " · ".join(filter(None, parts))


def _titled(name: str, value: str, every: Sequence[str]) -> str:
    if name == EVALUATION:
        return distinguishing([value, *every])[0] if value else _UNMEASURED
    word = {"protocol": "protocol ", FINGERPRINT: "data "}.get(name, "")
    return word + (plain(value)[:60] or _UNMEASURED)


def some(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def check_measured_once(
    trials: Iterable[tuple[Mapping[str, Any], tuple[str, ...]]],
) -> None:
    """Refuse trials that measure one seed of one cell under several settings.

    Such numbers are of one generator (or of generators that differ in nothing that a reader is
    shown), and none of them is the right one.

    :param trials: rows, each with all that says which cell it is of, without how it was measured.
    :raises MixedSettingsError: which names the settings, their values, and a way out.
    """
    rows_of: dict[tuple[object, ...], dict[str, Mapping[str, Any]]] = {}
    for row, cell in trials:
        rows_of.setdefault((cell, int(row["seed"])), {})[str(row["trial"])] = row
    mixed = [rows for rows in rows_of.values() if len(rows) > 1 and _mixed(rows.values())]
    if not mixed:
        return
    first = list(mixed[0].values())
    label = " × ".join(plain(first[0][name]) for name in AXES if _there(first[0].get(name)))
    more = f", and so {_are(len(mixed) - 1)}" if len(mixed) > 1 else ""
    named = some([plain(row["trial"]) for rows in mixed for row in rows.values()])
    raise MixedSettingsError(
        f"{label} with seed {plain(first[0]['seed'])} has {len(first)} trials{more}, with different "
        f"settings: {told(_what_differs(mixed)) or 'their rows do not say which'}; which of them counts "
        "is unknown, so give each setting a run folder of its own (-o), or move the trials that shall "
        f"not count out of DIR/trials ({named})"
    )


def _mixed(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether rows of one seed of one cell differ in more than their features."""
    known = list(rows)
    kinds = {
        (
            as_text(
                {k: v for k, v in mapping(row.get(EVALUATION)).items() if k not in _ON_PURPOSE}
            ),
            *(_shown(row.get(name)) for name in (FINGERPRINT, "protocol")),
        )
        for row in known
    }
    features = [_shown(row.get("extractor")) for row in known]
    return len(kinds) > 1 or len(set(features)) < len(features)


def _what_differs(mixed: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """The settings, and what else decides a result, in which trials of one seed of one cell differ."""
    found: dict[str, list[str]] = {}
    for rows in (list(trials.values()) for trials in mixed):
        for name, values in _of_one(rows).items():
            found[name] = _in_order(list(dict.fromkeys([*found.get(name, []), *values])))
    return found


def _of_one(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column in JSON_COLUMNS:
        found |= differences(row.get(column) for row in rows)
    for column, word in _WORDS.items():
        values = list(dict.fromkeys(_shown(row.get(column)) for row in rows))
        if len(values) > 1:
            found[word] = values
    return found


def _there(spec: Any) -> bool:
    return isinstance(spec, str) and spec not in ("", "none")


def _are(number: int) -> str:
    return "has another seed" if number == 1 else f"have {number} other seeds of cells"


def _shown(value: Any) -> str:
    missing = value is None or value != value
    return "unknown" if missing else plain(value if isinstance(value, str) else json.dumps(value))


def _in_order(values: Sequence[str]) -> list[str]:
    """Numbers by size, and other texts as they come."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return list(values)


def _listed(values: Sequence[str]) -> str:
    shown = [value[:60] for value in values[:_SHOWN]]
    if len(values) > _SHOWN:
        return ", ".join(shown) + ", …"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def marked(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series[str]:
    """For each row, what tells it from others of equal components: ``d_lr 0.001, prdc_k 3``.

    :param columns: what makes components equal.
    """
    import pandas as pd

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


def _marks(name: str, values: Sequence[Any]) -> list[str]:
    """What the values of a column are called beside each other."""
    if name in JSON_COLUMNS:
        return distinguishing(values)
    if name == FINGERPRINT:
        return [f"data {_shown(value)[:12]}" for value in values]
    versions = [set(_shown(value).split()) for value in values]
    shared = set.intersection(*versions)
    return [" ".join(sorted(own - shared)) for own in versions]
