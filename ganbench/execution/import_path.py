"""Where worker processes find modules."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from pathlib import Path

import ganbench

_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")


def import_path() -> list[str]:
    """This process's import path, for a worker to find the same modules.

    Python puts the working directory, or a script's folder, before everything else without being
    asked. A file there, such as ``types.py``, would replace a module that torch needs. So these
    folders come last; what PYTHONPATH names stays where it is.
    """
    entries, unasked = list(dict.fromkeys(map(os.path.abspath, sys.path))), _unasked()
    last = [entry for entry in entries if entry in unasked]
    first = [entry for entry in entries if entry not in last]
    home = os.path.dirname(os.path.dirname(os.path.abspath(ganbench.__file__)))
    if home in last:  # a checkout: workers must run this ganbench and not another one
        last.remove(home)
        first.insert(_behind_the_standard_library(first), home)
    return first + last


def _unasked() -> set[str]:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = {os.path.dirname(os.path.abspath(script))} if script else set()
    with contextlib.suppress(OSError):  # a working directory that was removed
        folders.add(os.getcwd())
    asked = {
        os.path.abspath(entry)
        for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if entry
    }
    installed = {os.path.abspath(sysconfig.get_path(name)) for name in _INSTALLED}
    return folders - asked - installed


def _behind_the_standard_library(entries: list[str]) -> int:
    library = Path(sysconfig.get_path("stdlib"))
    ours = [n for n, entry in enumerate(entries, 1) if Path(entry) == library
            or (Path(entry).parent == library and Path(entry).name == "lib-dynload")]  # fmt: skip
    return max(ours, default=0)
