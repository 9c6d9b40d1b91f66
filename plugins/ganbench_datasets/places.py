"""Where a person's own files lie."""

from __future__ import annotations

from pathlib import Path

from ganbench import DataNotFoundError


def check_path(path: str) -> None:
    """Refuse an empty path: to Python the current folder, to a person an unset shell variable.

    :raises ValueError: as options that are wrong do.
    """
    if not path.strip():
        raise ValueError("path is empty; write path=. for the folder where you are")


def located(path: str, root: Path) -> Path:
    """A folder or archive: relative to the data folder, else to where the person is.

    :raises DataNotFoundError: if there is none.
    """
    wanted = Path(path).expanduser()
    candidates = [root.absolute() / wanted, wanted.absolute()]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    if not path.isprintable():
        raise DataNotFoundError(
            f"there is no folder or archive {path!r}, which holds unprintable characters: a backslash "
            "in double quotes begins an escape; write it twice, or quote with single quotes"
        )
    places = " or ".join(str(place) for place in dict.fromkeys(candidates))
    raise DataNotFoundError(f"there is no folder or archive {places}; put your images there")
