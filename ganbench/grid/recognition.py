"""Recognize a grid's trials in a run folder by what they are, whatever their ids are.

An id hashes only what differs from the defaults, and earlier versions of ganbench hashed more. The
record of a trial, its trial.json, holds every value, so the records decide.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ganbench.base.files import decode, encode
from ganbench.base.protocol import PROTOCOL
from ganbench.grid.cell import Names, Trial
from ganbench.grid.identity import COMPONENTS_OF_EVALUATION, differences
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import mapping

#: The parts of a record that decide a trial's result. Versions and names are beside them.
_DECIDING = (
    *("seed", "protocol", "architecture", "loss", "dataset", "regularizers", "augmentations"),
    *("extractors", "metrics", "training", "evaluation", "budget"),
)
_MISSING = object()


def recognized(trials: Sequence[Trial], folder: RunFolder) -> list[Trial]:
    """The trials, with the names of the folder where it has them under other ids.

    All trials of a cell get the cell's name from the folder, so that tables keep them together.
    """
    there, planned = set(folder.trial_ids()), {trial.planned_id for trial in trials}
    if not there - planned:
        return list(trials)
    unknown: dict[Any, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.planned_id not in there:
            unknown[_key(trial.identity())].append(trial)
    found: dict[str, Names] = {}
    cells: dict[int, str] = {}
    for name in sorted(there - planned) if unknown else ():
        place = folder.trial(name)
        record, row = place.read_identity() or {}, place.read_row() or {}
        for trial in _candidates(unknown, record, row):
            if record and (
                changes(record, trial) or _metrics(record) != _metrics(trial.identity())
            ):
                continue
            cell = row.get("cell") or trial.names.cell
            cells.setdefault(id(trial.cell), cell)
            # Of several versions, the present one counts.
            if trial.planned_id not in found or record.get("providers") == trial.cell.providers:
                found[trial.planned_id] = Names(name, cell)
    return [
        replace(
            trial,
            stored=found.get(trial.planned_id)
            or trial.names._replace(cell=cells.get(id(trial.cell), trial.names.cell)),
        )
        for trial in trials
    ]


def changes(record: Mapping[str, Any] | None, trial: Trial) -> list[str]:
    """What decides a trial's result and is not as the record says, as sentences; empty if all is.

    A value that the record lacks counts as the default: it belongs to a later setting or option.
    """
    then, now = _deciding(record), _deciding(decode(encode(trial.identity())))
    named = {"seed", *(path for path, _ in _leaves(differences(trial.cell)))}
    return [
        f"{path} was {then.get(path, 'not recorded')!s}, now {now.get(path, 'unknown')!s}"
        for path in sorted(then.keys() | now.keys())
        if then.get(path, _MISSING) != now.get(path, _MISSING) and (path in then or path in named)
    ]


def completed(trial: Trial, row: Mapping[str, Any]) -> dict[str, Any]:
    """The whole record of a trial that has ended, with the versions and names that its row has."""
    record: dict[str, Any] = decode(encode(trial.identity()))
    if row["providers"]:
        versions = dict(part.split("==", 1) for part in row["providers"].split() if "==" in part)
        record = _with_versions(record, versions) | {"providers": row["providers"]}
    record["setting_sources"] |= mapping(row.get("setting_sources"))
    record["columns"] = {name: row[name] for name in record["columns"]}
    measured = mapping(row.get("evaluation")).get("metrics")
    return _with_metrics(record, measured) if isinstance(measured, list) else record


def _with_metrics(record: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """The record without the metrics that became default ones after the trial."""
    metrics = [metric for metric in record["metrics"] if metric["name"] in names]
    later = {*_options(record["metrics"])} - {*_options(metrics)}
    evaluation = {k: v for k, v in record["evaluation"].items() if k not in later}
    evaluation["metrics"] = [name for name in evaluation["metrics"] if name in names]
    return record | {"metrics": metrics, "evaluation": evaluation}


def _candidates(
    unknown: Mapping[Any, list[Trial]], record: Mapping[str, Any], row: Mapping[str, Any]
) -> Iterator[Trial]:
    """The trials that a record may be of. A trial that never started has a row in place of one."""
    if record:
        yield from unknown.get(_key(record), ())
    elif row.get("status") == "interrupted":
        trials = itertools.chain.from_iterable(unknown.values())
        yield from (trial for trial in trials if _was_planned(row, trial))


def _was_planned(row: Mapping[str, Any], trial: Trial) -> bool:
    """Whether the row says what the trial is, as far as rows do."""
    cell = trial.cell
    names = {
        **cell.columns,
        "seed": trial.seed,
        "protocol": str(PROTOCOL),
        "budget": str(cell.budget),
    }
    then = mapping(row.get("settings")) | mapping(row.get("evaluation"))
    now = cell.training.as_dict() | cell.evaluation_record
    return holds(now, then) and holds(row, names)


def holds(whole: Any, part: Any) -> bool:
    """Whether everything in a part of a record is in the whole one."""
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)


def _key(record: Mapping[str, Any]) -> str:
    """A quick test for candidates: the seed and the names of the main components."""
    parts = [record.get(kind) for kind in ("architecture", "loss", "dataset")]
    names = [part.get("name") if isinstance(part, dict) else None for part in parts]
    return repr((record.get("seed"), names))


def _deciding(record: Mapping[str, Any] | None) -> dict[str, Any]:
    """Path -> value of everything that decides the result."""
    parts = {name: value for name, value in (record or {}).items() if name in _DECIDING}
    if isinstance(evaluation := parts.get("evaluation"), dict):
        known = {*COMPONENTS_OF_EVALUATION, *_options(parts.get("metrics"))}
        parts["evaluation"] = {k: v for k, v in evaluation.items() if k not in known}
    return dict(_leaves(parts))


def _metrics(record: Mapping[str, Any]) -> set[str]:
    """The names of a record's metrics. Only an equal id may stand for more metrics than recorded."""
    return {metric["name"] for metric in record.get("metrics", ())}


def _options(metrics: Any) -> Iterator[str]:
    """The options of recorded metrics, as evaluation settings repeat them."""
    for metric in metrics if isinstance(metrics, list) else ():
        if isinstance(metric, dict) and isinstance(options := metric.get("options"), dict):
            name = str(metric.get("name")).replace("-", "_")
            yield from (f"{name}_{option}" for option in options)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of all values but versions: a provider's version decides nothing."""
    if value and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        value = {str(item.get("name", number)): item for number, item in enumerate(value)}
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, inner in value.items():
        if name != "version" or "provider" not in value:
            yield from _leaves(inner, f"{path}.{name}" if path else name)


def _with_versions(value: Any, versions: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_versions(item, versions) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {name: _with_versions(inner, versions) for name, inner in value.items()}
    if "version" in copy and copy.get("provider") in versions:
        copy["version"] = versions[copy["provider"]]
    return copy
