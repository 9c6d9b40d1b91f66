"""What components of each kind say about themselves, for ``ganbench info``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ganbench.base.errors import one_line
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
from ganbench.components.progress import Progress
from ganbench.components.schedule import Window, number_of
from ganbench.grid.compatibility import TASKS, missing_capability, task_problem
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.info import ResolvedComponent, json_value

#: Data that components are tried on, to find out what they work with.
PROBES = (
    DataSpec(1, 28, 28, classes=10),
    DataSpec(3, 32, 32, classes=10),
    DataSpec(3, 64, 64, classes=10),
    DataSpec(3, 256, 256, classes=10),
    DataSpec(2, 1, 1, classes=8, kind="points"),
)
UNLABELED = DataSpec(3, 32, 32)
TRANSLATIONS = (
    DataSpec(1, 28, 28, source_channels=1, pairing="paired"),
    DataSpec(3, 32, 32, source_channels=1, pairing="paired"),
    DataSpec(3, 256, 256, source_channels=3, pairing="paired"),
    DataSpec(1, 28, 28, source_channels=1, pairing="unpaired"),
    DataSpec(3, 256, 256, source_channels=3, pairing="unpaired"),
)
_CAPABILITIES = (PER_SAMPLE_CRITIC, CRITIC_FEATURES, CRITIC_CLASSES, STYLES)


def component_facts(resolved: ResolvedComponent) -> dict[str, Any]:
    """Ask a component for all facts of its kind, and for the data that it works with."""
    found = {name: _ask(fact, resolved) for name, fact in FACTS[resolved.info.kind].items()}
    return found | (_works_with(resolved) if hasattr(resolved.component, "problem") else {})


def _ask(fact: Callable[[ResolvedComponent], Any], resolved: ResolvedComponent) -> Any:
    """One fact; an error in the component's code must not hide the other facts."""
    try:
        with quiet_stdout():
            return fact(resolved)
    except Exception as error:
        return f"(cannot tell: {one_line(error)})"


def _works_with(resolved: ResolvedComponent) -> dict[str, Any]:
    probes = _ask(_probes, resolved)
    if isinstance(probes, str):  # its task cannot be read
        return {}
    answers = {
        _name(data): _ask(functools.partial(_problem, data=data), resolved) for data in probes
    }
    return {
        "works_with": [data for data, problem in answers.items() if problem is None],
        "not_with": {
            data: str(problem) for data, problem in answers.items() if problem is not None
        },
    }


def _probes(resolved: ResolvedComponent) -> tuple[DataSpec, ...]:
    if resolved.info.kind == "extractor":
        return (*PROBES, UNLABELED)
    if resolved.info.kind != "architecture":
        return PROBES
    task = resolved.component.task
    if task in TRANSLATION:
        return tuple(data for data in TRANSLATIONS if data.pairing in TASKS[task])
    return (*PROBES, UNLABELED) if task == "class-conditional" else PROBES


def _name(data: DataSpec) -> str:
    return f"{data} without labels" if data is UNLABELED else str(data)


def _problem(resolved: ResolvedComponent, data: DataSpec) -> str | None:
    problem: str | None = None
    if resolved.info.kind == "architecture":
        problem = task_problem(resolved, data)
    return problem or resolved.component.problem(data)


def _first_data(resolved: ResolvedComponent) -> DataSpec | None:
    """The first probe that an architecture works with."""
    return next((data for data in _probes(resolved) if _problem(resolved, data) is None), None)


def _capabilities(resolved: ResolvedComponent) -> list[str]:
    data = _first_data(resolved)
    if data is None:
        return []
    return sorted(resolved.component.resolve(frozenset(), data).capabilities(data))


def _on_demand(resolved: ResolvedComponent) -> list[str]:
    """Capabilities that the architecture gains in a cell that needs them."""
    try:
        data, always = _first_data(resolved), _capabilities(resolved)
    except Exception:  # the fact `capabilities` shows the error
        return []
    if data is None:
        return []
    return [c for c in _CAPABILITIES if c not in always and _gains(resolved, c, data)]


def _gains(resolved: ResolvedComponent, capability: str, data: DataSpec) -> bool:
    asked = resolved.replaced(resolved.component.resolve(frozenset({capability}), data))
    return missing_capability(asked, data, {capability: ""}) is None


def _traits(resolved: ResolvedComponent) -> list[str]:
    architecture = resolved.component
    grows = type(architecture).advance is not Architecture.advance
    traits = {
        "grows while it trains": grows,
        "truncation in ganbench sample": architecture.truncates,
        f"a pool of {architecture.fake_pool} generated images": architecture.fake_pool,
    }
    return [text for text, holds in traits.items() if holds]


def _factors(resolved: ResolvedComponent) -> dict[str, float]:
    """What the rates are multiplied by over a budget of a million images."""
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    progress = [Progress(int(1e6 * share), share) for share in shares]
    factors = [number_of(resolved.component, "factor", one, Window()) for one in progress]
    return {f"{share:.0%}": round(f, 4) for share, f in zip(shares, factors, strict=True)}


def _needs(resolved: ResolvedComponent) -> dict[str, str]:
    component = resolved.component
    penalties = component.penalties() if hasattr(component, "penalties") else ()
    return {key: why for part in (component, *penalties) for key, why in part.needs.items()}


def _recommends(resolved: ResolvedComponent) -> dict[str, Any]:
    return {key: json_value(value) for key, value in resolved.component.recommends.items()}


def _columns(resolved: ResolvedComponent) -> dict[str, str]:
    return {column.name: _described(column) for column in resolved.component.columns}


def _described(column: Column) -> str:
    better = f"{column.better} is better" if column.better else ""
    return "; ".join(filter(None, (column.meaning, column.unit and f"in {column.unit}", better)))


#: Kind -> name of a fact -> the function that finds it.
FACTS: Mapping[str, Mapping[str, Callable[[ResolvedComponent], Any]]] = {
    "architecture": {
        "task": lambda b: b.component.task,
        "traits": _traits,
        "latent_dim": lambda b: None if b.component.task in TRANSLATION else b.component.latent_dim,
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
    "optimizer": {
        "captured": lambda b: (
            "never: its steps are eager" if b.component.capturable is False else ""
        ),
        "setting": lambda b: f"training.optimizer={b.spec}",
    },
    "schedule": {"factors": _factors, "setting": lambda b: f"training.schedule={b.spec}"},
    "extractor": {"fallback": lambda b: b.component.fallback or None},
    "metric": {
        "needs": lambda b: list(b.component.needs),
        "columns": _columns,
        "computed": lambda b: "at every tick" if b.component.every_tick else "at the end",
    },
    "callback": {},
}
