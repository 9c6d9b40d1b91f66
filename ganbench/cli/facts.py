"""What components say of themselves: the facts that ``ganbench info`` shows for each kind."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ganbench.components.architecture import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    STYLES,
    TRANSLATION,
    Architecture,
)
from ganbench.components.column import Column
from ganbench.components.data import DataSpec
from ganbench.grid.compatibility import TASKS, missing_capability, task_problem
from ganbench.registry.guard import one_line, quiet_stdout
from ganbench.registry.info import Bound, plain

#: Data on which components are tried, to tell what they are made for.
PROBES = (
    DataSpec(1, 28, 28, classes=10),
    DataSpec(3, 32, 32, classes=10),
    DataSpec(3, 64, 64, classes=10),
    DataSpec(3, 256, 256, classes=10),
    DataSpec(2, 1, 1, classes=8, kind="points"),
)
UNLABELLED = DataSpec(3, 32, 32)
TRANSLATIONS = (
    DataSpec(1, 28, 28, source_channels=1, pairing="paired"),
    DataSpec(3, 32, 32, source_channels=1, pairing="paired"),
    DataSpec(3, 256, 256, source_channels=3, pairing="paired"),
    DataSpec(1, 28, 28, source_channels=1, pairing="unpaired"),
    DataSpec(3, 256, 256, source_channels=3, pairing="unpaired"),
)
_CAPABILITIES = (PER_SAMPLE_CRITIC, CRITIC_FEATURES, CRITIC_CLASSES, STYLES)


def facts(bound: Bound) -> dict[str, Any]:
    """Everything that a component of its kind has to say."""
    found = {name: _told(fact, bound) for name, fact in FACTS[bound.info.kind].items()}
    return found | (_tried(bound) if hasattr(bound.component, "problem") else {})


def _told(fact: Callable[[Bound], Any], bound: Bound) -> Any:
    """What the component says; a fault of its author must not hide the rest."""
    try:
        with quiet_stdout():
            return fact(bound)
    except Exception as error:
        return f"(cannot tell: {one_line(error)})"


def _tried(bound: Bound) -> dict[str, Any]:
    probes = _told(_probes, bound)
    if isinstance(probes, str):  # it cannot even tell its task
        return {}
    answers = {_name(data): _told(functools.partial(_problem, data=data), bound) for data in probes}
    return {
        "works_with": [data for data, problem in answers.items() if problem is None],
        "not_with": {
            data: str(problem) for data, problem in answers.items() if problem is not None
        },
    }


def _probes(bound: Bound) -> tuple[DataSpec, ...]:
    if bound.info.kind == "extractor":
        return (*PROBES, UNLABELLED)
    if bound.info.kind != "architecture":
        return PROBES
    task = bound.component.task
    if task in TRANSLATION:
        return tuple(data for data in TRANSLATIONS if data.pairing in TASKS[task])
    return (*PROBES, UNLABELLED) if task == "class-conditional" else PROBES


def _name(data: DataSpec) -> str:
    return f"{data} without labels" if data is UNLABELLED else str(data)


def _problem(bound: Bound, data: DataSpec) -> str | None:
    problem: str | None = None
    if bound.info.kind == "architecture":
        problem = task_problem(bound, data)
    return problem or bound.component.problem(data)


def _first_data(bound: Bound) -> DataSpec | None:
    """The first probe that an architecture is made for."""
    return next((data for data in _probes(bound) if _problem(bound, data) is None), None)


def _capabilities(bound: Bound) -> list[str]:
    data = _first_data(bound)
    if data is None:
        return []
    return sorted(bound.component.resolve(frozenset(), data).capabilities(data))


def _on_demand(bound: Bound) -> list[str]:
    """Capabilities that the architecture takes on in a cell that needs them."""
    try:
        data, always = _first_data(bound), _capabilities(bound)
    except Exception:  # which `capabilities` tells
        return []
    if data is None:
        return []
    return [c for c in _CAPABILITIES if c not in always and _takes_on(bound, c, data)]


def _takes_on(bound: Bound, capability: str, data: DataSpec) -> bool:
    resolved = bound.replaced(bound.component.resolve(frozenset({capability}), data))
    return missing_capability(resolved, data, {capability: ""}) is None


def _traits(bound: Bound) -> list[str]:
    architecture = bound.component
    grows = type(architecture).advance is not Architecture.advance
    traits = {
        "grows while it trains": grows,
        "truncation in ganbench sample": architecture.truncates,
        f"a pool of {architecture.fake_pool} generated images": architecture.fake_pool,
    }
    return [text for text, holds in traits.items() if holds]


def _latent_dim(bound: Bound) -> int | None:
    component = bound.component
    return None if component.task in TRANSLATION else component.latent_dim


def _needs(bound: Bound) -> dict[str, str]:
    component = bound.component
    penalties = component.penalties() if hasattr(component, "penalties") else ()
    return {key: why for part in (component, *penalties) for key, why in part.needs.items()}


def _recommends(bound: Bound) -> dict[str, Any]:
    return {key: plain(value) for key, value in bound.component.recommends.items()}


def _columns(bound: Bound) -> dict[str, str]:
    return {column.name: _described(column) for column in bound.component.columns}


def _described(column: Column) -> str:
    better = f"{column.better} is better" if column.better else ""
    return "; ".join(filter(None, (column.meaning, column.unit and f"in {column.unit}", better)))


#: Kind -> name of a fact -> how it is found out.
FACTS: Mapping[str, Mapping[str, Callable[[Bound], Any]]] = {
    "architecture": {
        "task": lambda b: b.component.task,
        "traits": _traits,
        "latent_dim": _latent_dim,
        "capabilities": _capabilities,
        "on_demand": _on_demand,
        "recommends": _recommends,
    },
    "loss": {
        "needs": _needs,
        "penalties": lambda b: [type(part).__name__ for part in b.component.penalties()],
        "generator_uses_real": lambda b: b.component.generator_uses_real,
        "recommends": _recommends,
    },
    "dataset": {
        "splits": lambda b: list(b.component.splits),
        "extractor": lambda b: b.component.extractor,
        "recommends": _recommends,
    },
    "regularizer": {"players": lambda b: sorted(b.component.players), "needs": _needs},
    "augmentation": {"needs": _needs},
    "extractor": {"fallback": lambda b: b.component.fallback or None},
    "metric": {
        "needs": lambda b: list(b.component.needs),
        "columns": _columns,
        "computed": lambda b: "at every tick" if b.component.every_tick else "at the end",
    },
    "callback": {},
}
