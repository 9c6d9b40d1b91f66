"""Carry plugins that are single files to nodes, which may not have them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganbench.base.files import write_atomically
from ganbench.base.paths import cache_root
from ganbench.registry.imports import find_module, reached
from ganbench.registry.plugin_files import VARIABLE, PluginFile, plugin_files
from ganbench.registry.sources import beside

_FOLDER = "plugin-files"


def packed_plugins() -> list[dict[str, Any]]:
    """The files of this process's plugins, with the modules beside them that they import.

    Each has its ``path`` here, and ``files``: path from its folder -> text.
    """
    return [_packed(plugin) for plugin in plugin_files(os.environ)]


def adopt_plugins(packed: Sequence[Mapping[str, Any]]) -> None:
    """Have this process load the plugins: in their place where they are there, else from a copy."""
    paths = [_place(plugin) for plugin in packed]
    if paths:
        os.environ[VARIABLE] = os.pathsep.join(paths)


def _packed(plugin: PluginFile) -> dict[str, Any]:
    plugin.make_importable()
    root, home = find_module(plugin.name), plugin.path.parent
    files: dict[str, str] = {}
    for name in reached([root], beside(root, plugin.dist.name)) if root is not None else ():
        found = find_module(name)
        if found is not None and Path(found.path).is_file():
            inside = os.path.relpath(os.path.realpath(found.path), os.path.realpath(home))
            files[inside] = Path(found.path).read_text(encoding="utf-8")
    return {"path": str(plugin.path), "files": files}


def _place(packed: Mapping[str, Any]) -> str:
    path, files = Path(packed["path"]), packed["files"]
    if path.exists() and all(_holds(path.parent / inside, text) for inside, text in files.items()):
        return str(path)
    content = json.dumps(files, sort_keys=True).encode()
    folder = cache_root() / _FOLDER / hashlib.sha256(content).hexdigest()[:16]
    for inside, text in files.items():
        file = folder / inside
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, text)
    return str(folder / path.name)


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8", errors="replace") == text
