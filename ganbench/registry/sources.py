"""Digest the files that define a component, to notice when they are edited.

These are its module and the modules of its own distribution that it imports, directly or not. They are
found by reading, without an import. Other distributions have versions, and the protocol's number stands
for the core. A component without source, such as a compiled module, is unknown.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from ganbench.registry.discovery import canonical, installed_entry_points
from ganbench.registry.imports import FoundModule, find_module, reached, top_of

UNKNOWN = "unknown"
#: Part of the digests of what ganbench ships. Raise it when these files are rewritten and keep their
#: meaning: digests of two editions do not compare, so that earlier results stay.
_EDITION = 3
_CORE = __name__.partition(".")[0]
_LENGTH = 16
_SHARED_FOLDERS = ("site-packages", "dist-packages")


def source_digest(cls: type[Any], distribution: str) -> str:
    """The digest of the files that define a class, or `UNKNOWN`.

    :param distribution: that provides the class; imports of others are not followed.
    """
    try:
        root = find_module(cls.__module__)
        if root is None or top_of(root.name) == _CORE:
            return UNKNOWN
        owns = _ownership(distribution, root)
        bases = (find_module(base.__module__) for base in cls.__mro__)
        sources = reached([root, *(module for module in bases if module is not None)], owns)
    except Exception:  # import hooks or damaged metadata may raise anything
        return UNKNOWN
    if sources.get(root.name) is None:
        return UNKNOWN
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        content = "" if source is None else hashlib.sha256(source).hexdigest()
        digest.update(f"{name} {content}\n".encode())
    text = digest.hexdigest()[:_LENGTH]
    return f"{text}.{_EDITION}" if canonical(distribution) == _CORE else text


def changed_sources(then: Any, now: Mapping[str, str]) -> list[str]:
    """The components whose code is known to differ, sorted.

    :param then: component -> digest as recorded; may be damaged.
    """
    recorded = then if isinstance(then, Mapping) else {}
    return sorted(
        name
        for name, digest in now.items()
        if UNKNOWN not in (digest, recorded.get(name, UNKNOWN))
        and recorded[name] != digest
        and edition(recorded[name]) == edition(digest)
    )


def edition(digest: Any) -> str:
    """What stands behind the dot of a digest: digests of two editions do not compare."""
    return str(digest).partition(".")[2]


def _ownership(distribution: str, root: FoundModule) -> Callable[[str], bool]:
    """Which paths belong to the distribution that provides the module ``root``."""
    try:
        dist = importlib.metadata.distribution(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return beside(root, distribution)
    files = {os.path.realpath(str(dist.locate_file(file))) for file in dist.files or ()}
    if os.path.realpath(root.path) in files:
        return lambda path: os.path.realpath(path) in files
    project = _project(dist)
    if project is not None and _within(root.path, project):
        return lambda path: _within(path, project)
    return beside(root, distribution)


def _project(dist: importlib.metadata.Distribution) -> str | None:
    """The folder of an editable installation."""
    try:
        url = json.loads(dist.read_text("direct_url.json") or "{}").get("url", "")
    except ValueError:
        return None
    parsed = urllib.parse.urlparse(url)
    return urllib.request.url2pathname(parsed.path) if parsed.scheme == "file" else None


def beside(root: FoundModule, distribution: str) -> Callable[[str], bool]:
    """Paths beside the module, except those that other distributions announce.

    This is for distributions without a list of files. In a folder that many distributions share, only
    the module's own package counts.
    """
    top = top_of(root.name)
    outermost = find_module(top)
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
        top_of(point.value.partition(":")[0])
        for point in installed_entry_points()
        if point.dist is not None and canonical(point.dist.name) != canonical(distribution)
    }


def _within(path: str, folder: str) -> bool:
    """Whether a path lies in a folder, by its name or after following links."""
    return any(_inside(real(path), real(folder)) for real in (os.path.abspath, os.path.realpath))


def _inside(path: str, folder: str) -> bool:
    if path != folder and not path.startswith(folder.rstrip(os.sep) + os.sep):
        return False
    inside = path[len(folder) :].split(os.sep)
    return not any(name in _SHARED_FOLDERS for name in inside)
