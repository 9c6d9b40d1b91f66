"""What ``ganbench selftest`` prints: the promises, what broke, and the speeds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.base.text import counted, duration, plain
from ganbench.present.terminal import draw
from ganbench.present.view import View, ViewColumn

#: Results in words; the first word decides the color.
_RESULTS = {"held": "held", "broken": "broken", "impossible": "not possible here"}
_PIVOTED = "training"
_MISSING = "–"


def lines(document: Mapping[str, Any], width: int) -> Iterator[str]:
    """The document as a person reads it.

    :param width: in characters.
    """
    yield from _wrapped(_machine(document), width)
    if document["promises"]:
        yield ""
        yield _promises(document["promises"], width)
    yield from _explained(document, width)
    yield from _speeds(document["speeds"], width)
    yield ""
    yield _summary(document)


def _machine(document: Mapping[str, Any]) -> str:
    machine = document["machine"]
    if not machine:
        return "no process of the self-test started"
    facts = [plain(machine["device_name"]), f"torch {machine['torch']}"]
    if machine["device"].startswith("cuda"):
        facts += [f"CUDA {machine['cuda']}", f"cuDNN {machine['cudnn']}"]
        facts.append(f"driver {machine['driver'] or 'unknown'}")
    return ", ".join([*facts, f"ganbench {document['ganbench']}"])


def _promises(promises: Sequence[Mapping[str, Any]], width: int) -> str:
    columns = [
        _text("promise", "promise", [one["title"] for one in promises]),
        _text("status", "result", [_RESULTS[one["result"]] for one in promises]),
        _number("cells", "cells", [_cells(one) for one in promises]),
        _number("seconds", "s", [f"{one['seconds']:.1f}" for one in promises]),
        _text("name", "name", [one["name"] for one in promises]),
    ]
    return _drawn(columns, width, ("cells", "name"))


def _cells(promise: Mapping[str, Any]) -> str:
    """In how many cells the promise holds."""
    return "" if promise["cells"] is None else str(promise["cells"])


def _explained(document: Mapping[str, Any], width: int) -> Iterator[str]:
    """What broke, what it means and what avoids it; then what could not be checked."""
    ended = [*document["promises"], *document["measurements"]]
    for one in ended:
        if one["result"] == "broken":
            yield ""
            yield from _wrapped(f"{one['name']} is broken.", width)
            for detail in one["details"]:
                yield from _wrapped(plain(detail), width, "- ")
            for text in filter(None, (one.get("meaning"), one.get("remedy"))):
                yield from _wrapped(text, width)
    others = [one for one in ended if one["result"] != "broken" and one["details"]]
    if others:
        yield ""
    for one in others:
        yield from _wrapped(f"{one['name']}: {'; '.join(map(plain, one['details']))}", width)


def _speeds(speeds: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    pivoted = [one for one in speeds if one["check"] == _PIVOTED]
    listed = [one for one in speeds if one["check"] != _PIVOTED]
    if pivoted:
        yield ""
        yield _pivot(pivoted, width)
    if listed:
        columns = [
            _text("of", "measured", [plain(one["of"]) for one in listed]),
            _text("measure", "what", [plain(one["measure"]) for one in listed]),
            _number("value", "value", [_value(one) for one in listed]),
            _text("unit", "unit", [one["unit"] for one in listed]),
            _text("note", "note", [plain(one["note"]) for one in listed]),
        ]
        yield ""
        yield _drawn(columns, width, ("note",))


def _pivot(speeds: Sequence[Mapping[str, Any]], width: int) -> str:
    """A line for what was measured, a column for each measure."""
    measures = list(dict.fromkeys(one["measure"] for one in speeds))
    subjects = list(dict.fromkeys(one["of"] for one in speeds))
    known = {(one["of"], one["measure"]): one for one in speeds}
    columns = [_text("of", "step of", list(map(plain, subjects)))]
    for measure in measures:
        found = [known.get((of, measure)) for of in subjects]
        units = {one["unit"] for one in found if one is not None}
        unit = f", {units.pop()}" if units <= {"images/s"} else ""
        cells = [_MISSING if one is None else _value(one) for one in found]
        columns.append(_number(measure, f"{measure}{unit}", cells))
    return _drawn(columns, width, list(reversed(measures)))


def _value(speed: Mapping[str, Any]) -> str:
    value, unit = speed["value"], speed["unit"]
    if not isinstance(value, (int, float)) or value != value:
        return _MISSING
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "times":
        return f"{value:.3f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _summary(document: Mapping[str, Any]) -> str:
    promises = document["promises"]
    held = sum(one["result"] == "held" for one in promises)
    text = (
        f"{held} of {counted(len(promises), 'promise')} held" if promises else "no promise checked"
    )
    skipped = sum(one["result"] == "impossible" for one in promises)
    if skipped:
        text += f", {skipped} not possible here"
    if document["broken"]:
        text += f"; broken: {', '.join(document['broken'])}"
    return f"{text}; {duration(document['seconds'])}"


def _drawn(columns: list[ViewColumn], width: int, expendable: Sequence[str]) -> str:
    frame = pd.DataFrame({column.name: column.cells for column in columns})
    return draw(View(frame, columns, [], [], expendable=expendable), width=width)


def _text(name: str, header: str, cells: list[str]) -> ViewColumn:
    return ViewColumn(name, header, False, cells, [False] * len(cells), header)


def _number(name: str, header: str, cells: list[str]) -> ViewColumn:
    return ViewColumn(name, header, True, cells, [False] * len(cells), header)


def _wrapped(text: str, width: int, bullet: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
