"""Which cells share a figure, and the name and the style of each cell there.

Numbers compare only where they were measured alike (`comparability.MEASURED`: data, features,
evaluation settings, protocol); each such combination is a *facet* and gets a panel of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.comparability import MEASURED, measurement_title, measuring
from ganbench.analysis.metrics import alike
from ganbench.components.column import Column
from ganbench.report.data.bands import suits_log
from ganbench.report.data.cells import Cell, cells
from ganbench.report.data.metrics import direction
from ganbench.report.data.parts import PARTS, Parts, part_label, parts_of, styles_of, varying
from ganbench.report.marks import Axis, Panel, Style
from ganbench.store.columns import Columns, columns_of, titled
from ganbench.store.schema import EVALUATION

Key = tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A cell in a facet.

    :ivar label: the parts in which the facet's cells differ; all parts of a single cell.
    """

    cell: Cell
    parts: Parts
    label: str
    style: Style


@dataclass(frozen=True)
class Facet:
    """The cells of one data set, extractor, way of evaluation and protocol.

    :ivar title: the data set, and the settings that tell the facet from others of the data set.
    :ivar known: descriptions of the columns of its cells' trials.
    :ivar common: components that all cells share, such as ``dcgan[width=32]``.
    :ivar color_by: what colors stand for, if for one thing; ``dash_by`` likewise.
    :ivar values: the values of each part in all facets together, in order.
    """

    title: str
    known: Columns
    members: list[Member]
    common: str
    color_by: str | None
    dash_by: str | None
    values: Mapping[str, Sequence[str]]

    def called(self, column: Column) -> Column:
        """The metric under the better known name of its numbers, if they have one here.

        A Fréchet distance on the features of the standard network is called FID.
        """
        others = (c for c in alike(self.known, column.name) if c.shown)
        return next((c for c in others if self._same(column.name, c.name)), column)

    def titled(self, column: Column) -> str:
        """The metric's name here, with its unit."""
        return titled(self.called(column))

    def axis(self, column: Column, values: np.ndarray, **own: Any) -> Axis:
        """An axis for values of a metric."""
        log = suits_log(column, values)
        known = {"title": self.titled(column), "better": direction(column), "log": log}
        return Axis(values=values, metric=column.name, **(known | own))

    def panel(self, column: Column, **own: Any) -> Panel:
        """A panel about a metric."""
        return Panel(title=self.title, metric=column.name, **own)

    @property
    def legend(self) -> dict[str, Any]:
        """The meaning of colors and dashes in a panel, and the components that all its cells share."""
        return {"color_by": self.color_by, "dash_by": self.dash_by, "common": self.common}

    def _same(self, name: str, other: str) -> bool:
        """Whether two columns hold the same numbers of all trials, and hold any."""
        pairs = [
            [member.cell.floats(column)[member.cell.ok] for column in (name, other)]
            for member in self.members
        ]
        equal = all(np.array_equal(one, two, equal_nan=True) for one, two in pairs)
        return equal and any(np.isfinite(one).any() for one, _ in pairs)


def facets(results: pd.DataFrame) -> list[Facet]:
    """The facets of a results frame, in the order of its data sets."""
    known = columns_of(results)
    grouped: dict[Key, list[Cell]] = {}
    for cell in cells(_settled(results)):
        grouped.setdefault(_comparable(cell), []).append(cell)
    grouped = _with_unmeasured(grouped)
    parts = {key: parts_of(group) for key, group in grouped.items()}
    every = [part for group in parts.values() for part in group]
    styles, color_by, dash_by = styles_of(every)
    values = {name: list(dict.fromkeys(part[name] for part in every)) for name in PARTS}
    titles, found = _titles(grouped), []
    for key, group in grouped.items():
        shown = varying(parts[key])
        members = [
            Member(cell, part, part_label(part, shown), styles[tuple(part.values())])
            for cell, part in zip(group, parts[key], strict=True)
        ]
        first = parts[key][0] if shown else {}
        common = [text for name, text in first.items() if name not in shown]
        found.append(
            Facet(
                title=titles[key],
                known=known,
                members=members,
                common=" × ".join(text for text in common if text not in ("", "none")),
                color_by=color_by,
                dash_by=dash_by,
                values=values,
            )
        )
    return found


def _titles(grouped: Mapping[Key, Sequence[Cell]]) -> dict[Key, str]:
    """A title for each facet; it names the budget where each facet has one of its own."""
    budgets = {
        key: {text for cell in group for text in cell.texts("budget")}
        for key, group in grouped.items()
    }
    if all(len(own) == 1 for own in budgets.values()):
        named = {key: (*key, *own) for key, own in budgets.items()}
        names = (*MEASURED, "budget")
        return {key: measurement_title(own, named.values(), names) for key, own in named.items()}
    return {key: measurement_title(key, grouped) for key in grouped}


def _settled(results: pd.DataFrame) -> pd.DataFrame:
    """The results with evaluation settings also for trials that ended before they were recorded."""
    known = {}
    for name in (name for name in MEASURED if name != "dataset" and name in results.columns):
        filled = results[name]
        for key in (key for key in ("cell", "dataset") if key in results.columns):
            groups = results.groupby(key, sort=False, dropna=True)[name]
            agreed = groups.transform("first").where(groups.transform("nunique") == 1)
            filled = filled.fillna(agreed)
        known[name] = filled
    return results.assign(**known)


def _comparable(cell: Cell) -> Key:
    """The texts that are equal for cells whose numbers compare."""
    found = {
        name: cell.key.get(name) or next(filter(None, cell.texts(name)), "") for name in MEASURED
    }
    return tuple((found | {EVALUATION: measuring(found[EVALUATION])}).values())


def _with_unmeasured(grouped: dict[Key, list[Cell]]) -> dict[Key, list[Cell]]:
    """Cells that were never measured, as skipped ones are, join the only facet of their data set."""
    kept = dict(grouped)
    for key in grouped:
        fitting = [
            other
            for other in kept
            if other != key
            and other[0] == key[0]
            and all(part in ("", there) for part, there in zip(key, other, strict=True))
        ]
        if "" in key and len(fitting) == 1:
            kept[fitting[0]] = [*kept[fitting[0]], *kept.pop(key)]
    order = {id(cell): place for place, cell in enumerate(c for g in grouped.values() for c in g)}
    return {key: sorted(group, key=lambda cell: order[id(cell)]) for key, group in kept.items()}
