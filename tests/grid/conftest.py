"""Small grids, and components that are there for a test only."""

from __future__ import annotations

import contextlib

import pytest

import ganbench as gb
from ganbench.grid.grid import Grid
from ganbench.grid.plan import Plan, expand
from ganbench.testing import installed


@pytest.fixture
def grid():
    """A small grid; keywords replace its axes and sections."""

    def make(**changes):
        axes = {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"]}
        sections = {"grid": axes, "budget": {"steps": 2}, "evaluation": {"extractor": "pixels"}}
        for name, value in changes.items():
            if name in ("training", "evaluation", "budget", "about"):
                sections[name] = value
            else:
                axes[name] = value
        return Grid.from_dict(sections)

    return make


@pytest.fixture
def plan(grid, tmp_path):
    """The expansion of a small grid."""

    def make(**changes) -> Plan:
        return expand(grid(**changes), tmp_path)

    return make


@pytest.fixture
def provided():
    """Make components known for the rest of a test: ``provided(architecture={"x": X})``."""
    with contextlib.ExitStack() as stack:

        def provide(distribution="under-test", version="1.0", **kinds):
            return stack.enter_context(installed(plugin_of(kinds), distribution, version))

        yield provide


def plugin_of(kinds):
    """A plugin that registers these classes: kind -> name -> class."""

    def hook(classes):
        def contribute(self, register):
            for name, cls in classes.items():
                register(name, cls)

        return contribute

    hooks = {}
    for kind, classes in kinds.items():
        name = gb.registry.kind_of(kind).hook
        hooks[name] = gb.hookimpl(hook(classes))
    return type("Plugin", (), hooks)()
