"""Find modules and what they import by reading their files, without importing anything."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_CORE = __name__.partition(".")[0]


class FoundModule(NamedTuple):
    """A module as Python would find it; only a package has ``folders``."""

    name: str
    path: str
    folders: tuple[str, ...]
    loader: Any

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.folders else self.name.rpartition(".")[0]

    def source(self) -> bytes | None:
        """Its source; None if there is no readable one, as for a compiled module."""
        if os.path.isfile(self.path):
            return Path(self.path).read_bytes() if self.path.endswith(".py") else None
        try:
            text = self.loader.get_source(self.name)  # in an archive
        except (AttributeError, ImportError, OSError):
            return None
        return None if text is None else str(text).encode()


def reached(roots: list[FoundModule], owns: Callable[[str], bool]) -> dict[str, bytes | None]:
    """Module -> source, of the roots and all owned modules that they import.

    :param owns: whether a path counts; the core of ganbench never does.
    """
    found: dict[str, bytes | None] = {}
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module.name in found or top_of(module.name) == _CORE:
            continue
        if not module.path or not owns(module.path):  # built-in modules have no path
            continue
        source = found[module.name] = module.source()
        if source is not None:
            waiting += _imported(source, module.package)
    return found


def find_module(name: str) -> FoundModule | None:
    """A module as Python would find it, without importing it or its parents."""
    loaded = sys.modules.get(name)
    spec = getattr(loaded, "__spec__", None)
    if spec is None and loaded is None:
        spec = _spec(name)
    if spec is None:
        return None
    folders = tuple(spec.submodule_search_locations or ())
    path = spec.origin if spec.has_location else None
    return FoundModule(name, path or next(iter(folders), ""), folders, spec.loader)


def _spec(name: str) -> Any:
    parent, _, last = name.rpartition(".")
    places: list[str] | None = None
    if parent:
        outer = find_module(parent)
        if outer is None or not outer.folders:
            return None
        places = list(outer.folders)
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, places) if find is not None else None
        if spec is not None:
            return _with_folders(spec, [os.path.join(place, last) for place in places or ()])
    return None


def _with_folders(spec: Any, inner: list[str]) -> Any:
    """The spec, with the folders of a namespace package inside a package that is not imported."""
    if spec.loader is None or spec.origin is None:
        try:
            list(spec.submodule_search_locations or ())
        except KeyError:
            spec.submodule_search_locations = [path for path in inner if os.path.isdir(path)]
    return spec


def top_of(name: str) -> str:
    """The top-level package of a module."""
    return name.partition(".")[0]


def _imported(source: bytes, package: str) -> Iterator[FoundModule]:
    """The modules that a module's import statements name."""
    for base, names in _import_statements(source, package):
        # `from package import name`: the name is a module there, or else something in the package.
        inner = [find_module(f"{base}.{name}") for name in names] or [None]
        yield from (one for one in inner if one is not None)
        if None in inner and (one := find_module(base)) is not None:
            yield one


@functools.lru_cache(maxsize=4096)
def _import_statements(source: bytes, package: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(module, names taken from it) of every import statement, at any depth."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            with contextlib.suppress(ImportError):  # a relative import from beyond its package
                name = "." * node.level + (node.module or "")
                found.append((importlib.util.resolve_name(name, package), names))
    return tuple(found)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those for type checkers only."""
    yield node
    children: Iterator[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and isinstance(node.test, (ast.Name, ast.Attribute)):
        checked = getattr(node.test, "id", getattr(node.test, "attr", ""))
        children = iter(node.orelse) if checked == "TYPE_CHECKING" else children
    for child in children:
        yield from _executed(child)
