"""Which component a person means by a text: a spec as a table shows it, or a name alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.registry.specs import Spec, parse_spec, split_combined
from ganbench.results.formatting import plain
from ganbench.results.schema import AXES

if TYPE_CHECKING:
    import pandas as pd

#: The axes whose components can be compared: data sets are what the others are measured on.
COMPARED = tuple(axis for axis in AXES if axis != "dataset")
NO_DATASETS = (
    "data sets cannot be compared, as a metric's numbers on two of them mean different things"
)


def check_axis(axis: str) -> str:
    """The axis; raises UsageError for one that does not exist, or whose numbers do not compare."""
    if axis == "dataset":
        raise UsageError(f"{NO_DATASETS}; choose one of {', '.join(COMPARED)}")
    if axis not in COMPARED:
        raise UnknownNameError(f"no kind of component {axis!r}{did_you_mean(axis, COMPARED)}")
    return axis


def settle(
    frames: Sequence[pd.DataFrame], texts: Sequence[str], axis: str | None
) -> tuple[str, list[str]]:
    """The axis that two texts speak of, and the spec that each means in its frame.

    :param axis: None to find it out.
    :raises UsageError: if a text means nothing, or several specs, or the texts two kinds of component.
    """
    axes = COMPARED if axis is None else (check_axis(axis),)
    candidates = [
        {name: _matches(text, specs_of(frame, name)) for name in axes}
        for frame, text in zip(frames, texts, strict=True)
    ]
    for frame, text, found in zip(frames, texts, candidates, strict=True):
        if not any(found.values()):
            raise _unknown(frame, text, axes)
    shared = [name for name in axes if all(found[name] for found in candidates)]
    if not shared:
        kinds = [next(name for name in axes if found[name]) for found in candidates]
        raise UsageError(
            f"{plain(texts[0])!r} is {_an(kinds[0])} and {plain(texts[1])!r} {_an(kinds[1])}: "
            "name two components of one kind"
        )
    if len(shared) > 1:
        raise UsageError(
            f"{' and '.join(repr(plain(text)) for text in dict.fromkeys(texts))} can be "
            f"{' or '.join(map(_an, shared))}: say which with --by"
        )
    chosen = shared[0]
    for text, found in zip(texts, candidates, strict=True):
        if len(found[chosen]) > 1:
            listed = ", ".join(plain(spec) for spec in found[chosen][:6])
            raise UsageError(f"{plain(text)!r} may be {listed}: write one of them in full")
    return chosen, [found[chosen][0] for found in candidates]


def specs_of(frame: pd.DataFrame, axis: str) -> list[str]:
    """The specs on an axis, in the frame's order."""
    return [str(spec) for spec in frame[axis].dropna().unique()]


def _matches(text: str, specs: Sequence[str]) -> list[str]:
    """The spec that the text is, or those that it may be by name."""
    if text in specs:
        return [text]
    asked = _parsed(text)
    if not asked:
        return []
    same = [spec for spec in specs if _parsed(spec) == asked]
    if same:
        return same
    if len(asked) > 1 or asked[0].options:
        return []
    found = []
    for spec in specs:
        parts = _parsed(spec)
        fits = len(parts) == 1 and parts[0].name == asked[0].name
        if fits and asked[0].provider in (None, parts[0].provider):
            found.append(spec)
    return found


def _parsed(text: str) -> list[Spec]:
    """The specs of a column's text, which may be joined by ``+``; none if it is no spec."""
    try:
        return [parse_spec(part) for part in split_combined(text)]
    except UsageError:
        return []


def _unknown(frame: pd.DataFrame, text: str, axes: Sequence[str]) -> UnknownNameError:
    known = {spec for axis in axes for spec in specs_of(frame, axis)}
    names = {spec.partition("[")[0] for spec in known}
    if len(axes) > 1 and _matches(text, specs_of(frame, "dataset")):
        return UnknownNameError(f"{plain(text)!r} is a data set; {NO_DATASETS}")
    kind = axes[0] if len(axes) == 1 else "component"
    hint = did_you_mean(plain(text), [plain(name) for name in known | names])
    return UnknownNameError(f"no {kind} {plain(text)!r} among these trials{hint}")


def _an(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
