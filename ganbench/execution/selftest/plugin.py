"""The self-test's own components, which no installation announces.

`registry` adds the made-up data to the plugins of this process. `announce` announces that data and
the components that fail on purpose to processes that this one starts.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

from ganbench.execution.selftest import faults, noise
from ganbench.registry.discovery import ENTRY_POINT_GROUP, installed_entry_points
from ganbench.registry.lookup import Registry

_DISTRIBUTION = "ganbench-selftest"
_MODULES = {"selftest-data": noise.__name__, "selftest-faults": faults.__name__}
_ALLOWED = "GANBENCH_PLUGINS"


@functools.cache
def registry() -> Registry:
    """The installed plugins, and the made-up data."""
    own = EntryPoint("selftest-data", noise.__name__, ENTRY_POINT_GROUP)
    return Registry.load([*installed_entry_points(), own], allowing(os.environ))


def announce(folder: Path) -> Path:
    """Announce the components as a distribution in a folder, which is to be on PYTHONPATH."""
    info = folder / f"{_DISTRIBUTION.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {_DISTRIBUTION}\nVersion: 1\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    points = "".join(f"{name} = {module}\n" for name, module in _MODULES.items())
    text = f"[{ENTRY_POINT_GROUP}]\n{points}"
    (info / "entry_points.txt").write_text(text, encoding="utf-8")
    return folder


def allowing(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with these components allowed where only some plugins are."""
    allowed = environ.get(_ALLOWED)
    if allowed is None:
        return dict(environ)
    return {**environ, _ALLOWED: ",".join([allowed, *_MODULES])}
