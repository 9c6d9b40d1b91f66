"""Where data and what is worth keeping live."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ganbench.errors import UsageError


def check_path(text: str | os.PathLike[str], name: str) -> None:
    """Refuse an empty path: to Python the current folder, to a person an unset shell variable.

    :param name: what the path is, for the message.
    :raises UsageError: if the text is empty.
    """
    if not os.fspath(text).strip():
        raise UsageError(f"{name} is empty; the current folder is .")


def data_root(explicit: str | Path | None = None) -> Path:
    """The folder of the data sets: ``explicit``, else ``$GANBENCH_DATA``, else the user's cache.

    :raises UsageError: if ``explicit`` is empty; an empty variable counts as none.
    """
    if explicit is not None:
        check_path(explicit, "data_dir")
    return _first(explicit, os.environ.get("GANBENCH_DATA")) or _user_cache() / "data"


def cache_root() -> Path:
    """The folder of weights and statistics: ``$GANBENCH_CACHE``, else the user's cache."""
    return _first(os.environ.get("GANBENCH_CACHE")) or _user_cache()


def cache_problem(cache: Path) -> str | None:
    """A sentence for the person whose cache cannot be written; None if it can.

    Nothing depends on the cache but time: whoever cannot write to it goes on without.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            return None
    except OSError as error:
        return (
            f"the cache {cache} cannot be written ({error.strerror or error}): what it would keep is "
            "worked out again by every process and every run; set GANBENCH_CACHE to another folder"
        )


def _user_cache() -> Path:
    base = _first(os.environ.get("XDG_CACHE_HOME"))
    # The XDG rules have relative paths ignored.
    return (base if base and base.is_absolute() else Path.home() / ".cache") / "ganbench"


def _first(*places: str | Path | None) -> Path | None:
    return next((Path(place).expanduser() for place in places if place), None)
