"""Samples of trials side by side, and timelines: the same latents from tick to tick."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ganbench.report.marks import Frames, Mark, Panel, Picture
from ganbench.report.matplotlib_renderer.axes import kilo
from ganbench.report.matplotlib_renderer.layout import WIDTH, FigureLayout, Grid
from ganbench.report.matplotlib_renderer.style import SMALL, FigureStyle
from ganbench.report.matplotlib_renderer.text import Names, tallness, wrapped

_MOST_COLUMNS = 4
_LABELS, _TILE = 1.5, 0.7  # inches at the left of timelines, and of a tile at most
_MOST_ROWS = 8  # of tiles in a figure, as far as every trial has one


def picture_layout(panels: Sequence[Panel], style: FigureStyle) -> FigureLayout:
    """The sample grids of trials, a panel each."""
    names = Names()
    pictures = [mark for panel in panels for mark in panel.marks if isinstance(mark, Picture)]
    columns = 3 if len(pictures) in (6, 9) else min(len(pictures), _MOST_COLUMNS)
    width = style.width or min(2.2 * columns, WIDTH)
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
            ax.set_anchor("S")  # the titles get the rest of the room

    grid = Grid(math.ceil(len(pictures) / columns), columns, width, height)
    return FigureLayout(panels, names, grid, draw)


def timeline_layout(panels: Sequence[Panel], style: FigureStyle) -> FigureLayout:
    """A timeline for each trial: its latents below one another, its ticks from left to right."""
    names = Names()
    strips = [mark for panel in panels for mark in panel.marks if isinstance(mark, Frames)]
    latents = max(1, min(strips[0].tiles.shape[1], _MOST_ROWS // len(strips)))
    longest = max(len(strip.ticks) for strip in strips)
    width = style.width or min(_LABELS + 0.2 + _TILE * longest, WIDTH)
    ratio = max(strip.tiles.shape[2] / strip.tiles.shape[3] for strip in strips)
    titles = [_title(strip, _LABELS, names) for strip in strips]
    side = (width - _LABELS - 0.2) / longest
    height = max(side * ratio * latents, *(tallness(title, SMALL) for title in titles)) + 0.2

    def draw(axes: Sequence[Axes]) -> None:
        before: Sequence[int | None] = ()
        for strip, title, ax in zip(strips, titles, axes, strict=True):
            _strip(ax, strip, latents, longest, ticks=strip.images != before)
            ax.set_yticks([sum(ax.get_ylim()) / 2], [title])
            before = strip.images

    return FigureLayout(panels, names, Grid(len(strips), 1, width, height), draw)


def _title(mark: Mark, room: float, names: Names) -> str:
    return "\n".join(wrapped(text, room, SMALL) for text in (names.short(mark.label), mark.note))


def _show(axes: Axes, pixels: np.ndarray) -> None:
    gray = pixels.shape[2] == 1
    axes.imshow(
        pixels[..., 0] if gray else pixels,
        cmap="gray" if gray else None, vmin=0, vmax=255, interpolation="nearest",
    )  # fmt: skip


def _strip(axes: Axes, strip: Frames, latents: int, longest: int, ticks: bool) -> None:
    """The frames from left to right; all strips of a figure are as long as the longest."""
    tiles = strip.tiles[:, :latents]
    count, _, height, width, channels = tiles.shape
    gap = max(1, width // 24)
    across, down = width + gap, height + gap
    canvas = np.full((latents, down, longest, across, channels), 255, dtype=np.uint8)
    canvas[:, :height, :count, :width] = tiles.transpose(1, 2, 0, 3, 4)
    _show(axes, canvas.reshape(latents * down, longest * across, channels)[:-gap, :-gap])
    axes.spines[:].set_visible(False)
    texts = [
        kilo(images) if images is not None else f"tick {tick}"
        for tick, images in zip(strip.ticks, strip.images, strict=True)
    ]
    places = [column * across + (width - 1) / 2 for column in range(count)]
    axes.set_xticks(places, texts if ticks else [""] * count)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
