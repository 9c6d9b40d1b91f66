"""Which cells may stand in one figure, what each is called there, and how it is drawn.

Numbers compare only where they were measured alike (`comparability.MEASURED`: data, features,
evaluation settings, protocol); each such combination is a *facet* and gets a chart of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganbench.components.column import Column
from ganbench.report.charts.cells import Cell, cells
from ganbench.report.charts.palette import COLORS, DASHES
from ganbench.results.columns import Columns, columns_of
from ganbench.results.comparability import (
    EVALUATION,
    FINGERPRINT,
    MEASURED,
    mapping,
    measurement_title,
    measuring,
)
from ganbench.results.formatting import plain, titled
from ganbench.results.schema import AXES
from ganbench.results.twins import alike

if TYPE_CHECKING:
    import pandas as pd

#: What a label is made of: the components but for the data set, and settings that differ.
PARTS = (*(axis for axis in AXES if axis != "dataset"), "settings")

Key = tuple[str, ...]
_SHORT = ("task", "budget", "batch_size", "precision_mode", "extractor", "protocol")


@dataclass(frozen=True)
class Style:
    """A position among the colours and one among the dashes.

    :ivar color_label: what the colour stands for, if it stands for one thing; likewise ``dash_label``.
    """

    color: int
    dash: int
    color_label: str = ""
    dash_label: str = ""


@dataclass(frozen=True)
class Member:
    """A cell in a facet.

    :ivar parts: its components, and what else tells it from others, by the names in `PARTS`.
    :ivar label: those parts in which the facet's cells differ; all where there is one cell.
    """

    cell: Cell
    parts: Mapping[str, str]
    label: str
    style: Style

    @property
    def key(self) -> dict[str, str]:
        """The parts that say something, and the data set."""
        said = {name: text for name, text in self.parts.items() if text}
        return {"dataset": plain(self.cell.key["dataset"]), **said}


@dataclass(frozen=True)
class Facet:
    """The cells of one data set, extractor, way of evaluation and protocol.

    :ivar title: the data set, with what else tells the facet from others of the data set.
    :ivar known: what is known of the columns of its cells' trials.
    :ivar common: components that all cells share, such as ``dcgan[width=32]``.
    :ivar color_by: what colours stand for, if for one thing: an axis, or several joined by ``×``.
    :ivar values: what each part takes in all facets together, in order.
    """

    dataset: str
    extractor: str
    protocol: str
    title: str
    known: Columns
    members: list[Member]
    common: str
    color_by: str | None
    dash_by: str | None
    values: Mapping[str, Sequence[str]]

    def called(self, column: Column) -> Column:
        """A metric, by the better known name of its numbers where they have one here.

        A Fréchet distance on the features of the standard network is called FID.
        """
        others = (c for c in alike(self.known, column.name) if c.shown)
        return next((c for c in others if self._same(column.name, c.name)), column)

    def titled(self, column: Column) -> str:
        """What the metric is called here, with its unit."""
        return titled(self.called(column))

    def _same(self, name: str, other: str) -> bool:
        """Whether two columns hold the same numbers of all trials, and hold any."""
        found = False
        for cell in (member.cell for member in self.members):
            if name not in cell.columns or other not in cell.columns:
                return False
            one, two = (cell.floats(n)[cell.ok] for n in (name, other))
            if not np.array_equal(one, two, equal_nan=True):
                return False
            found |= bool(np.isfinite(one).any())
        return found


def facets(results: pd.DataFrame) -> list[Facet]:
    """The facets of a results frame, in the order of its data sets."""
    known = columns_of(results)
    grouped: dict[Key, list[Cell]] = {}
    for cell in cells(_settled(results)):
        grouped.setdefault(_comparable(cell), []).append(cell)
    grouped = _with_unmeasured(grouped)
    parts = {key: _parts(members) for key, members in grouped.items()}
    every = [part for group in parts.values() for part in group]
    styles, color_by, dash_by = _styles(every)
    values = {name: _values(every, name) for name in PARTS}
    found = []
    for key, members in grouped.items():
        shown = varying(parts[key])
        members_ = [
            Member(cell, part, part_label(part, shown), styles[_identity(part)])
            for cell, part in zip(members, parts[key], strict=True)
        ]
        found.append(
            Facet(
                dataset=plain(key[0]),
                extractor=plain(key[MEASURED.index("extractor")]),
                protocol=plain(key[MEASURED.index("protocol")]),
                title=measurement_title(key, grouped),
                known=known,
                members=members_,
                common=_common(parts[key], shown),
                color_by=color_by,
                dash_by=dash_by,
                values=values,
            )
        )
    return found


def cell_names(members: Sequence[Cell]) -> list[str]:
    """A text for each of the cells of a data set: its components, and what tells it from its equals."""
    return [part_label(part, PARTS) for part in _parts(members)]


def varying(parts: Sequence[Mapping[str, str]]) -> list[str]:
    """The parts in which cells differ."""
    return [name for name in PARTS if len({part[name] for part in parts}) > 1]


def part_label(part: Mapping[str, str], shown: Sequence[str]) -> str:
    """Some parts of a cell as one text, ``dcgan × hinge``; all parts where none is named."""
    names = shown or PARTS
    words = [part[name] for name in names if part[name] not in ("", "none")]
    if words:
        return " × ".join(words)
    return ", ".join(f"no {name}" for name in names if part[name] == "none") or "all"


def _settled(results: pd.DataFrame) -> pd.DataFrame:
    """With how trials were to be measured also for those that ended before it was recorded."""
    known = {}
    for name in (name for name in MEASURED if name != "dataset" and name in results.columns):
        filled = results[name]
        for keys in (["cell"], ["dataset"]):
            if all(key in results.columns for key in keys):
                groups = results.groupby(keys, sort=False, dropna=True)[name]
                agreed = groups.transform("first").where(groups.transform("nunique") == 1)
                filled = filled.fillna(agreed)
        known[name] = filled
    return results.assign(**known)


def _comparable(cell: Cell) -> Key:
    found = {name: _first(cell, name) for name in MEASURED}
    return tuple((found | {EVALUATION: measuring(found[EVALUATION])}).values())


def _first(cell: Cell, name: str) -> str:
    if name in cell.key:
        return cell.key[name]
    return next(filter(None, cell.texts(name)), "") if name in cell.columns else ""


def _with_unmeasured(grouped: dict[Key, list[Cell]]) -> dict[Key, list[Cell]]:
    """Cells that were never measured, as skipped ones are, join the only facet of their data set."""
    kept = dict(grouped)
    for key in grouped:
        others = [other for other in kept if other != key and other[0] == key[0]]
        fitting = [
            other
            for other in others
            if all(part in ("", there) for part, there in zip(key, other, strict=True))
        ]
        if "" in key and len(fitting) == 1:
            kept[fitting[0]] = [*kept[fitting[0]], *kept.pop(key)]
    order = {id(cell): place for place, cell in enumerate(c for g in grouped.values() for c in g)}
    return {key: sorted(group, key=lambda cell: order[id(cell)]) for key, group in kept.items()}


def _parts(members: Sequence[Cell]) -> list[dict[str, str]]:
    parts = [
        {axis: plain(cell.key[axis]) for axis in PARTS if axis != "settings"} for cell in members
    ]
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, part in enumerate(parts):
        alike.setdefault(tuple(part.values()), []).append(place)
    for places in alike.values():
        texts = _told_apart([members[place] for place in places])
        for place, text in zip(places, texts, strict=True):
            parts[place]["settings"] = text
    return parts


def _told_apart(members: Sequence[Cell]) -> list[str]:
    """What tells cells of the same components apart: budget, batch size, a learning rate."""
    if len(members) == 1:
        return [""]
    tries: list[Callable[[Cell], dict[str, str]]] = [
        lambda cell: {name: plain(cell.key[name]) for name in _SHORT if name in cell.key},
        lambda cell: _settings(cell, "settings"),
        lambda cell: _settings(cell, EVALUATION),
        lambda cell: {"data": plain(cell.key.get(FINGERPRINT, ""))[:12]},
        lambda cell: {"cell": plain(cell.key.get("cell", ""))[:6]},
        lambda cell: {"versions": plain(cell.key.get("providers", ""))},
    ]
    found = [""] * len(members)
    for values in tries:
        given = [values(cell) for cell in members]
        names = [
            name
            for name in dict.fromkeys(key for line in given for key in line)
            if len({line.get(name) for line in given}) > 1
        ]
        found = [
            ", ".join(filter(None, [text, *(f"{n}={line[n]}" for n in names if n in line)]))
            for text, line in zip(found, given, strict=True)
        ]
        if len(set(found)) == len(found):
            return found
    return [f"{text} #{place}".strip() for place, text in enumerate(found, start=1)]


def _settings(cell: Cell, name: str) -> dict[str, str]:
    return {plain(key): plain(value) for key, value in mapping(cell.key.get(name)).items()}


def _common(parts: Sequence[Mapping[str, str]], shown: Sequence[str]) -> str:
    first = parts[0]
    if not shown:
        return ""
    return " × ".join(
        first[name] for name in PARTS if name not in shown and first[name] not in ("", "none")
    )


def _identity(part: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(part[name] for name in PARTS)


def _styles(
    parts: Sequence[Mapping[str, str]],
) -> tuple[dict[tuple[str, ...], Style], str | None, str | None]:
    """A style for each combination, the same in every facet.

    Where they go far enough, colours stand for some axes, losses if possible, and dashes for the
    others; fewer axes are easier to tell apart by colour.
    """
    distinct = list({_identity(part): part for part in parts}.values())
    axes = varying(parts) if parts else []
    choices = [
        (chosen, [name for name in axes if name not in chosen])
        for count in range(1, len(axes) + 1)
        for chosen in itertools.combinations(sorted(axes, key=lambda name: name != "loss"), count)
    ]
    for chosen, rest in choices:
        colors = list(dict.fromkeys(part_label(part, chosen) for part in distinct))
        dashes = list(dict.fromkeys(part_label(part, rest) if rest else "" for part in distinct))
        if len(colors) <= COLORS and len(dashes) <= len(DASHES):
            styles = {}
            for part in distinct:
                color, dash = part_label(part, chosen), part_label(part, rest) if rest else ""
                place = colors.index(color), dashes.index(dash)
                styles[_identity(part)] = Style(*place, color, dash)
            return styles, " × ".join(chosen), " × ".join(rest) or None
    return (
        {
            _identity(part): Style(place % COLORS, place // COLORS % len(DASHES))
            for place, part in enumerate(distinct)
        },
        None,
        None,
    )


def _values(parts: Sequence[Mapping[str, str]], name: str) -> list[str]:
    return list(dict.fromkeys(part[name] for part in parts))
