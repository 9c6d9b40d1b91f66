"""What data sets of images from two domains have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from ganbench import DataNotFoundError, ImageData, UsageError
from ganbench_datasets.folder import Folder

Direction = Literal["AtoB", "BtoA"]


def all_images(folder: Folder, root: Path) -> ImageData:
    """Every image of a folder (whose ``test_fraction`` is 0).

    :raises UsageError: if they do not fit in memory.
    """
    data = folder.load("train", root)
    if not isinstance(data, ImageData):
        raise UsageError(
            f"the images in {folder.path} do not fit in memory at {folder.size} pixels a side, which "
            "data for translation must: choose a smaller size"
        )
    return data


def joined_fingerprint(folders: Iterable[Folder], root: Path) -> str:
    """A hash of the names and sizes of all files; a folder that is not there is one without files."""
    return hashlib.sha256("\n".join(_listing(f, root) for f in folders).encode()).hexdigest()[:16]


def _listing(folder: Folder, root: Path) -> str:
    try:
        return folder.fingerprint(root)
    except DataNotFoundError:
        return ""
