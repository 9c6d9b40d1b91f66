"""The names of cells by their components and settings; colors and dashes, the same in every figure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from ganbench.base.text import plain
from ganbench.report.data.cells import Cell
from ganbench.report.marks import Style
from ganbench.report.palette import COLORS, DASHES
from ganbench.store.schema import AXES, EVALUATION, FINGERPRINT, mapping

#: What figures compare: the components without the data set.
COMPARED = tuple(axis for axis in AXES if axis != "dataset")
#: The parts of a label: these components, and settings that differ.
PARTS = (*COMPARED, "settings")
_SHORT = ("task", "budget", "batch_size", "precision_mode", "extractor", "protocol")

#: The text of each part, in the order of `PARTS`.
Parts = Mapping[str, str]


def parts_of(cells: Sequence[Cell]) -> list[Parts]:
    """The parts of the cells of one data set."""
    components = [tuple(plain(cell.key[axis]) for axis in COMPARED) for cell in cells]
    alike: dict[tuple[str, ...], list[Cell]] = {}
    for cell, texts in zip(cells, components, strict=True):
        alike.setdefault(texts, []).append(cell)
    budgets = len({cell.key.get("budget", "") for cell in cells}) > 1
    settings = {texts: iter(_told_apart(group, budgets)) for texts, group in alike.items()}
    return [dict(zip(PARTS, (*own, next(settings[own])), strict=True)) for own in components]


def cell_names(cells: Sequence[Cell]) -> list[str]:
    """A text for each cell: its components, and settings that tell it from its equals on its data."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.key["dataset"], []).append(cell)
    parts = {dataset: iter(parts_of(group)) for dataset, group in groups.items()}
    return [part_label(next(parts[cell.key["dataset"]]), PARTS) for cell in cells]


def varying(parts: Sequence[Parts]) -> list[str]:
    """The parts in which cells differ."""
    return [name for name in PARTS if len({part[name] for part in parts}) > 1]


def part_label(part: Parts, shown: Sequence[str]) -> str:
    """Some parts of a cell as one text, ``dcgan × hinge``; all parts if ``shown`` is empty."""
    names = shown or PARTS
    words = [part[name] for name in names if part[name] not in ("", "none")]
    if words:
        return " × ".join(words)
    return ", ".join(f"no {name}" for name in names if part[name] == "none") or "all"


def styles_of(
    parts: Sequence[Parts],
) -> tuple[dict[tuple[str, ...], Style], str | None, str | None]:
    """A style for each combination of parts, and what colors and what dashes stand for.

    Where they go far enough, colors stand for some axes, joined by ``×``, losses if possible, and
    dashes for the others; fewer axes are easier to tell apart by color.
    """
    distinct = {tuple(part.values()): part for part in parts}
    for colored, dashed in _choices(varying(parts)):
        words = [
            (part_label(part, colored), part_label(part, dashed) if dashed else "")
            for part in distinct.values()
        ]
        colors, dashes = (list(dict.fromkeys(column)) for column in zip(*words, strict=True))
        if len(colors) <= COLORS and len(dashes) <= len(DASHES):
            styles = [Style(colors.index(c), dashes.index(d), c, d) for c, d in words]
            found = dict(zip(distinct, styles, strict=True))
            return found, " × ".join(colored), " × ".join(dashed) or None
    return {key: numbered(place) for place, key in enumerate(distinct)}, None, None


def numbered(place: int, label: str = "") -> Style:
    """The style with a number: all colors, then all colors with the next dash."""
    return Style(place % COLORS, place // COLORS % len(DASHES), label)


def _choices(axes: list[str]) -> Iterator[tuple[Sequence[str], list[str]]]:
    """Splits of axes into those for colors and those for dashes, the best first."""
    losses_first = sorted(axes, key=lambda name: name != "loss")
    for count in range(1, len(axes) + 1):
        for colored in itertools.combinations(losses_first, count):
            yield colored, [name for name in axes if name not in colored]


def _told_apart(cells: Sequence[Cell], budgets: bool) -> list[str]:
    """The settings that tell cells of the same components apart: budget, batch size, learning rate.

    :param budgets: whether to name the budget in any case, since other cells have others.
    """
    named = [cell.key.get("budget", "") if budgets else "" for cell in cells]
    found = [f"budget={plain(text)}" if text else "" for text in named]
    for tried in zip(*map(_settings, cells), strict=True):
        if len(set(found)) == len(found):
            return found
        names = [
            name
            for name in dict.fromkeys(key for line in tried for key in line)
            if len({line.get(name) for line in tried}) > 1 and not (budgets and name == "budget")
        ]
        found = [
            ", ".join(filter(None, [text, *(f"{n}={line[n]}" for n in names if n in line)]))
            for text, line in zip(found, tried, strict=True)
        ]
    if len(set(found)) == len(found):
        return found
    return [f"{text} #{place}".strip() for place, text in enumerate(found, start=1)]


def _settings(cell: Cell) -> Iterator[dict[str, str]]:
    """The settings of a cell in groups: a later group counts if the ones before do not suffice."""
    yield {name: plain(cell.key[name]) for name in _SHORT if name in cell.key}
    for name in ("settings", EVALUATION):
        yield {plain(key): plain(value) for key, value in mapping(cell.key.get(name)).items()}
    for word, name, digits in (("data", FINGERPRINT, 12), ("cell", "cell", 6)):
        yield {word: plain(cell.key.get(name, ""))[:digits]}
    yield {"versions": plain(cell.key.get("providers", ""))}
