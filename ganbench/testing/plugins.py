"""Plugins in a test, without installing them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ganbench.registry import Registry, lookup
from ganbench.registry.discovery import installed_entry_points
from ganbench.registry.plugin_files import plugin_files


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
    :returns: the registry; its ``plugins`` have the state of this one.
    """
    before = lookup._default
    name = str(getattr(plugin, "__name__", type(plugin).__name__))
    entry_point = SimpleNamespace(  # what the loader uses of one
        name=name,
        value=name,
        dist=SimpleNamespace(name=distribution, version=version),
        pattern=importlib.metadata.EntryPoint.pattern,
        load=lambda: plugin,
    )
    _added.append(entry_point)
    try:
        known = [*installed_entry_points(), *plugin_files(os.environ)]
        lookup._default = Registry.load([*known, *_added])
        lookup._default.in_process = True
        yield lookup._default
    finally:
        _added.pop()
        lookup._default = before


_added: list[Any] = []
