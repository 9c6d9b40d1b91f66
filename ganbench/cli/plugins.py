"""``ganbench plugins``: every entry point, its state and what it provides."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from ganbench.cli.text import as_json, columns, echo_json, examples
from ganbench.registry import PluginRecord, default_registry, kind_of


@click.command(
    epilog=examples(
        "ganbench plugins",
        "ganbench plugins --json",
        "GANBENCH_DISABLE_PLUGINS=softhinge ganbench plugins",
        "GANBENCH_STRICT_PLUGINS=1 GANBENCH_DEBUG=1 ganbench plugins     where one fails",
    ),
)
@as_json
def plugins(as_json: bool) -> None:
    """List every plugin: distribution, version, state, load time, what it provides, its error.

    --plugin FILE and GANBENCH_PLUGINS_PATH=FILE:FOLDER add plugins that are not installed.
    GANBENCH_PLUGINS=a,b loads only these plugins or distributions and the built-in ones.
    GANBENCH_DISABLE_PLUGINS=a blocks plugins. GANBENCH_STRICT_PLUGINS=1 makes a failure an error.
    """
    records = default_registry().plugins
    if as_json:
        echo_json([_document(record) for record in records])
        return
    if not records:
        click.echo("No plugins are installed.")
        return
    heading = ("plugin", "distribution", "version", "state", "ms", "provides")
    head, *lines = columns([heading, *map(_cells, records)])
    click.echo(head)
    for record, line in zip(records, lines, strict=True):
        click.echo(line)
        if record.sha256:
            click.echo(f"    {record.value}, sha256 {record.sha256[:16]}")
        for text, place in record.faults:
            click.echo(f"    {place}: {text}" if place else f"    {text}")
        for warning in record.warnings:
            click.echo(f"    warning: {warning}")


def _cells(record: PluginRecord) -> tuple[str, ...]:
    provides = ", ".join(record.provides)
    if len(record.provides) > 3:
        counts = Counter(provided.partition(":")[0] for provided in record.provides)
        named = {kind: kind if n == 1 else kind_of(kind).plural for kind, n in counts.items()}
        provides = ", ".join(f"{n} {named[kind]}" for kind, n in counts.items())
    state, milliseconds = record.state.value, f"{record.load_ms:.1f}".rjust(6)
    return record.name, record.distribution, record.version, state, milliseconds, provides


def _document(record: PluginRecord) -> dict[str, Any]:
    names = ("name", "distribution", "version", "value", "error", "warnings", "hooks", "provides")
    document = {name: getattr(record, name) for name in names}
    document["faults"] = [fault._asdict() for fault in record.faults]
    if record.sha256:
        document["sha256"] = record.sha256
    return document | {"state": record.state.value, "load_ms": round(record.load_ms, 3)}
