"""Write a plugin distribution: a module, its tests, a benchmark, and files for packaging and CI."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from ganbench.base.errors import UsageError
from ganbench.base.files import storage_errors, write_atomically
from ganbench.base.version import __version__
from ganbench.scaffold.names import Names

#: Template -> the file that it makes.
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "tests.yml": ".github/workflows/tests.yml",
    "module.py": "{module}.py",
    "test_module.py": "tests/test_{module}.py",
    "bench_module.py": "benchmarks/bench_{module}.py",
}


def write_distribution(names: Names, folder: Path) -> list[Path]:
    """Write all files; their paths.

    :raises UsageError: if the folder has files already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not empty: give another folder with -o")
    written = []
    for template, place in _FILES.items():
        path = folder / place.format(module=names.module)
        with storage_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, render(template, names))
        written.append(path)
    return written


def render(template: str, names: Names) -> str:
    """One file of a distribution."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(names=names, version=__version__)


def _source(name: str) -> str:
    return (resources.files(__package__) / "templates" / f"{name}.jinja").read_text("utf-8")
