"""``ganbench grids``."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Mapping
from typing import Any

import click

from ganbench.cli.text import as_json, columns, echo_json, examples
from ganbench.grid.budget import Budget
from ganbench.grid.grid import Grid, shipped_grids

_WIDEST = 100  # longer lines are hard to read
_SCALES = ((1_000_000, "M"), (1_000, "k"))


@click.command(
    epilog=examples(
        "ganbench grids",
        "ganbench grids quick                the file of one grid, to start one's own from",
        "ganbench run --grid sngan-cifar10   a recipe: the settings of a published result",
    )
)
@click.argument("name", required=False)
@as_json
def grids(name: str | None, as_json: bool) -> None:
    """List the shipped grids and recipes, or print the file of one.

    A recipe is a grid with the settings of a published result. The list shows its figure; its file
    names the source, and the settings that differ from it.
    """
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
    """A line of figures for each grid, with its description below."""
    rows: list[tuple[str, ...]] = [("name", "kind", "cells", "seeds", "budget", "published")]
    for name, grid in shipped.items():
        counts = (str(_cells(grid)), str(len(grid.seeds)))
        rows.append((name, _kind(grid), *counts, _short(grid.budget), _figure(grid)))
    heading, *table = columns(rows)
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    lines = [heading]
    for grid, line in zip(shipped.values(), table, strict=True):
        text = str(grid.about.get("description", ""))
        wrapped = textwrap.wrap(text, width - 2, break_on_hyphens=False)  # names have hyphens
        lines += [line, *(f"  {part}" for part in wrapped)]
    return lines


def _kind(grid: Grid) -> str:
    return str(grid.about.get("kind", "grid"))


def _cells(grid: Grid) -> int:
    return math.prod(len(specs) for specs in grid.axes.values())


def _short(budget: Budget) -> str:
    """A budget in few letters, as ``--budget`` takes it."""
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
