"""``ganbench plugins``: every entry point, what became of it and what it provides."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli.text import columns, echo_json, examples
from ganbench.registry import PluginRecord, default_registry


@click.command(
    epilog=examples(
        "ganbench plugins",
        "ganbench plugins --json",
        "GANBENCH_DISABLE_PLUGINS=softhinge ganbench plugins",
        "GANBENCH_STRICT_PLUGINS=1 GANBENCH_DEBUG=1 ganbench plugins     where one fails",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def plugins(as_json: bool) -> None:
    """List every plugin: distribution, version, state, load time, what it provides, its error.

    GANBENCH_PLUGINS=a,b loads only these plugins or distributions beside the built-in ones,
    GANBENCH_DISABLE_PLUGINS=a blocks, and GANBENCH_STRICT_PLUGINS=1 makes a failure an error.
    """
    records = default_registry().plugins
    if as_json:
        echo_json([_document(record) for record in records])
        return
    if not records:
        click.echo("No plugins are installed.")
        return
    heading = ("plugin", "distribution", "version", "state", "ms", "provides")
    rows = [_cells(record) for record in records]
    head, *lines = columns([heading, *rows])
    click.echo(head)
    for record, line in zip(records, lines, strict=True):
        click.echo(line)
        if record.error:
            click.echo(f"    {record.error}")
        for warning in record.warnings:
            click.echo(f"    warning: {warning}")


def _cells(record: PluginRecord) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for provided in record.provides:
        kind = provided.partition(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
    provides = ", ".join(f"{n} {kind if n == 1 else _plural(kind)}" for kind, n in counts.items())
    if len(record.provides) <= 3:
        provides = ", ".join(record.provides)
    state, milliseconds = record.state.value, f"{record.load_ms:.1f}".rjust(6)
    return record.name, record.distribution, record.version, state, milliseconds, provides


def _plural(kind: str) -> str:
    from ganbench.registry import kind_of

    return kind_of(kind).plural


def _document(record: PluginRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "distribution": record.distribution,
        "version": record.version,
        "value": record.value,
        "state": record.state.value,
        "error": record.error,
        "warnings": record.warnings,
        "load_ms": round(record.load_ms, 3),
        "hooks": record.hooks,
        "provides": record.provides,
    }
