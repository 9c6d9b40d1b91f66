"""What a trial is, as a person names it: its components with all their options, settings and seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ganbench.base.errors import UsageError
from ganbench.registry.specs import format_value, parse_spec, split_combined
from ganbench.store.schema import AXES, mapping
from ganbench.store.trial_folder import TrialFolder

#: What rows say beside components, seed and settings.
OUTCOMES = ("status", "verdict")
#: How rows write the units of budgets.
_UNITS = {"images": "img", "steps": "steps", "seconds": "s"}


class Part(NamedTuple):
    """One component of a trial.

    :ivar spec: as tables show it.
    :ivar options: all of them if trial.json has them, else the written ones.
    """

    spec: str
    name: str
    provider: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class TrialFacts:
    """One trial.

    :ivar texts: key -> text: axes, settings such as ``training.batch_size``, seed, outcomes.
    :ivar parts: axis -> its components.
    :ivar row: empty before the trial has ended.
    """

    id: str
    texts: Mapping[str, str]
    parts: Mapping[str, Sequence[Part]]
    row: Mapping[str, Any]


def facts_of(folder: TrialFolder) -> TrialFacts:
    """What the files of a trial say; a damaged file counts as absent."""
    record, row = folder.read_identity() or {}, folder.read_row() or {}
    specs = _specs(record, row)
    seed = record.get("seed", row.get("seed"))
    settings = {
        f"{section}.{name}": format_value(value)
        for section, column in (("training", "settings"), ("evaluation", "evaluation"))
        for name, value in (_mapping(record.get(section)) or mapping(row.get(column))).items()
    }
    budget = "".join(f"{v}{_UNITS.get(k, k)}" for k, v in _mapping(record.get("budget")).items())
    texts = {
        **specs,
        **settings,
        "budget": str(row.get("budget") or budget),
        "seed": "" if seed is None else str(seed),
        **{name: str(row[name]) for name in OUTCOMES if row.get(name)},
    }
    parts = {axis: list(_parts(axis, spec, record)) for axis, spec in specs.items()}
    return TrialFacts(folder.id, {k: v for k, v in texts.items() if v}, parts, row)


def telling_apart(trials: Sequence[TrialFacts]) -> dict[str, str]:
    """Id -> what tells each trial from the others, as a selector: ``loss=hinge,seed=0``."""
    keys = dict.fromkeys(key for trial in trials for key in trial.texts if key not in OUTCOMES)
    differing = [key for key in keys if len({trial.texts.get(key) for trial in trials}) > 1]
    in_order = sorted(differing, key=lambda key: (key == "seed", key not in AXES))
    short = [key for key in in_order if key in (*AXES, "seed")]
    if len({tuple(trial.texts.get(key) for key in short) for trial in trials}) == len(trials):
        in_order = short  # settings then only follow from the components
    return {
        trial.id: ",".join(f"{key}={trial.texts[key]}" for key in in_order if key in trial.texts)
        for trial in trials
    }


def _specs(record: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, str]:
    columns = record.get("columns")
    known = columns if isinstance(columns, Mapping) else row
    return {axis: str(known[axis]) for axis in AXES if known.get(axis)}


def _parts(axis: str, spec: str, record: Mapping[str, Any]) -> Iterator[Part]:
    recorded = {one.get("name"): one for one in _recorded(axis, record)}
    for text in split_combined(spec):
        try:
            parsed = parse_spec(text)
        except UsageError:  # of a row that was edited
            yield Part(text, text, None, {})
            continue
        whole = recorded.get(str(parsed.name)) or recorded.get(text.partition("[")[0]) or {}
        options = {**parsed.options, **_mapping(whole.get("options"))}
        provider = parsed.provider or whole.get("provider")
        yield Part(text, parsed.name, provider, options)


def _recorded(axis: str, record: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The records of an axis: one component, or several under the plural of its name."""
    found = record.get(axis, record.get(f"{axis}s", ()))
    return [one for one in ([found] if isinstance(found, Mapping) else found) if _mapping(one)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
