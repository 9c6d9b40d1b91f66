"""Plugins in single files, which need no packaging: ``--plugin FILE``, ``GANBENCH_PLUGINS_PATH``.

The variable lists files and folders, and every process of a run inherits it. A file is imported as the
module of its name. Its folder comes last on the import path, for modules beside it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ganbench.base.errors import UsageError, one_line
from ganbench.base.paths import check_path
from ganbench.registry.fault_place import HookError

VARIABLE = "GANBENCH_PLUGINS_PATH"
#: What stands for the version of a file: its digest is recorded with each trial.
VERSION = "local"
_INIT = "__init__.py"
#: A file with it may have hooks.
HOOK = b"hookimpl"
_SPACES = re.compile(r"[^A-Za-z0-9._-]+")

_demanded: set[Path] = set()


@dataclass(frozen=True)
class PluginFile:
    """A file, or the folder of a package, in the place of an installed entry point."""

    path: Path
    pattern = re.compile("")

    @property
    def name(self) -> str:
        """The name of its module."""
        return self.path.stem if self.path.suffix == ".py" else self.path.name

    @property
    def value(self) -> str:
        """Where it is."""
        return str(self.path)

    @property
    def dist(self) -> SimpleNamespace:
        """The file itself stands for a distribution: its name, as it is or without odd characters."""
        name = _SPACES.sub("-", self.path.name).lstrip("._-")
        return SimpleNamespace(name=name or "file", version=VERSION)

    @property
    def digest(self) -> str:
        """The SHA-256 of the file; empty where it cannot be read."""
        file = self.path / _INIT if self.path.is_dir() else self.path
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""

    def make_importable(self) -> None:
        """Put its folder last on the import path."""
        folder = str(self.path.parent)
        if folder not in sys.path:
            sys.path.append(folder)
        importlib.invalidate_caches()

    def load(self) -> ModuleType:
        """Import it; raises what its import raises."""
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path} does not exist")
        if self.path.suffix != ".py" and not (self.path / _INIT).is_file():
            raise ImportError(f"{self.path} is not a Python file (.py)")
        if "." in self.name:
            wanted = self.name.replace(".", "_")
            raise ImportError(f"a module's name has no dot: rename {self.path.name} to {wanted}.py")
        self.make_importable()
        other = _place(self.name)
        if other is None or not _same(other, self.path):
            raise ImportError(
                f"Python has another module {self.name!r} ({other or 'built in'}): rename the file"
            )
        return importlib.import_module(self.name)


def plugin_files(environ: Mapping[str, str]) -> list[PluginFile]:
    """The plugins that ``GANBENCH_PLUGINS_PATH`` names, each once."""
    entries = [entry for entry in environ.get(VARIABLE, "").split(os.pathsep) if entry.strip()]
    paths = (path for entry in entries for path in _plugins_at(_absolute(entry)))
    return [PluginFile(path) for path in dict.fromkeys(paths)]


def demand(given: Sequence[str]) -> None:
    """Have this process and those that it starts load these files, and stop if one fails.

    :raises UsageError: for a path where no plugin is.
    """
    found: list[Path] = []
    for text in given:
        check_path(text, "--plugin", "name a Python file, or . for those of the current folder")
        path = _absolute(text)
        if os.pathsep in str(path):
            raise UsageError(f"--plugin {text}: its path contains {os.pathsep!r}; move the file")
        if not path.exists():
            raise UsageError(f"--plugin {text}: this file does not exist")
        here = list(_plugins_at(path))
        if path.is_dir() and not here:
            raise UsageError(f"--plugin {text}: no Python file in this folder has an @hookimpl")
        found += here
    before = [str(plugin.path) for plugin in plugin_files(os.environ)]
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*before, *map(str, found)]))
    _demanded.update(found)


def check_demanded(path: str, cause: BaseException | None) -> None:
    """Raise UsageError for a file that failed to load although it was asked for by name."""
    if cause is not None and Path(path) in _demanded:
        raise UsageError(f"--plugin {path}: {one_line(cause)}{_line(path, cause)}") from cause


def _plugins_at(path: Path) -> Iterator[Path]:
    """A file, a package, or the files with hooks in a folder."""
    if not path.is_dir() or (path / _INIT).is_file():
        yield path
        return
    for file in sorted(path.glob("*.py")):
        if HOOK in file.read_bytes():
            yield file


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(text.strip())))


def _place(name: str) -> Path | None:
    """Where Python has a module of this name, or would find it."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        file = spec.origin if spec is not None and spec.has_location else None
    return Path(file) if file else None


def _same(file: Path, plugin: Path) -> bool:
    return os.path.realpath(file) in map(os.path.realpath, (plugin, plugin / _INIT))


def _line(path: str, error: BaseException) -> str:
    """``, line 7``: the last line of the file that an error came through, or the hook at fault."""
    if isinstance(error, HookError) and error.place:
        return f", line {error.place.rpartition(':')[2]}"
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if os.path.realpath(f.filename) == os.path.realpath(path)]
    return f", line {lines[-1]}" if lines and not isinstance(error, SyntaxError) else ""
