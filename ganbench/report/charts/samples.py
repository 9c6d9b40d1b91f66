"""Which trials' samples a figure shows, and what each is called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.components.column import Column
from ganbench.report.charts.cells import Cell
from ganbench.report.charts.facets import Facet, Member, facets
from ganbench.report.charts.strip import read_picture
from ganbench.results.formatting import plain
from ganbench.results.metrics import higher_is_better

if TYPE_CHECKING:
    import pandas as pd

    from ganbench.results.store import RunFolder


@dataclass(frozen=True)
class Choice:
    """A trial to show.

    :ivar label: its cell; ``detail`` its seed and last value of the primary metric, or how it failed.
    :ivar note: how it was chosen among its cell's trials; empty if it was asked for.
    """

    trial: str
    label: str
    detail: str
    note: str


@dataclass(frozen=True)
class Picture(Choice):
    """A trial's samples.png: (height, width, 1 or 3) uint8."""

    pixels: np.ndarray


def choose(results: pd.DataFrame, trials: Sequence[str] = ()) -> list[Choice]:
    """The named trials, in their order; else of each cell the one with the median of its primary metric.

    Of an even number of seeds the better one of the middle two is taken, and failures count as the
    worst, so no cell shows its best seed for a typical one.
    """
    found = facets(results)
    places = {
        trial: (facet, member)
        for facet in found
        for member in facet.members
        for trial in member.cell.texts("trial")
    }
    several = len(found) > 1
    if trials:
        return [_choice(trial, *places[trial], several) for trial in trials if trial in places]
    choices = []
    for facet in found:
        for member in facet.members:
            trial = _typical(facet, member)
            if trial is not None:
                note = f"of each cell the seed with the median {_primary(facet, member).title}"
                choices.append(_choice(trial, facet, member, several, note))
    return choices


def pictures(run: RunFolder, choices: Sequence[Choice]) -> list[Picture]:
    """The pictures that are there."""
    found = []
    for choice in choices:
        pixels, _ = read_picture(run.trial(choice.trial).samples_png)
        if pixels is not None:
            found.append(Picture(**vars(choice), pixels=pixels))
    return found


def _typical(facet: Facet, member: Member) -> str | None:
    cell = member.cell
    column = facet.known.named(cell.primary)
    values = (-1.0 if higher_is_better(column) else 1.0) * _floats(cell, column.name)
    scores = np.where(cell.ok & ~np.isnan(values), values, math.inf)
    if not np.isfinite(scores).any():
        return None
    order = np.argsort(scores, kind="stable")
    middle = order[(len(order) - 1) // 2]
    chosen = int(middle if np.isfinite(scores[middle]) else order[0])
    return cell.texts("trial")[chosen]


def _primary(facet: Facet, member: Member) -> Column:
    """The primary metric of a cell, as it is called in the facet."""
    return facet.called(facet.known.named(member.cell.primary))


def _floats(cell: Cell, name: str) -> np.ndarray:
    """A column of a cell's trials, NaN where nobody measured it."""
    return cell.floats(name) if name in cell.columns else np.full(cell.n, math.nan)


def _choice(trial: str, facet: Facet, member: Member, several: bool, note: str = "") -> Choice:
    cell = member.cell
    place = cell.texts("trial").index(trial)
    value, told = float(_floats(cell, cell.primary)[place]), cell.texts("status")[place]
    if told == "ok" and not math.isnan(value):
        called = _primary(facet, member)
        name = called.name if called.name == cell.primary else called.title
        told = f"{plain(name)} {value:#.3g}".rstrip(".")
    before = f"{facet.title}: " if several else ""
    seed = cell.floats("seed")[place]
    return Choice(trial, f"{before}{member.label}", f"seed {seed:.0f}, {told}", note)
