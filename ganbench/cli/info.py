"""``ganbench info``: one component, its options and what it works with."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import click

from ganbench.base.errors import UsageError
from ganbench.cli.component_facts import FACTS, component_facts
from ganbench.cli.list import KindName, brief
from ganbench.cli.spec_completion import specs
from ganbench.cli.text import as_json, columns, echo_json, examples, say
from ganbench.grid.settings import BOTH_PLAYERS
from ganbench.registry import (
    ComponentInfo,
    Registry,
    Spec,
    default_registry,
    format_value,
    parse_spec,
)
from ganbench.registry.info import json_value
from ganbench.registry.options import MissingOptionError, all_options


@click.command(
    epilog=examples(
        "ganbench info wgan-gp",
        'ganbench info "dcgan[width=32]"       with the values in effect',
        "ganbench info none --kind augmentation",
        "ganbench info cifar10 --json",
    ),
)
@click.argument("spec", shell_complete=specs())
@click.option("--kind", type=KindName(), help="Only components of this kind.")
@as_json
def info(spec: str, kind: str | None, as_json: bool) -> None:
    """Describe a component: options, provider, paper, and what it works with.

    SPEC is a name, or a name with options, whose values the command then shows. If components of
    several kinds share the name, it shows all of them; in JSON, "also" holds the others.
    """
    parsed = parse_spec(spec)
    registry = default_registry()
    if kind is None:
        found = registry.find(parsed)
    else:
        found = [registry.info(kind, parsed.name, parsed.provider)]
    described = describe_all(found, parsed)
    if as_json:
        first, *others = described
        echo_json(first | ({"also": others} if others else {}))
    else:
        say("\n\n".join(map(render, described)))


def describe_all(infos: Iterable[ComponentInfo], spec: Spec) -> list[dict[str, Any]]:
    """Describe each component that takes the options of ``spec``.

    :raises UsageError: if no component takes them; the message is about the first one.
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
    """Describe a component with the options of ``spec``, in JSON's types.

    :raises UsageError: for an option that the component does not take.
    """
    document = brief(info)
    document |= {"spec": info.name, "error": info.error, "warning": info.warning}
    if info.error is not None:
        return document
    options = info.options
    facts: dict[str, Any] = {}
    try:
        resolved = Registry.bind_info(info, spec)
    except MissingOptionError:  # the options can be described without a component
        values = {name: option.default for name, option in options.items()} | dict(spec.options)
    else:
        document["spec"] = resolved.spec
        values, facts = all_options(resolved.component), component_facts(resolved)
    document |= {
        "description": inspect.cleandoc(info.cls.__dict__.get("__doc__") or ""),
        "paper": info.paper,
        "options": {
            option.name: {
                "type": option.type,
                "default": json_value(option.default),
                "value": json_value(values[option.name]),
                "required": option.required,
                "choices": json_value(option.choices),
                "bounds": dict(option.bounds),
                "allowed": option.allowed,
                "help": option.help,
            }
            for option in options.values()
        },
    }
    return document | facts


def render(document: Mapping[str, Any]) -> str:
    """The document as text for a terminal."""
    lines = [f"{document['kind']} {document['spec']}"]
    if document["summary"]:
        lines.append(f"  {document['summary']}")
    provider = f"{document['provider']} {document['version']} (plugin {document['plugin']})"
    rows: list[tuple[str, ...]] = [("provider", provider)]
    for name in ("error", "warning", "paper", *FACTS[document["kind"]], "works_with", "not_with"):
        label, value = name.replace("_", " "), document.get(name)
        for text in _fact_lines(_shorter(value) if name == "recommends" else value):
            rows.append((label, text))
            label = ""
    lines += columns(rows, indent="  ")
    options = document.get("options", {})
    if options:
        rows = [("option", "value", "default", "takes", "")]
        rows += [_option_row(name, option) for name, option in options.items()]
        lines += ["", *columns(rows, indent="  ")]
    elif not document["error"]:
        lines += ["", "  It has no options."]
    description = _after(document["summary"], document.get("description", "")).replace("``", "`")
    if description:
        lines += ["", textwrap.indent(description, "  ")]
    return "\n".join(lines)


def _after(summary: str, description: str) -> str:
    """The description without its first paragraph, if that is the summary: it stands above already."""
    first, _, rest = description.partition("\n\n")
    return rest.strip("\n") if " ".join(first.split()) == summary else description


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
    """The settings, with one word where both players have the same value."""
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
