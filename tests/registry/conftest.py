"""Distributions made of files, as if they were installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import sys
import textwrap

import pytest

from ganbench.registry import Registry

LOSS = """
from ganbench import Loss, hookimpl

class Example(Loss):
    '''An example.

    Its second line.
    '''
    width: int = 3

    def discriminator(self, real, fake):
        return (fake - real).mean()

    def generator(self, real, fake):
        return -fake.mean()
"""


class Site:
    """A folder of distributions that each hold one module and announce it."""

    def __init__(self, folder):
        self.folder = folder
        self._modules = (f"site_module_{n}" for n in itertools.count())

    def add(self, distribution, source, *, name="plugin", value=None, version="1.0"):
        """Add a distribution with one plugin; ``{LOSS}`` in its source is a usable loss."""
        module = next(self._modules)
        text = textwrap.dedent(source).replace("{LOSS}", LOSS).replace("{MODULE}", module)
        (self.folder / f"{module}.py").write_text(text, encoding="utf-8")
        self.announce(distribution, name, value or module, version)
        return module

    def announce(self, distribution, name, value, version="1.0"):
        """Add an entry point to a distribution, which is made if need be."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        entry_points = info / "entry_points.txt"
        head = "" if entry_points.exists() else "[ganbench]\n"
        with entry_points.open("a", encoding="utf-8") as file:
            file.write(f"{head}{name} = {value}\n")

    def load(self, **environ):
        """A registry of these distributions and no others."""
        found = importlib.metadata.distributions(path=[str(self.folder)])
        points = [point for dist in found for point in dist.entry_points]
        return Registry.load(points, environ)


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    yield Site(folder)
    for name in [name for name in sys.modules if name.startswith("site_module_")]:
        del sys.modules[name]
