"""The places of the user's own files."""

from __future__ import annotations

from pathlib import Path

from ganbench import DataNotFoundError


def check_path(path: str) -> None:
    """Refuse an empty path: Python reads it as the current folder, but it is often an unset variable.

    :raises ValueError: as for any wrong option.
    """
    if not path.strip():
        raise ValueError("path is empty; write path=. for the current folder")


def located(path: str, root: Path) -> Path:
    """A folder or archive: relative to the data folder, else to the current folder.

    :raises DataNotFoundError: if it does not exist.
    """
    wanted = Path(path).expanduser()
    candidates = [root.absolute() / wanted, wanted.absolute()]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    if not path.isprintable():
        raise DataNotFoundError(
            f"found no folder or archive {path!r}; it has unprintable characters: a backslash "
            "in double quotes begins an escape; write it twice, or quote with single quotes"
        )
    places = " or ".join(str(place) for place in dict.fromkeys(candidates))
    raise DataNotFoundError(f"found no folder or archive {places}; put your images there")
