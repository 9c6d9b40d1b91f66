"""Everything that is known of one component, as a document and as text."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from ganbench.cli.facts import FACTS, facts
from ganbench.cli.text import columns
from ganbench.errors import UsageError
from ganbench.grid.settings import BOTH_PLAYERS
from ganbench.registry import ComponentInfo, Registry, Spec, format_value
from ganbench.registry.info import plain
from ganbench.registry.options import MissingOptionError, all_options


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
        "warning": info.warning,
    }
    if info.error is not None:
        return document
    options = info.options
    told: dict[str, Any] = {}
    try:
        bound = Registry.bind_info(info, spec)
    except MissingOptionError:  # what can be told without them
        values = {name: option.default for name, option in options.items()} | dict(spec.options)
    else:
        document["spec"] = bound.spec
        values, told = all_options(bound.component), facts(bound)
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
    return document | told


def render(document: Mapping[str, Any]) -> str:
    """The document for a person."""
    lines = [f"{document['kind']} {document['spec']}"]
    if document["summary"]:
        lines.append(f"  {document['summary']}")
    provider = f"{document['provider']} {document['version']} (plugin {document['plugin']})"
    told = [("provider", provider)]
    for name in ("error", "warning", "paper", *FACTS[document["kind"]], "works_with", "not_with"):
        label, value = name.replace("_", " "), document.get(name)
        for text in _fact_lines(_shorter(value) if name == "recommends" else value):
            told.append((label, text))
            label = ""
    lines += columns(told, indent="  ")
    options = document.get("options", {})
    if options:
        rows: list[tuple[str, ...]] = [("option", "value", "default", "takes", "")]
        rows += [_option_row(name, option) for name, option in options.items()]
        lines += ["", *columns(rows, indent="  ")]
    elif not document["error"]:
        lines += ["", "  It has no options."]
    description = document.get("description", "").replace("``", "`")
    if description:
        lines += ["", textwrap.indent(description, "  ")]
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


def _shorter(settings: Any) -> Any:
    """Settings that are equal for both players, by the one word that sets both."""
    if not isinstance(settings, Mapping):
        return settings
    short: dict[str, Any] = dict(settings)
    for word, names in BOTH_PLAYERS.items():
        values = [settings.get(name) for name in names]
        if values[0] is not None and all(value == values[0] for value in values):
            place = list(short).index(names[0])
            rest = [(key, value) for key, value in short.items() if key not in names]
            short = dict([*rest[:place], (word, values[0]), *rest[place:]])
    return short
