"""The folders of data and of cached files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ganbench.base.errors import UsageError


def check_path(
    text: str | os.PathLike[str], name: str, instead: str = "write . for the current folder"
) -> None:
    """Refuse an empty path: Python reads it as the current folder, but it is often an unset variable.

    :param name: what the path is, for the message.
    :param instead: what to do, for the message.
    :raises UsageError: if the text is empty.
    """
    if not os.fspath(text).strip():
        raise UsageError(f"{name} is empty; {instead}")


def data_root(explicit: str | Path | None = None) -> Path:
    """The folder of the data sets: ``explicit``, else ``$GANBENCH_DATA``, else the user's cache.

    :raises UsageError: if ``explicit`` is empty; an empty variable counts as none.
    """
    if explicit is not None:
        check_path(explicit, "data_dir")
    return _first(explicit, os.environ.get("GANBENCH_DATA")) or _user_cache() / "data"


def existing_data_root(explicit: str | Path | None = None) -> Path:
    """As `data_root`.

    :raises UsageError: also if ``explicit`` is not a folder.
    """
    root = data_root(explicit)
    if explicit is not None and not root.is_dir():
        raise UsageError(f"--data-dir {explicit}: this folder does not exist")
    return root


def cache_root() -> Path:
    """The folder of weights and statistics: ``$GANBENCH_CACHE``, else the user's cache."""
    return _first(os.environ.get("GANBENCH_CACHE")) or _user_cache()


def cache_problem(cache: Path) -> str | None:
    """A warning if the cache cannot be written, else None.

    The cache only saves time: a run continues without it.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            return None
    except OSError as error:
        return (
            f"cannot write to the cache {cache} ({error.strerror or error}): every process and every "
            "run computes its content again; set GANBENCH_CACHE to another folder"
        )


def _user_cache() -> Path:
    base = _first(os.environ.get("XDG_CACHE_HOME"))
    # The XDG rules ignore relative paths.
    return (base if base and base.is_absolute() else Path.home() / ".cache") / "ganbench"


def _first(*places: str | Path | None) -> Path | None:
    return next((Path(place).expanduser() for place in places if place), None)
