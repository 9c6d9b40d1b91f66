"""Samples of trials side by side, and timelines: the same latents from tick to tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.report.data.facets import Facet, Member, facets
from ganbench.report.data.parts import COMPARED, PARTS, part_label, varying
from ganbench.report.data.sample_timeline import open_png, pixels, read_timeline
from ganbench.report.marks import Note, Panel, Picture
from ganbench.store.run_folder import RunFolder

_ABOUT_TIMELINES = (
    "each row shows one latent; above it, real images shown to the discriminator by then"
)


class Choice(NamedTuple):
    """A trial to show.

    :ivar label: its cell; ``detail`` its seed and last value of the primary metric, or how it failed.
    :ivar note: how it was chosen among its cell's trials; empty if a person named it.
    """

    trial: str
    label: str
    detail: str
    note: str


def samples(run: RunFolder, choices: Sequence[Choice]) -> list[Panel]:
    """A panel for the samples.png of each chosen trial that has one."""
    panels = []
    for choice in choices:
        image = open_png(run.trial(choice.trial).samples_png)
        if image is not None:
            mark = Picture(label=choice.label, note=choice.detail, pixels=pixels(image))
            notes = [Note(choice.note)]
            if rule := image.info.get("shows"):
                notes.append(Note(f"pictures show {rule}"))
            panels.append(Panel(title=choice.trial, marks=[mark], notes=notes))
    return panels


def timelines(
    run: RunFolder, choices: Sequence[Choice], history: pd.DataFrame, ticks: Sequence[int]
) -> list[Panel]:
    """A panel for the timeline of each chosen trial that has one.

    :param ticks: the ticks to show; all if empty.
    :raises UsageError: if a timeline lacks one of the ticks.
    """
    panels = []
    for choice in choices:
        found = read_timeline(run.trial(choice.trial), history)
        if found is None:
            continue
        for tick in ticks:
            if tick not in found.ticks:
                known = ", ".join(map(str, found.ticks))
                raise UsageError(
                    f"--ticks: {choice.trial} has no frame of tick {tick}; it has {known}"
                )
        kept = [found.ticks.index(tick) for tick in ticks] or list(range(len(found.ticks)))
        mark = replace(
            found,
            label=choice.label,
            note=choice.detail,
            tiles=found.tiles[kept],
            ticks=[found.ticks[place] for place in kept],
            images=[found.images[place] for place in kept],
        )
        notes = [Note(choice.note), Note(_ABOUT_TIMELINES)]
        panels.append(Panel(title=choice.trial, marks=[mark], notes=notes))
    return panels


def choose(results: pd.DataFrame, trials: Sequence[str] = ()) -> list[Choice]:
    """The named trials, in their order; else from each cell the trial with the median primary metric.

    Of an even number of seeds the better one of the middle two is taken, and failures count as the
    worst, so no cell shows its best seed for a typical one.
    """
    found = facets(results)
    several, shown = len(found) > 1, _told(found)
    if trials:
        places = {
            trial: (facet, member)
            for facet in found
            for member in facet.members
            for trial in member.cell.texts("trial")
        }
        return [
            _choice(trial, *places[trial], several, shown) for trial in trials if trial in places
        ]
    choices = []
    for facet in found:
        for member in facet.members:
            trial = _typical(facet, member)
            if trial is not None:
                note = f"of each cell the seed with the median {_primary(facet, member).title}"
                choices.append(_choice(trial, facet, member, several, shown, note))
    return choices


def _told(found: Sequence[Facet]) -> Sequence[str]:
    """The parts of cells that titles name: those that differ in the figure, all if no component does."""
    parts = varying([member.parts for facet in found for member in facet.members])
    return parts if set(parts) & set(COMPARED) else PARTS


def _typical(facet: Facet, member: Member) -> str | None:
    cell = member.cell
    column = facet.known.named(cell.primary)
    values = (-1.0 if column.better == "higher" else 1.0) * cell.floats(column.name)
    scores = np.where(cell.ok & ~np.isnan(values), values, math.inf)
    if not np.isfinite(scores).any():
        return None
    order = np.argsort(scores, kind="stable")
    middle = order[(len(order) - 1) // 2]
    chosen = int(middle if np.isfinite(scores[middle]) else order[0])
    return cell.texts("trial")[chosen]


def _primary(facet: Facet, member: Member) -> Column:
    """The primary metric of a cell, under its name in the facet."""
    return facet.called(facet.known.named(member.cell.primary))


def _choice(
    trial: str, facet: Facet, member: Member, several: bool, shown: Sequence[str], note: str = ""
) -> Choice:
    cell = member.cell
    place = cell.texts("trial").index(trial)
    value, told = float(cell.floats(cell.primary)[place]), cell.texts("status")[place]
    if told == "ok" and not math.isnan(value):
        called = _primary(facet, member)
        name = called.name if called.name == cell.primary else called.title
        told = f"{plain(name)} {value:#.3g}".rstrip(".")
    before = f"{facet.title}: " if several else ""
    seed = cell.floats("seed")[place]
    label = part_label(member.parts, shown)
    return Choice(trial, f"{before}{label}", f"seed {seed:.0f}, {told}", note)
