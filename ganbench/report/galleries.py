"""Samples of all trials, cell by cell and seed by seed, at the end and tick by tick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ganbench.base.text import counted, plain
from ganbench.present.numbers import MISSING, texts
from ganbench.present.results_view import readable
from ganbench.report.data.cells import cells
from ganbench.report.data.parts import cell_names
from ganbench.report.data.sample_timeline import TimelineLayout
from ganbench.report.pictures import Encoded, encode_all
from ganbench.report.tables import tone
from ganbench.store.columns import columns_of
from ganbench.store.primary import primaries
from ganbench.store.run_folder import RunFolder


class Timeline(NamedTuple):
    """A picture with a row of samples for each tick.

    :ivar pitch: from one row to the next, as a share of the picture's height.
    :ivar lead: above the first row, as such a share.
    :ivar aspect: width over height of the part that shows one row.
    :ivar notes: a line about each tick.
    """

    picture: Encoded
    ticks: list[int]
    pitch: float
    lead: float
    aspect: float
    notes: list[str]


class Picture(NamedTuple):
    """A trial's samples; None for a picture that it lacks.

    :ivar neighbors: samples, each in a row with the real images nearest to it.
    """

    anchor: str
    caption: str
    tone: str
    samples: Encoded | None
    timeline: Timeline | None
    neighbors: Encoded | None


class Gallery(NamedTuple):
    """The pictures of one cell, seed by seed."""

    dataset: str
    title: str
    pictures: list[Picture]


def galleries(
    run: RunFolder,
    results: pd.DataFrame,
    history: pd.DataFrame,
    anchors: Mapping[str, str],
    problems: list[str],
) -> list[Gallery]:
    """The pictures of all cells that had trials, in the order of the results.

    :param anchors: ids of the pictures' places, by trial.
    :param problems: gets a sentence for each damaged picture.
    """
    paths = {trial: _paths(run, trial) for trial in anchors}
    found = encode_all(path for own in paths.values() for path in own)
    problems += [
        f"{path} is damaged and was left out: it is not a picture"
        for path, picture in found.items()
        if picture is None
    ]
    frame = readable(results).set_index("trial")
    ticks = dict(iter(history.groupby("trial", sort=False)))
    values = {
        name: dict(
            zip(frame.index, texts(frame[name], columns_of(results).named(name)), strict=True)
        )
        for name in primaries(results)
        if name in frame
    }
    shown = []
    every_cell = cells(results)
    for cell, name in zip(every_cell, cell_names(every_cell), strict=True):
        metric, pictures = cell.primary, []
        for trial, seed in zip(cell.texts("trial"), cell.texts("seed"), strict=True):
            samples, timeline, near = (*map(found.get, paths[trial]), None, None, None)[:3]
            outcome = plain(frame["outcome"][trial])
            value = values.get(metric, {}).get(trial, MISSING)
            rule = samples.texts.get("shows", "") if samples else ""
            seen = f" · shows {plain(str(rule))}" if rule else ""
            pictures.append(
                Picture(
                    anchors[trial],
                    f"seed {seed} · {outcome} · {plain(metric)}\u00a0{value}{seen}",
                    tone(outcome),
                    samples,
                    _timeline(timeline, ticks.get(trial), metric) if timeline else None,
                    near,
                )
            )
        if pictures:
            shown.append(Gallery(plain(cell.key["dataset"]), name, pictures))
    return shown


def _paths(run: RunFolder, trial: str) -> list[Path]:
    """The pictures of a trial; none if its name cannot be that of a folder."""
    if "/" in trial or trial in ("", ".", ".."):
        return []
    folder = run.trial(trial)
    return [folder.samples_png, folder.progress_png, folder.neighbours_png]


def _timeline(picture: Encoded, history: pd.DataFrame | None, metric: str) -> Timeline | None:
    """The places of ticks in a picture; None if the picture does not say."""
    layout = TimelineLayout.of(picture.texts)
    if layout is None:
        return None
    known = {} if history is None else dict(_tick_notes(history, metric))
    pitch = (picture.height - layout.gap) / len(layout.ticks)
    # Half of the gap above and half below: where a browser rounds, no neighbor shows.
    lead = layout.gap / 2 / picture.height
    notes = [known.get(tick, f"tick {tick}") for tick in layout.ticks]
    aspect = picture.width / pitch
    return Timeline(picture, layout.ticks, pitch / picture.height, lead, aspect, notes)


def _tick_notes(history: pd.DataFrame, metric: str) -> Iterator[tuple[int, str]]:
    """A line about each tick: ``tick 1 · 50,000 images · fd 9.7``."""
    for line in history[history["tick"].notna()].to_dict("records"):
        tick, images, value = int(line["tick"]), line["images"], line.get(metric)
        parts = [f"tick {tick}"]
        parts += [] if pd.isna(images) else [counted(int(images), "image")]
        parts += [] if pd.isna(value) else [f"{plain(metric)} {value:.4g}"]
        yield tick, " · ".join(parts)
