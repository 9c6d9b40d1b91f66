"""Finding and loading the installed plugins."""

from __future__ import annotations

import importlib

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import median_seconds
from ganbench.registry import Registry
from ganbench.registry.discovery import installed_entry_points

pytestmark = pytest.mark.benchmark(group="registry")


def test_load(benchmark: BenchmarkFixture) -> None:
    """Each load searches the entry points again; only the first one imports the modules."""
    registry = benchmark.pedantic(
        Registry.load, setup=importlib.invalidate_caches, rounds=20, warmup_rounds=1
    )
    assert registry.components("loss")
    seconds = median_seconds(benchmark)
    if seconds is not None:
        plugins = len(registry.plugins)
        benchmark.extra_info |= {"plugins": plugins, "ms_per_plugin": 1000 * seconds / plugins}


def test_load_known_entry_points(benchmark: BenchmarkFixture) -> None:
    """Hooks, registrations and names alone."""
    points = installed_entry_points()
    registry = benchmark.pedantic(Registry.load, (points,), rounds=50, warmup_rounds=1)
    assert len(registry.plugins) == len(points)


def test_bind(benchmark: BenchmarkFixture) -> None:
    """One spec with options, from its text to the component."""
    registry = Registry.load()
    bound = benchmark(registry.bind, "architecture", "mlp[latent_dim=64,g_widths=[128,256]]")
    assert bound.component.latent_dim == 64
