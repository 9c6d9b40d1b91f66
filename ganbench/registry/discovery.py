"""Find the entry points that installed distributions announce."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
from collections.abc import Sequence
from typing import Any

#: The group in which distributions announce their plugins.
ENTRY_POINT_GROUP = "ganbench"


def canonical(distribution: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def installed_entry_points() -> Sequence[importlib.metadata.EntryPoint]:
    """The entry points of the group ``ganbench``."""
    try:
        return tuple(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP))
    except Exception:
        # One damaged distribution of any project makes the call above fail as a whole.
        return _one_by_one()


def _one_by_one() -> Sequence[importlib.metadata.EntryPoint]:
    found: list[importlib.metadata.EntryPoint] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        with contextlib.suppress(Exception):
            name = canonical(distribution.name)
            if name not in seen:  # the first on the path is the one that Python imports
                found += distribution.entry_points.select(group=ENTRY_POINT_GROUP)
                seen.add(name)
    return found


def read_value(entry_point: Any) -> Any:
    """The object that an entry point names; raises what its import raises."""
    if not entry_point.pattern.match(entry_point.value):
        raise ValueError(
            f"{entry_point.value!r} is not 'package.module' or 'package.module:object'"
        )
    return entry_point.load()
