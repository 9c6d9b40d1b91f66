"""Plugins in a test, without installing them."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ganbench.registry import Registry, lookup
from ganbench.registry.discovery import installed_entry_points


@contextlib.contextmanager
def installed(
    plugin: Any, distribution: str = "under-test", version: str = "1.0"
) -> Iterator[Registry]:
    """Make a plugin known as if its distribution were installed.

    ::

        with installed(my_module):
            gb.run({"grid": {"loss": ["my-loss"], …}}, out=tmp_path)

    Within one another, each adds a plugin to those of the outer ones. Trials then run in this process,
    since no other one knows the plugin.

    :param plugin: a module, or any object with ``@hookimpl`` functions.
    :returns: the registry, whose ``plugins`` tell what became of this one.
    """
    before = lookup._default
    name = str(getattr(plugin, "__name__", type(plugin).__name__))
    _added.append(_EntryPoint(name, name, _Distribution(distribution, version), plugin))
    try:
        lookup._default = Registry.load([*installed_entry_points(), *_added])
        lookup._default.in_process = True
        yield lookup._default
    finally:
        _added.pop()
        lookup._default = before


class _Distribution(NamedTuple):
    name: str
    version: str


@dataclass(frozen=True)
class _EntryPoint:
    """What the loader uses of an entry point."""

    name: str
    value: str
    dist: _Distribution
    plugin: Any
    pattern = importlib.metadata.EntryPoint.pattern

    def load(self) -> Any:
        return self.plugin


_added: list[_EntryPoint] = []
