"""Everything that is known of one component, as a document and as text."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ganbench.cli.text import columns
from ganbench.components.data import DataSpec
from ganbench.errors import UsageError
from ganbench.registry import ComponentInfo, Registry, Spec, format_value
from ganbench.registry.guard import one_line, quiet_stdout
from ganbench.registry.info import plain
from ganbench.registry.options import MissingOptionError, all_options

#: Data on which designs are tried, to tell what they are made for.
PROBES = (
    DataSpec(1, 28, 28, classes=10),
    DataSpec(3, 32, 32, classes=10),
    DataSpec(3, 64, 64, classes=10),
    DataSpec(3, 256, 256, classes=10),
    DataSpec(2, 1, 1, classes=8, kind="points"),
)


def describe_all(infos: Iterable[ComponentInfo], spec: Spec) -> list[dict[str, Any]]:
    """Documents on the components that take the options of ``spec``.

    :raises UsageError: if none does; what it says is of the first.
    """
    documents, refusals = [], []
    for info in infos:
        try:
            documents.append(describe(info, spec))
        except UsageError as error:
            refusals.append(error)
    if refusals and not documents:
        raise refusals[0]
    return documents


def describe(info: ComponentInfo, spec: Spec) -> dict[str, Any]:
    """A JSON document on a component with the options of ``spec``.

    :raises UsageError: for an option that the component does not take.
    """
    document: dict[str, Any] = {
        "kind": info.kind,
        "name": info.name,
        "spec": info.name,
        "summary": info.summary,
        "provider": info.provider,
        "version": info.version,
        "plugin": info.plugin,
        "error": info.error,
    }
    if info.error is not None:
        return document
    options = info.options
    try:
        bound = Registry.bind_info(info, spec)
    except MissingOptionError:  # what can be told without them
        component = None
        values = {name: option.default for name, option in options.items()} | dict(spec.options)
    else:
        component, document["spec"] = bound.component, bound.spec
        values = all_options(component)
    document |= {
        "description": inspect.cleandoc(info.cls.__dict__.get("__doc__") or ""),
        "paper": info.paper,
        "options": {
            option.name: {
                "type": option.type,
                "default": plain(option.default),
                "value": plain(values[option.name]),
                "required": option.required,
                "choices": plain(option.choices),
                "bounds": dict(option.bounds),
                "allowed": option.allowed,
                "help": option.help,
            }
            for option in options.values()
        },
    }
    if component is not None:
        document |= {name: _told(fact, component) for name, fact in _FACTS[info.kind].items()}
        if hasattr(component, "problem"):
            document |= _tried(component)
    return document


def render(document: Mapping[str, Any]) -> str:
    """The document for a person."""
    lines = [f"{document['kind']} {document['spec']}"]
    if document["summary"]:
        lines.append(f"  {document['summary']}")
    provider = f"{document['provider']} {document['version']} (plugin {document['plugin']})"
    facts = [("provider", provider)]
    for name in ("error", "paper", *_FACTS[document["kind"]], "works_with", "not_with"):
        label = name.replace("_", " ")
        for text in _fact_lines(document.get(name)):
            facts.append((label, text))
            label = ""
    lines += columns(facts, indent="  ")
    options = document.get("options", {})
    if options:
        rows: list[tuple[str, ...]] = [("option", "value", "default", "takes", "")]
        rows += [_option_row(name, option) for name, option in options.items()]
        lines += ["", *columns(rows, indent="  ")]
    elif not document["error"]:
        lines += ["", "  It has no options."]
    return "\n".join(lines)


def _option_row(name: str, option: Mapping[str, Any]) -> tuple[str, ...]:
    default, value = _bare(option["default"]), _bare(option["value"])
    if option["required"]:
        default = "(required)"
        value = "" if option["value"] is None else value
    return name, value, default, option["allowed"], option["help"]


def _bare(value: Any) -> str:
    return value if isinstance(value, str) and value else format_value(value)


def _fact_lines(value: Any) -> list[str]:
    if value in (None, "", [], {}):
        return []
    if isinstance(value, Mapping):
        texts = [f"{key}: {_bare(item)}" for key, item in value.items()]
        sentences = any(isinstance(item, str) and " " in item for item in value.values())
        return texts if sentences else [", ".join(texts)]
    return [", ".join(map(str, value))] if isinstance(value, list) else [_bare(value)]


def _told(fact: Callable[[Any], Any], component: Any) -> Any:
    """What the component says; a fault of its author must not hide the rest."""
    try:
        with quiet_stdout():
            return fact(component)
    except Exception as error:
        return f"(cannot tell: {one_line(error)})"


def _tried(component: Any) -> dict[str, Any]:
    answers = {str(d): _told(functools.partial(_problem, d), component) for d in PROBES}
    return {
        "works_with": [data for data, problem in answers.items() if problem is None],
        "not_with": {
            data: str(problem) for data, problem in answers.items() if problem is not None
        },
    }


def _problem(data: DataSpec, component: Any) -> str | None:
    problem: str | None = component.problem(data)
    return problem


def _capabilities(architecture: Any) -> list[str]:
    for data in PROBES:
        if architecture.problem(data) is None:
            resolved = architecture.resolve(frozenset(), data)
            return sorted(resolved.capabilities(data))
    return []


def _needs(component: Any) -> dict[str, str]:
    penalties = component.penalties() if hasattr(component, "penalties") else ()
    return {key: why for part in (component, *penalties) for key, why in part.needs.items()}


def _recommends(component: Any) -> dict[str, Any]:
    return {key: plain(value) for key, value in component.recommends.items()}


_FACTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "architecture": {
        "task": lambda c: c.task,
        "latent_dim": lambda c: c.latent_dim,
        "capabilities": _capabilities,
        "recommends": _recommends,
    },
    "loss": {
        "needs": _needs,
        "penalties": lambda c: [type(part).__name__ for part in c.penalties()],
        "generator_uses_real": lambda c: c.generator_uses_real,
        "recommends": _recommends,
    },
    "dataset": {
        "splits": lambda c: list(c.splits),
        "extractor": lambda c: c.extractor,
        "recommends": _recommends,
    },
    "regularizer": {"players": lambda c: sorted(c.players), "needs": _needs},
    "augmentation": {"needs": _needs},
    "extractor": {},
    "callback": {},
}
