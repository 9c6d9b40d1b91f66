"""``ganbench grids``."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.text import columns, echo_json, examples

if TYPE_CHECKING:
    from ganbench.grid.budget import Budget
    from ganbench.grid.grid import Grid

_WIDEST = 100  # lines beyond are hard to read, however wide the terminal
_SCALES = ((1_000_000, "M"), (1_000, "k"))


@click.command(
    epilog=examples(
        "ganbench grids",
        "ganbench grids quick                the file of one grid, to start one's own from",
        "ganbench run --grid sngan-cifar10   a recipe: the settings of a published result",
    )
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def grids(name: str | None, as_json: bool) -> None:
    """List the shipped grids and recipes, or print the file of one.

    A recipe is a grid with the settings of a published result. Its figure stands in the list; its
    file says where that comes from, and in what its settings differ from the source's.
    """
    from ganbench.grid.grid import Grid, shipped_grids

    if name is not None:
        loaded = Grid.named(name)
        if as_json:
            echo_json(loaded.as_dict())
        else:
            click.echo(shipped_grids()[name], nl=False)
        return
    shipped = {key: Grid.named(key) for key in shipped_grids()}
    shipped = dict(sorted(shipped.items(), key=lambda item: _kind(item[1])))
    if as_json:
        echo_json([_summary(key, grid) for key, grid in shipped.items()])
    else:
        click.echo("\n".join(_lines(shipped)))


def _summary(name: str, grid: Grid) -> dict[str, Any]:
    return {
        "name": name,
        "kind": _kind(grid),
        "cells": _cells(grid),
        "seeds": len(grid.seeds),
        "budget": str(grid.budget),
        "description": grid.about.get("description", ""),
        "about": grid.about,
    }


def _lines(shipped: Mapping[str, Grid]) -> list[str]:
    """A line of figures for each grid, and below it the description, too long for a column."""
    rows: list[tuple[str, ...]] = [("name", "kind", "cells", "seeds", "budget", "published")]
    for name, grid in shipped.items():
        counts = (str(_cells(grid)), str(len(grid.seeds)))
        rows.append((name, _kind(grid), *counts, _short(grid.budget), _figure(grid)))
    heading, *table = columns(rows)
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    lines = [heading]
    for grid, line in zip(shipped.values(), table, strict=True):
        description = str(grid.about.get("description", ""))
        lines.append(line)
        lines += textwrap.wrap(
            description,
            width,
            initial_indent="  ",
            subsequent_indent="  ",
            break_on_hyphens=False,  # which names have
        )
    return lines


def _kind(grid: Grid) -> str:
    return str(grid.about.get("kind", "grid"))


def _cells(grid: Grid) -> int:
    return math.prod(len(specs) for specs in grid.axes.values())


def _short(budget: Budget) -> str:
    """A budget as few letters, which ``--budget`` understands as well."""
    text = str(budget)
    if budget.unit != "images":
        return text
    for scale, letter in _SCALES:
        if budget.amount >= scale:
            return f"{budget.amount / scale:.10g}{letter}img"
    return text


def _figure(grid: Grid) -> str:
    """The first published figure: the one whose settings a recipe has."""
    published = grid.about.get("published")
    return f"{published[0]['metric'].upper()} {published[0]['value']:g}" if published else ""
