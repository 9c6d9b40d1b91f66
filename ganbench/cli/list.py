"""``ganbench list``: the components that are installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from ganbench.cli.text import as_json, columns, echo_json, examples
from ganbench.registry import KINDS, ComponentInfo, default_registry, kind_of
from ganbench.registry.plugins import TROUBLE


class KindName(click.ParamType):
    """A kind of component, in the singular or the plural."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return kind_of(value).name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        plurals = [kind.plural for kind in KINDS.values()]
        return [CompletionItem(plural) for plural in plurals if plural.startswith(incomplete)]


@click.command(
    "list",
    epilog=examples(
        "ganbench list",
        "ganbench list losses",
        "ganbench list architectures --json",
    ),
)
@click.argument("kind", required=False, type=KindName(), metavar="[KIND]")
@as_json
def list_(kind: str | None, as_json: bool) -> None:
    """List the components that are installed.

    KIND is architectures, losses, datasets, regularizers, augmentations, optimizers, schedules,
    extractors, metrics or callbacks. Without KIND, the command lists all of them.
    """
    registry = default_registry()
    kinds = list(KINDS) if kind is None else [kind]
    found = {name: registry.components(name).values() for name in kinds}
    if as_json:
        echo_json([brief(info) for infos in found.values() for info in infos])
    elif kind is None:
        titled = ((click.style(KINDS[name].plural, bold=True), found[name]) for name in kinds)
        blocks = ("\n".join([title, *_lines(infos, "  ")]) for title, infos in titled)
        click.echo("\n\n".join(blocks))
    else:
        click.echo("\n".join(_lines(found[kind], "")))
    labels = [plugin.label for plugin in registry.plugins if plugin.state in TROUBLE]
    if labels:
        click.echo(f"In trouble, see `ganbench plugins`: {', '.join(labels)}", err=True)


def brief(info: ComponentInfo) -> dict[str, Any]:
    """What every listing says about a component, without importing its class."""
    names = ("kind", "name", "provider", "version", "plugin", "summary")
    return {name: getattr(info, name) for name in names}


def _lines(infos: Iterable[ComponentInfo], indent: str) -> list[str]:
    rows = [(info.name, f"{info.provider} {info.version}", info.summary) for info in infos]
    return columns(rows, indent) if rows else [f"{indent}(none)"]
