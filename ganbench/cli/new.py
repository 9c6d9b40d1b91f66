"""``ganbench new``: a plugin distribution to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ganbench.cli.list import KindName
from ganbench.cli.text import as_json, echo_json, examples, out_option
from ganbench.registry import kind_of
from ganbench.scaffold.names import Names
from ganbench.scaffold.write import write_distribution


@click.command(
    epilog=examples(
        "ganbench new loss soft-hinge",
        "ganbench new optimizer lion -o lion",
        "ganbench new architecture tiny-upsampler --json",
    ),
)
@click.argument("kind", type=KindName())
@click.argument("name")
@out_option("Where to; by default ganbench-NAME.", metavar="FOLDER")
@as_json
def new(kind: str, name: str, out: str | None, as_json: bool) -> None:
    """Write a plugin distribution to start from.

    KIND is architecture, loss, dataset, regularizer, augmentation, optimizer, schedule, extractor,
    metric or callback. NAME is the name that specs will use. The distribution has a component that
    works, its tests, a benchmark and a CI file; it builds and passes its tests as it is.
    """
    names = Names.of(kind_of(kind), name)
    folder = Path(names.distribution if out is None else out)
    files = [str(path) for path in write_distribution(names, folder)]
    if as_json:
        named = {"kind": kind, "component": names.component, "module": names.module}
        more = {"class": names.cls, "distribution": names.distribution}
        echo_json({**named, **more, "folder": str(folder), "files": files})
        return
    said = "" if name == names.component else f" (from {name!r})"
    click.echo(f"{kind} {names.component}{said} is in {folder}{os.sep}")
    for file in files:
        click.echo(f"  {os.path.relpath(file, folder)}")
    click.echo(f"Next: cd {folder}, then")
    click.echo('  pip install -e ".[test]"      make it known to ganbench')
    click.echo("  pytest                        run its tests")
    click.echo(f"  ganbench info {names.component}")
    click.echo(
        f"Or without an installation: ganbench --plugin {names.module}.py info {names.component}"
    )
