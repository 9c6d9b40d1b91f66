"""``ganbench list`` and ``ganbench info``: which components there are, and what they take."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli.text import columns, echo_json, examples
from ganbench.registry import KINDS, ComponentInfo, default_registry, kind_of
from ganbench.registry.plugins import TROUBLE


class KindName(click.ParamType):
    """A kind of component, in the singular or the plural."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return kind_of(value).name

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        from click.shell_completion import CompletionItem

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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(kind: str | None, as_json: bool) -> None:
    """List the components that are installed.

    KIND is architectures, losses, datasets, regularizers, augmentations, extractors, metrics or
    callbacks; without it all are listed.
    """
    registry = default_registry()
    kinds = list(KINDS) if kind is None else [kind]
    found = {name: list(registry.components(name).values()) for name in kinds}
    if as_json:
        echo_json([_brief(info) for infos in found.values() for info in infos])
    else:
        blocks = []
        for name, infos in found.items():
            title = [] if kind else [click.style(KINDS[name].plural, bold=True)]
            rows = [(info.name, f"{info.provider} {info.version}", info.summary) for info in infos]
            indent = "" if kind else "  "
            lines = columns(rows, indent) if rows else [f"{indent}(none)"]
            blocks.append("\n".join(title + lines))
        click.echo("\n\n".join(blocks))
    _mention_trouble()


def _brief(info: ComponentInfo) -> dict[str, Any]:
    return {
        "kind": info.kind,
        "name": info.name,
        "provider": info.provider,
        "version": info.version,
        "plugin": info.plugin,
        "summary": info.summary,
    }


def _mention_trouble() -> None:
    labels = [plugin.label for plugin in default_registry().plugins if plugin.state in TROUBLE]
    if labels:
        click.echo(f"In trouble, see `ganbench plugins`: {', '.join(labels)}", err=True)


class ComponentSpec(click.ParamType):
    """A component's spec, completed from the names that exist."""

    name = "spec"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        from click.shell_completion import CompletionItem

        infos = [i for kind in KINDS for i in default_registry().components(kind).values()]
        return [
            CompletionItem(i.name, help=i.summary) for i in infos if i.name.startswith(incomplete)
        ]


@click.command(
    epilog=examples(
        "ganbench info wgan-gp",
        'ganbench info "dcgan[width=32]"       with the values in effect',
        "ganbench info none --kind augmentation",
        "ganbench info cifar10 --json",
    ),
)
@click.argument("spec", type=ComponentSpec())
@click.option("--kind", type=KindName(), help="Only components of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def info(spec: str, kind: str | None, as_json: bool) -> None:
    """Describe a component: options, provider, paper, and what it works with.

    SPEC is a name, or a name with options, whose values are then shown. A name that components of
    several kinds have shows them all; in JSON the others stand under "also".
    """
    from ganbench.cli.describe import describe_all, render
    from ganbench.registry import parse_spec

    parsed = parse_spec(spec)
    registry = default_registry()
    if kind is not None:
        found = [registry.info(kind, parsed.name, parsed.provider)]
    else:
        found = registry.find(parsed)
    described = describe_all(found, parsed)
    if as_json:
        first, *others = described
        echo_json(first | ({"also": others} if others else {}))
    else:
        click.echo("\n\n".join(map(render, described)))
