"""Samples of all trials, cell by cell and seed by seed, at the end and tick by tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.report.charts.strip import LATENTS
from ganbench.report.pictures import Encoded, encode_all
from ganbench.report.tables import tone
from ganbench.results.formatting import plain, texts
from ganbench.results.store import RunFolder
from ganbench.results.summary import cells
from ganbench.results.view import cell_label, readable

if TYPE_CHECKING:
    import pandas as pd

_GAP = 4  # pixels
_TOLD = ("tick", "images", "fd")


@dataclass(frozen=True)
class Film:
    """A picture with a row of samples for each tick.

    :ivar rows: how many there are.
    :ivar pitch: from one row to the next, as a share of the picture's height.
    :ivar lead: above the first row, as such a share.
    :ivar aspect: width over height of the part that shows one row.
    :ivar notes: what is known of each tick.
    """

    picture: Encoded
    rows: int
    pitch: float
    lead: float
    aspect: float
    notes: list[str]


@dataclass(frozen=True)
class Picture:
    """A trial's samples; None where there are none."""

    anchor: str
    caption: str
    tone: str
    samples: Encoded | None
    film: Film | None


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
    places = {
        trial: f"{plain(outcome)} · fd {distance}"
        for trial, outcome, distance in zip(
            frame["trial"], frame["outcome"], texts(frame["fd"]), strict=True
        )
    }
    ticks = {str(trial): rows for trial, rows in history.groupby("trial", sort=False)}
    outcomes = dict(zip(frame["trial"], frame["outcome"], strict=True))

    def picture(trial: str, seed: Any) -> Picture:
        samples, film = (*map(found.get, paths[trial]), None, None)[:2]
        return Picture(
            anchors[trial],
            f"seed {seed} · {places[trial]}",
            tone(plain(outcomes[trial])),
            samples,
            _film(film, ticks.get(trial)) if film else None,
        )

    return [*_by_cell(results, picture)]


def last_tick(galleries: Iterable[Gallery]) -> int:
    """The number of the last tick of all films; 0 if there is no film."""
    films = (p.film for gallery in galleries for p in gallery.pictures if p.film)
    return max((film.rows - 1 for film in films), default=0)


def _by_cell(results: pd.DataFrame, picture: Callable[[str, Any], Picture]) -> Iterator[Gallery]:
    for cell in cells(results):
        trials = zip(cell.trials["trial"], cell.trials["seed"], strict=True)
        pictures = [picture(trial, seed) for trial, seed in trials]
        if pictures:
            label = cell_label(value for key, value in cell.key.items() if key != "dataset")
            yield Gallery(plain(cell.key["dataset"]), label, pictures)


def _paths(run: RunFolder, trial: str) -> list[Path]:
    """Samples and film of a trial; none of one that cannot be the name of a folder."""
    if "/" in trial or trial in ("", ".", ".."):
        return []
    folder = run.trial(trial)
    return [folder.samples_png, folder.progress_png]


def _film(picture: Encoded, history: pd.DataFrame | None) -> Film:
    """What the rows of a film are; its pictures stand in eights with a gap around each."""
    known = 0 if history is None else len(history)
    gap = _GAP if (picture.width - _GAP) % LATENTS == 0 else 0
    inner = picture.height - gap
    rows = known if known and inner % known == 0 else 0
    if not rows:  # square images, or some ticks are not known
        rows = max(1, round(inner * LATENTS / (picture.width - gap)))
    pitch = inner / rows
    notes = [f"tick {tick}" for tick in range(rows)]
    if history is not None and known == rows:
        notes = [_note(*line) for line in zip(*(history[n] for n in _TOLD), strict=True)]
    # Half of the gap above and half beneath: where a browser rounds, no neighbour shows.
    lead = gap / 2 / picture.height
    return Film(picture, rows, pitch / picture.height, lead, picture.width / pitch, notes)


def _note(tick: Any, images: Any, distance: Any) -> str:
    import pandas as pd

    parts = [f"tick {tick}"]
    parts += [] if pd.isna(images) else [f"{images:,} images"]
    parts += [] if pd.isna(distance) else [f"fd {distance:.4g}"]
    return " · ".join(parts)
