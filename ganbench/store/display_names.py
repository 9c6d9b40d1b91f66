"""Names that people give components: ``[names]`` of a grid file, used wherever people read results."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.registry.specs import Spec, parse_spec, split_combined
from ganbench.store.schema import AXES

if TYPE_CHECKING:
    import pandas as pd

#: The attribute of a frame whose components have names: name -> spec.
ATTRIBUTE = "display_names"


def read_names(grid_file: Path) -> dict[str, str]:
    """Spec -> name, from a run's grid file; empty without names."""
    try:
        found = tomllib.loads(grid_file.read_text(encoding="utf-8")).get("names", {})
    except (OSError, ValueError):
        return {}
    items = found.items() if isinstance(found, Mapping) else ()
    return {spec: plain(name) for spec, name in items if isinstance(name, str) and name.strip()}


def named(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """A results frame with names in place of specs; its attributes tell which spec has which name."""
    if not names:
        return frame
    known: dict[str, str] = {}
    changed = {}
    for axis in (axis for axis in AXES if axis in frame.columns):
        shown = {spec: display_name(spec, names) for spec in frame[axis].dropna().unique()}
        known |= {name: spec for spec, name in shown.items() if name != spec}
        changed[axis] = frame[axis].map(shown).astype(frame[axis].dtype)
    found = frame.assign(**changed)
    found.attrs = {**frame.attrs, ATTRIBUTE: known}
    return found


def display_name(spec: str, names: Mapping[str, str]) -> str:
    """The name of a spec; of combined components, each that has a name is named."""
    if not names:
        return spec
    parsed = {tuple(_parsed(key)): name for key, name in names.items()}
    whole = _parsed(spec)
    if (found := parsed.get(tuple(whole))) is not None:
        return found
    parts = zip(split_combined(spec), whole, strict=True)
    return "+".join(parsed.get((one,), text) for text, one in parts)


def check_names(names: Mapping[str, str], axes: Mapping[str, Sequence[str]]) -> None:
    """Raise UsageError for two components of one name, or a name that is another component's spec."""
    given: dict[str, str] = {}
    specs = {spec for on_axis in axes.values() for spec in on_axis}
    for spec, name in names.items():
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"[names] {spec!r}: expected a name, not {name!r}")
        parse_all(spec)
        if name in given:
            raise UsageError(f"[names] {given[name]} and {spec} have the same name, {name!r}")
        if name in specs and name != spec:
            raise UsageError(f"[names] {spec}: {name!r} is the spec of another component")
        given[name] = spec


def parse_all(spec: str) -> list[Spec]:
    """The specs that ``+`` may join; raises UsageError."""
    return [parse_spec(part) for part in split_combined(spec)]


def _parsed(spec: str) -> list[_Key]:
    try:
        return [_Key(one) for one in parse_all(spec)]
    except UsageError:
        return [_Key(Spec(spec))]


class _Key:
    """A spec as a key: equal specs are equal keys, however their numbers are written."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._spec == other._spec

    def __hash__(self) -> int:
        return hash((self._spec.name, self._spec.provider))
