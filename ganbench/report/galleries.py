"""Samples of all trials, cell by cell and seed by seed, at the end and tick by tick."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.report.charts.cells import cells
from ganbench.report.charts.facets import cell_names
from ganbench.report.charts.strip import Layout
from ganbench.report.pictures import Encoded, encode_all
from ganbench.report.tables import tone
from ganbench.results.columns import columns_of
from ganbench.results.comparability import EVALUATION
from ganbench.results.formatting import MISSING, plain, texts
from ganbench.results.primary import primaries, primary_in
from ganbench.results.store import RunFolder
from ganbench.results.view import readable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Film:
    """A picture with a row of samples for each tick.

    :ivar ticks: their numbers.
    :ivar pitch: from one row to the next, as a share of the picture's height.
    :ivar lead: above the first row, as such a share.
    :ivar aspect: width over height of the part that shows one row.
    :ivar notes: what is known of each tick.
    """

    picture: Encoded
    ticks: list[int]
    pitch: float
    lead: float
    aspect: float
    notes: list[str]


@dataclass(frozen=True)
class Picture:
    """A trial's samples; None where there are none.

    :ivar neighbours: samples, each in a row with the real images nearest to it.
    """

    anchor: str
    caption: str
    tone: str
    samples: Encoded | None
    film: Film | None
    neighbours: Encoded | None = None


@dataclass(frozen=True)
class Gallery:
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
    :param problems: gets a sentence for each picture that is damaged.
    """
    paths = {trial: _paths(run, trial) for trial in anchors}
    found = encode_all(path for pair in paths.values() for path in pair)
    for path in (path for pair in paths.values() for path in pair):
        if path not in found and path.is_file():
            problems.append(f"{path} is damaged and was left out: it is no picture")
    frame = readable(results)
    metrics = {trial: primary_in(text) for trial, text in _evaluations(results)}
    shown = {
        name: dict(
            zip(frame["trial"], texts(frame[name], columns_of(frame).named(name)), strict=True)
        )
        for name in primaries(results)
        if name in frame
    }
    places = {
        trial: f"{plain(outcome)} · {_value(metrics[trial], shown, trial)}"
        for trial, outcome in zip(frame["trial"], frame["outcome"], strict=True)
    }
    ticks = {str(trial): rows for trial, rows in history.groupby("trial", sort=False)}
    outcomes = dict(zip(frame["trial"], frame["outcome"], strict=True))

    def picture(trial: str, seed: str) -> Picture:
        samples, film, near = (*map(found.get, paths[trial]), None, None, None)[:3]
        return Picture(
            anchors[trial],
            f"seed {seed} · {places[trial]}",
            tone(plain(outcomes[trial])),
            samples,
            _film(film, ticks.get(trial), metrics[trial]) if film else None,
            near,
        )

    return [*_by_cell(results, picture)]


def film_ticks(galleries: Iterable[Gallery]) -> list[int]:
    """The ticks that any film has, in order."""
    films = (p.film for gallery in galleries for p in gallery.pictures if p.film)
    return sorted({tick for film in films for tick in film.ticks})


def has_neighbours(galleries: Iterable[Gallery]) -> bool:
    """Whether there is a picture of real images beside samples."""
    return any(p.neighbours for gallery in galleries for p in gallery.pictures)


def _by_cell(results: pd.DataFrame, picture: Callable[[str, str], Picture]) -> Iterator[Gallery]:
    every = cells(results)
    names: dict[int, str] = {}
    for dataset in dict.fromkeys(cell.key["dataset"] for cell in every):
        group = [cell for cell in every if cell.key["dataset"] == dataset]
        names |= {id(cell): name for cell, name in zip(group, cell_names(group), strict=True)}
    for cell in every:
        trials = zip(cell.texts("trial"), cell.texts("seed"), strict=True)
        pictures = [picture(trial, seed) for trial, seed in trials]
        if pictures:
            yield Gallery(plain(cell.key["dataset"]), names[id(cell)], pictures)


def _paths(run: RunFolder, trial: str) -> list[Path]:
    """The pictures of a trial; none of one that cannot be the name of a folder."""
    if "/" in trial or trial in ("", ".", ".."):
        return []
    folder = run.trial(trial)
    return [folder.samples_png, folder.progress_png, folder.neighbours_png]


def _evaluations(results: pd.DataFrame) -> Iterator[tuple[str, object]]:
    """Trials, and their evaluation settings as JSON."""
    settings = results[EVALUATION] if EVALUATION in results else [None] * len(results)
    yield from zip(results["trial"], settings, strict=True)


def _value(metric: str, shown: Mapping[str, Mapping[str, str]], trial: str) -> str:
    """``fd 3.72``, which no line break parts."""
    return f"{plain(metric)}\u00a0{shown.get(metric, {}).get(trial, MISSING)}"


def _film(picture: Encoded, history: pd.DataFrame | None, metric: str) -> Film | None:
    """How a film lies in its picture; None if the picture does not tell."""
    layout = Layout.of(picture.texts)
    if layout is None:
        return None
    told = {} if history is None else _told(history, metric)
    pitch = (picture.height - layout.gap) / len(layout.ticks)
    # Half of the gap above and half beneath: where a browser rounds, no neighbour shows.
    lead = layout.gap / 2 / picture.height
    notes = [told.get(tick, f"tick {tick}") for tick in layout.ticks]
    aspect = picture.width / pitch
    return Film(picture, layout.ticks, pitch / picture.height, lead, aspect, notes)


def _told(history: pd.DataFrame, metric: str) -> dict[int, str]:
    """What is known of each tick, as a line."""
    import pandas as pd

    found = {}
    values = history[metric] if metric in history else [math.nan] * len(history)
    for tick, images, value in zip(history["tick"], history["images"], values, strict=True):
        if not pd.isna(tick):
            parts = [f"tick {tick}"]
            parts += [] if pd.isna(images) else [f"{images:,} images"]
            parts += [] if pd.isna(value) else [f"{plain(metric)} {value:.4g}"]
            found[int(tick)] = " · ".join(parts)
    return found
