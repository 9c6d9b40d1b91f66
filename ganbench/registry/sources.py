"""What a component's code is: a digest of the files that define it.

These are its module and what that imports of its own distribution, directly or not. They are found
by reading, so that nothing is imported. Other distributions have versions, and so has the core, whose
meaning is the protocol's number. What has no source, such as a compiled module, is unknown.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ganbench.registry.discovery import canonical, installed_entry_points

UNKNOWN = "unknown"
_CORE = __name__.partition(".")[0]
_LENGTH = 16
_SHARED_FOLDERS = ("site-packages", "dist-packages")

Owns = Callable[[str], bool]


def source_digest(cls: type[Any], distribution: str) -> str:
    """The digest of the files that define a class, or `UNKNOWN`.

    :param distribution: that provides the class; imports of others are not followed.
    """
    try:
        root = _find(cls.__module__)
        if root is None or _top(root.name) == _CORE:
            return UNKNOWN
        owns = _ownership(distribution, root)
        bases = (_find(base.__module__) for base in cls.__mro__)
        sources = _reached([root, *(module for module in bases if module is not None)], owns)
    except Exception:  # of somebody's import hooks or damaged metadata
        return UNKNOWN
    if sources.get(root.name) is None:
        return UNKNOWN
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        content = "" if source is None else hashlib.sha256(source).hexdigest()
        digest.update(f"{name} {content}\n".encode())
    return digest.hexdigest()[:_LENGTH]


def changed_sources(then: Any, now: Mapping[str, str]) -> list[str]:
    """The components whose code is known to differ, sorted.

    :param then: component -> digest as it was recorded, whatever was found there.
    """
    recorded = then if isinstance(then, Mapping) else {}
    return sorted(
        name
        for name, digest in now.items()
        if UNKNOWN not in (digest, recorded.get(name, UNKNOWN)) and recorded[name] != digest
    )


class _Module(NamedTuple):
    """A module as Python would find it; ``folders`` are those of a package."""

    name: str
    path: str
    folders: tuple[str, ...]
    loader: Any

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.folders else self.name.rpartition(".")[0]

    def source(self) -> bytes | None:
        """Its source; None where it cannot be read, as of a compiled module."""
        if os.path.isfile(self.path):
            return Path(self.path).read_bytes() if self.path.endswith(".py") else None
        try:
            text = self.loader.get_source(self.name)  # in an archive
        except (AttributeError, ImportError, OSError):
            return None
        return None if text is None else str(text).encode()


def _reached(roots: list[_Module], owns: Owns) -> dict[str, bytes | None]:
    """Module -> source of all that the roots import of what is owned, themselves included."""
    found: dict[str, bytes | None] = {}
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module.name in found or _top(module.name) == _CORE:
            continue
        if not module.path or not owns(module.path):  # built-in modules lie nowhere
            continue
        source = found[module.name] = module.source()
        if source is not None:
            waiting += _imported(source, module.package)
    return found


def _imported(source: bytes, package: str) -> Iterator[_Module]:
    """The modules that a module's import statements name."""
    for base, names in _import_statements(source, package):
        # `from package import name`: the name is a module there, or else something in the package.
        inner = [_find(f"{base}.{name}") for name in names] or [None]
        yield from (one for one in inner if one is not None)
        if None in inner and (one := _find(base)) is not None:
            yield one


@functools.lru_cache(maxsize=4096)
def _import_statements(source: bytes, package: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(module, names that are taken from it) of every import, wherever it stands."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base is not None:
                names = tuple(alias.name for alias in node.names if alias.name != "*")
                found.append((base, names))
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


def _absolute(node: ast.ImportFrom, package: str) -> str | None:
    if not node.level:
        return node.module
    parts = package.split(".")
    if not package or node.level > len(parts):
        return None
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _find(name: str) -> _Module | None:
    """A module as Python would find it, without importing it or what it lies in."""
    loaded = sys.modules.get(name)
    spec = getattr(loaded, "__spec__", None)
    if spec is None and loaded is None:
        spec = _spec(name)
    if spec is None:
        return None
    folders = tuple(spec.submodule_search_locations or ())
    path = spec.origin if spec.has_location else None
    return _Module(name, path or next(iter(folders), ""), folders, spec.loader)


def _spec(name: str) -> Any:
    parent, _, last = name.rpartition(".")
    places: list[str] | None = None
    if parent:
        outer = _find(parent)
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
    """The spec, with the folders of a namespace package that lies in a package nobody imported."""
    if spec.loader is None or spec.origin is None:
        try:
            list(spec.submodule_search_locations or ())
        except KeyError:
            spec.submodule_search_locations = [path for path in inner if os.path.isdir(path)]
    return spec


def _ownership(distribution: str, root: _Module) -> Owns:
    """Which paths belong to the distribution that provides the module ``root``."""
    try:
        dist = importlib.metadata.distribution(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return _beside(root, distribution)
    files = {os.path.realpath(str(dist.locate_file(file))) for file in dist.files or ()}
    if os.path.realpath(root.path) in files:
        return lambda path: os.path.realpath(path) in files
    project = _project(dist)
    if project is not None and _within(root.path, project):
        return lambda path: _within(path, project)
    return _beside(root, distribution)


def _project(dist: importlib.metadata.Distribution) -> str | None:
    """The folder of an editable installation."""
    try:
        url = json.loads(dist.read_text("direct_url.json") or "{}").get("url", "")
    except ValueError:
        return None
    parsed = urllib.parse.urlparse(url)
    return urllib.request.url2pathname(parsed.path) if parsed.scheme == "file" else None


def _beside(root: _Module, distribution: str) -> Owns:
    """Where nothing is recorded: what lies in the same place, but for what others announce.

    In a folder that many distributions share, it is the module's own package.
    """
    top = _top(root.name)
    outermost = _find(top)
    # A namespace package has several folders.
    folders = [f for f in (outermost.folders if outermost else ()) if _within(root.path, f)]
    home = folders[0] if folders else outermost.path if outermost else root.path
    place = os.path.dirname(home)
    if os.path.basename(place) in _SHARED_FOLDERS:
        return lambda path: _within(path, home)
    others = [
        os.path.join(place, announced) for announced in _announced_by_others(distribution) - {top}
    ]
    return lambda path: (
        _within(path, place)
        and not any(_within(path, other) or path == f"{other}.py" for other in others)
    )


def _announced_by_others(distribution: str) -> set[str]:
    return {
        _top(point.value.partition(":")[0])
        for point in installed_entry_points()
        if point.dist is not None and canonical(point.dist.name) != canonical(distribution)
    }


def _within(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, by its name or, where links lead elsewhere, in fact."""
    return any(_inside(real(path), real(folder)) for real in (os.path.abspath, os.path.realpath))


def _inside(path: str, folder: str) -> bool:
    if path != folder and not path.startswith(folder.rstrip(os.sep) + os.sep):
        return False
    inside = path[len(folder) :].split(os.sep)
    return not any(name in _SHARED_FOLDERS for name in inside)


def _top(name: str) -> str:
    return name.partition(".")[0]
