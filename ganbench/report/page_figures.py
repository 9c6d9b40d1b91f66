"""The figures of the page: panels drawn for Plotly, with a legend, notes and a table of numbers."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.report.data.parts import COMPARED
from ganbench.report.embed import label, shortened
from ganbench.report.kinds.curves import AMOUNTS, curves
from ganbench.report.kinds.heatmap import heatmaps
from ganbench.report.kinds.pareto import pareto
from ganbench.report.kinds.profiles import score_profiles, time_profiles
from ganbench.report.kinds.stability import stability
from ganbench.report.marks import Line, Panel, captions
from ganbench.report.palette import DASHES
from ganbench.report.plotly_renderer.field import field_size, key
from ganbench.report.plotly_renderer.view import View, make_view
from ganbench.store.primary import primaries

_SWATCH = 2  # pixels: the width of a legend's line


class Entry(NamedTuple):
    """A line of the legend, which hides the traces of its group.

    :ivar look: ``line`` or ``point``.
    :ivar view: the number of its view, -1 for all views.
    """

    group: str
    label: str
    color: int
    dash: int
    look: str
    note: str
    view: int = -1

    @property
    def short(self) -> str:
        """The label without its middle, if it is very long."""
        return shortened(self.label, 90)

    @property
    def dashes(self) -> str:
        """The dash of a swatch, for SVG."""
        return " ".join(f"{length * _SWATCH:g}" for length in DASHES[self.dash])


class Data(NamedTuple):
    """The numbers of a figure as a table, for those who cannot see it and for CSV."""

    headers: list[str]
    rows: list[list[Any]]


class Figure(NamedTuple):
    """A figure of the page.

    :ivar anchor: its id, unique in the page; also the name of files made from it.
    :ivar description: what it shows, for those who cannot see it.
    :ivar least_width: in pixels, below which it scrolls.
    :ivar bands: whether the page shows bands at first; None for a figure without bands.
    """

    anchor: str
    title: str
    description: str
    views: list[View]
    data: Data
    legend: list[Entry]
    notes: list[str]
    height: int
    least_width: int
    bands: bool | None

    def record(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {
            "name": self.anchor,
            "title": label(self.title),
            "views": [view._asdict() for view in self.views],
            **self.data._asdict(),
            "height": self.height,
        }


def page_figures(results: pd.DataFrame, history: pd.DataFrame) -> dict[str, list[Figure]]:
    """The figures of each kind, about every primary metric of a run."""
    axes = [name for name in COMPARED if results[name].nunique() > 1] or ["loss"]

    def each(*makers: Callable[[str], list[Panel]]) -> list[Panel]:
        """The panels of every primary metric; a metric that no trial has gives none."""
        found: list[Panel] = []
        for metric in primaries(results):
            with contextlib.suppress(UsageError):
                found += [panel for make in makers for panel in make(metric)]
        return found

    panels = {
        "heat-map": each(partial(heatmaps, results)),
        "curves": each(*(partial(curves, results, history, over) for over in AMOUNTS)),
        "pareto": each(partial(pareto, results)),
        "profile": each(*(partial(score_profiles, results, axis) for axis in axes)),
        "time": each(*(partial(time_profiles, results, history, axis) for axis in axes)),
        "stability": stability(results),
    }
    found: dict[str, list[Figure]] = {}
    for kind, every in panels.items():  # a figure for each title and metric, with panels as views
        grouped: dict[tuple[str, str], list[Panel]] = {}
        for panel in every:
            grouped.setdefault((panel.title, panel.metric), []).append(panel)
        found[kind] = [_figure(f"{kind}-{n}", views) for n, views in enumerate(grouped.values(), 1)]
    return found


def _figure(anchor: str, panels: Sequence[Panel]) -> Figure:
    first = panels[0]
    labels = dict.fromkeys(mark.label for panel in panels for mark in panel.series)
    groups = {name: f"g{number}" for number, name in enumerate(labels)}
    height, least_width = first.height, 0
    if first.fields:
        height, least_width = field_size(first)
    elif first.y.names:
        height = 110 + 26 * len(first.y.names)
    names = [panel.view for panel in panels]
    several = f" Views: {', '.join(names)}." if len(panels) > 1 else ""
    return Figure(
        anchor=anchor,
        title=plain(first.title),
        description=plain(first.description) + several,
        views=[make_view(panel, groups) for panel in panels],
        data=_data(panels),
        legend=_legend(panels, groups),
        notes=[
            *map(plain, captions(panels, names, "page")),
            *filter(None, map(key, first.fields)),
        ],
        height=height,
        least_width=least_width,
        bands=_shows_bands(panels),
    )


def _shows_bands(panels: Sequence[Panel]) -> bool | None:
    """Whether bands are shown at first; None for panels without bands."""
    if not any(line.banded.any() for panel in panels for line in panel.lines):
        return None
    return all(len(panel.lines) <= panel.most_bands for panel in panels)


def _legend(panels: Sequence[Panel], groups: dict[str, str]) -> list[Entry]:
    """An entry for each series: one for all views that have it alike."""
    views: dict[Entry, list[int]] = {}
    for view, panel in enumerate(panels):
        for mark in panel.series:
            look = "line" if isinstance(mark, Line) else "point"
            entry = Entry(groups[mark.label], plain(mark.label), *mark.style[:2], look, mark.note)
            views.setdefault(entry, []).append(view)
    return [
        entry._replace(view=view)
        for entry, own in views.items()
        for view in ([-1] if len(own) == len(panels) else own)
    ]


def _data(panels: Sequence[Panel]) -> Data:
    """The records of all panels in one table; panels add to each other's records."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for panel in panels:
        for place, record in panel.records.items():
            before = merged.get(place, {})
            known = {name: value for name, value in before.items() if value is not None}
            merged[place] = before | record | known
    headers = list(dict.fromkeys(name for record in merged.values() for name in record))
    rows = [[_value(record.get(name)) for name in headers] for record in merged.values()]
    return Data(headers, rows)


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    return None if isinstance(value, float) and math.isnan(value) else value
