"""What must be the same on all nodes for a trial to give the same result on each of them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from ganbench import __version__
from ganbench.registry.discovery import canonical, installed_entry_points

_ALL_NODES = "all nodes need the same"


def versions() -> dict[str, Any]:
    """The versions here, as JSON has them; nothing of it is imported."""
    return {
        "ganbench": __version__,
        # What follows the plus sign says how it was built, for CPUs or GPUs.
        "torch": importlib.metadata.version("torch").partition("+")[0],
        "plugins": dict(sorted(_plugins())),
    }


def mismatch(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """What differs, as one sentence; None if nothing does."""
    for name in ("ganbench", "torch"):
        if found[name] != wanted[name]:
            return f"it has {name} {found[name]}, and this run {wanted[name]}: {_ALL_NODES}"
    here, there = found["plugins"], wanted["plugins"]
    for plugin in sorted(here.keys() | there.keys()):
        if plugin not in here:
            return f"it has not the plugin {plugin} {there[plugin]}: {_ALL_NODES}"
        if plugin not in there:
            return f"it has the plugin {plugin} {here[plugin]}, and this run has not: {_ALL_NODES}"
        if here[plugin] != there[plugin]:
            what = f"{plugin} {here[plugin]}, and this run {there[plugin]}"
            return f"it has the plugin {what}: {_ALL_NODES}"
    return None


def _plugins() -> set[tuple[str, str]]:
    """Label and version of every plugin that is installed."""
    return {
        (f"{canonical(point.dist.name)}:{point.name}", point.dist.version)
        for point in installed_entry_points()
        if point.dist is not None
    }
