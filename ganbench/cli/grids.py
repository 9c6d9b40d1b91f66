"""``ganbench grids``."""

from __future__ import annotations

from typing import Any

import click

from ganbench.cli.text import columns, echo_json, examples


@click.command(
    epilog=examples(
        "ganbench grids",
        "ganbench grids quick                the file of one grid, to start one's own from",
    )
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def grids(name: str | None, as_json: bool) -> None:
    """List the shipped grids and recipes, or print the file of one."""
    from ganbench.grid.grid import Grid, shipped_grids

    if name is not None:
        loaded = Grid.named(name)
        if as_json:
            echo_json(loaded.as_dict())
        else:
            click.echo(shipped_grids()[name], nl=False)
        return
    summaries = [_summary(key) for key in shipped_grids()]
    if as_json:
        echo_json(summaries)
        return
    rows: list[tuple[str, ...]] = [("name", "cells", "seeds", "budget", "description")]
    rows += [tuple(str(value) for value in summary.values()) for summary in summaries]
    click.echo("\n".join(columns(rows)))


def _summary(name: str) -> dict[str, Any]:
    from ganbench.grid.grid import Grid

    grid = Grid.named(name)
    cells = 1
    for specs in grid.axes.values():
        cells *= len(specs)
    return {
        "name": name,
        "cells": cells,
        "seeds": len(grid.seeds),
        "budget": str(grid.budget),
        "description": grid.about.get("description", ""),
    }
