"""Samples of trials side by side, and film strips: the same latents from tick to tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganbench.report.charts.samples import Picture
from ganbench.report.charts.strip import Strip
from ganbench.report.files.axes import kilo
from ganbench.report.files.sheet import Grid, Sheet
from ganbench.report.files.style import SMALL, Look
from ganbench.report.files.text import Names, tallness, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 6.75
_MOST_COLUMNS = 4
_LABELS, _TILE = 1.5, 0.7  # inches at the left of strips, and of a tile at most
_MOST_ROWS = 8  # of tiles in a figure, as far as every trial has one
_ABOUT_STRIPS = (
    "each row shows one latent; above it, real images shown to the discriminator by then"
)


def sheet(pictures: Sequence[Picture], look: Look) -> Sheet:
    """The sample grids of trials, a panel each."""
    names = Names()
    columns = min(len(pictures), _MOST_COLUMNS)
    if len(pictures) in (6, 9):
        columns = 3
    width = look.width or min(2.2 * columns, _WIDTH)
    room = width / columns - 0.1
    titles = [_title(picture, room, names) for picture in pictures]
    tallest = max(picture.pixels.shape[0] / picture.pixels.shape[1] for picture in pictures)
    height = room * tallest + max(tallness(title, SMALL) for title in titles) + 0.12

    def draw(axes: Sequence[Axes]) -> None:
        for ax in axes:
            ax.set_axis_off()
        for picture, title, ax in zip(pictures, titles, axes, strict=False):
            _show(ax, picture.pixels)
            ax.set_title(title, fontsize=SMALL, fontweight="normal")
            ax.set_anchor("S")  # what room is left is the titles'

    grid = Grid(math.ceil(len(pictures) / columns), columns, width, height)
    return Sheet(grid, draw, notes=[_common(pictures), *names.notes()])


def strips(films: Sequence[tuple[Picture, Strip]], look: Look) -> Sheet:
    """A film strip for each trial: its latents below one another, its ticks from left to right."""
    names = Names()
    latents = max(1, min(films[0][1].tiles.shape[1], _MOST_ROWS // len(films)))
    longest = max(len(strip.ticks) for _, strip in films)
    width = look.width or min(_LABELS + 0.2 + _TILE * longest, _WIDTH)
    ratio = max(strip.tiles.shape[2] / strip.tiles.shape[3] for _, strip in films)
    titles = [_title(picture, _LABELS, names) for picture, _ in films]
    side = (width - _LABELS - 0.2) / longest
    height = max(side * ratio * latents, *(tallness(title, SMALL) for title in titles)) + 0.2

    def draw(axes: Sequence[Axes]) -> None:
        before: Strip | None = None
        for (_, strip), title, ax in zip(films, titles, axes, strict=True):
            told = before is not None and strip.images == before.images
            _strip(ax, strip, latents, longest, ticks=not told)
            ax.set_yticks([sum(ax.get_ylim()) / 2], [title])
            before = strip

    notes = [_common([picture for picture, _ in films]), _ABOUT_STRIPS, *names.notes()]
    return Sheet(Grid(len(films), 1, width, height), draw, notes=notes)


def _title(picture: Picture, room: float, names: Names) -> str:
    detail = wrapped(picture.detail, room, SMALL)
    return f"{wrapped(names.short(picture.label), room, SMALL)}\n{detail}"


def _show(axes: Axes, pixels: np.ndarray) -> None:
    grey = pixels.shape[2] == 1
    axes.imshow(
        pixels[..., 0] if grey else pixels,
        cmap="gray" if grey else None, vmin=0, vmax=255, interpolation="nearest",
    )  # fmt: skip


def _strip(axes: Axes, strip: Strip, latents: int, longest: int, ticks: bool) -> None:
    """The frames from left to right; strips of one figure are all as long as the longest."""
    tiles = strip.tiles[:, :latents]
    count, _, height, width, channels = tiles.shape
    gap = max(1, width // 24)
    across, down = width + gap, height + gap
    canvas = np.full((latents * down - gap, longest * across - gap, channels), 255, dtype=np.uint8)
    for column in range(count):
        for row in range(latents):
            top, left = row * down, column * across
            canvas[top : top + height, left : left + width] = tiles[column, row]
    _show(axes, canvas)
    for spine in axes.spines.values():
        spine.set_visible(False)
    texts = [
        kilo(images) if images is not None else f"tick {tick}"
        for tick, images in zip(strip.ticks, strip.images, strict=True)
    ]
    places = [column * across + (width - 1) / 2 for column in range(count)]
    axes.set_xticks(places, texts if ticks else [""] * count)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)


def _common(pictures: Sequence[Picture]) -> str:
    """What is said of all, once."""
    return "; ".join(dict.fromkeys(picture.note for picture in pictures if picture.note))
