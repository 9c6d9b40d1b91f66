"""Resolve user text to a component spec: a spec as tables show it, or a name alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.base.text import plain, with_article
from ganbench.registry.specs import Spec, parse_spec, split_combined
from ganbench.store.display_names import ATTRIBUTE
from ganbench.store.schema import AXES

#: The axes whose components can be compared; data sets are what the others are measured on.
COMPARED = tuple(axis for axis in AXES if axis != "dataset")
NO_DATASETS = (
    "data sets cannot be compared: a metric's numbers on two data sets mean different things"
)


def check_axis(axis: str) -> str:
    """The axis; raises UsageError for an unknown axis, or one whose numbers do not compare."""
    if axis == "dataset":
        raise UsageError(f"{NO_DATASETS}; choose one of {', '.join(COMPARED)}")
    if axis not in COMPARED:
        raise UnknownNameError(f"unknown --by {axis!r}{did_you_mean(axis, COMPARED)}")
    return axis


def resolve_components(
    frames: Sequence[pd.DataFrame], texts: Sequence[str], axis: str | None
) -> tuple[str, list[str]]:
    """The axis of two texts, and the spec that each text means in its frame.

    :param axis: None for the only axis that fits both texts.
    :raises UsageError: if a text fits no spec or several, or the texts fit different kinds.
    """
    axes = COMPARED if axis is None else (check_axis(axis),)
    candidates = [
        {name: _matches(text, specs_of(frame, name), frame) for name in axes}
        for frame, text in zip(frames, texts, strict=True)
    ]
    for frame, text, found in zip(frames, texts, candidates, strict=True):
        if not any(found.values()):
            raise _unknown(frame, text, axes)
    shared = [name for name in axes if all(found[name] for found in candidates)]
    if not shared:
        kinds = [next(name for name in axes if found[name]) for found in candidates]
        raise UsageError(
            f"{plain(texts[0])!r} is {with_article(kinds[0])} and {plain(texts[1])!r} is "
            f"{with_article(kinds[1])}: "
            "name two components of one kind"
        )
    if len(shared) > 1:
        raise UsageError(
            f"{' and '.join(repr(plain(text)) for text in dict.fromkeys(texts))} can be "
            f"{' or '.join(map(with_article, shared))}: say which with --by"
        )
    chosen = shared[0]
    for text, found in zip(texts, candidates, strict=True):
        if len(found[chosen]) > 1:
            listed = ", ".join(plain(spec) for spec in found[chosen][:6])
            raise UsageError(f"{plain(text)!r} fits {listed}: write one of them in full")
    return chosen, [found[chosen][0] for found in candidates]


def specs_of(frame: pd.DataFrame, axis: str) -> list[str]:
    """The specs on an axis, in the frame's order."""
    return [str(spec) for spec in frame[axis].dropna().unique()]


def _matches(text: str, shown: Sequence[str], frame: pd.DataFrame) -> list[str]:
    """The components that a text means, as the frame shows them: by name or by spec."""
    if text in shown:
        return [text]
    spec_of: Mapping[str, str] = frame.attrs.get(ATTRIBUTE, {})
    names = {spec_of.get(name, name): name for name in shown}
    return [names[spec] for spec in _matching_specs(text, list(names))]


def _matching_specs(text: str, specs: Sequence[str]) -> list[str]:
    """The spec that equals the text, or the specs that the text names."""
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
    """The specs of a column's text, which ``+`` may join; empty if the text is not a spec."""
    try:
        return [parse_spec(part) for part in split_combined(text)]
    except UsageError:
        return []


def _unknown(frame: pd.DataFrame, text: str, axes: Sequence[str]) -> UnknownNameError:
    known = {spec for axis in axes for spec in specs_of(frame, axis)}
    names = {spec.partition("[")[0] for spec in known}
    if len(axes) > 1 and _matches(text, specs_of(frame, "dataset"), frame):
        return UnknownNameError(f"{plain(text)!r} is a data set; {NO_DATASETS}")
    kind = axes[0] if len(axes) == 1 else "component"
    hint = did_you_mean(plain(text), [plain(name) for name in known | names])
    return UnknownNameError(f"no {kind} {plain(text)!r} among these trials{hint}")
