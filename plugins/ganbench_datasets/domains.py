"""The base of data sets of images from two domains."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from ganbench import DataNotFoundError, Dataset, ImageData, UsageError, option
from ganbench_datasets.folder import Folder
from ganbench_datasets.places import check_path


class DomainFolders(Dataset):
    """Images of two domains in folders: the first domain gives sources, the second targets."""

    path: str = option(
        help="folder with the images; relative to the data folder, else to the current folder"
    )
    size: int = option(256, "pixels a side", ge=1)
    direction: Literal["AtoB", "BtoA"] = option("AtoB", "direction of the translation")

    def __post_init__(self) -> None:
        check_path(self.path)


def all_images(folder: Folder, root: Path) -> ImageData:
    """Every image of a folder (whose ``test_fraction`` is 0).

    :raises UsageError: if they do not fit in memory.
    """
    data = folder.load("train", root)
    if not isinstance(data, ImageData):
        raise UsageError(
            f"the images in {folder.path} do not fit in memory at {folder.size} pixels a side, but "
            "translation needs its data in memory: choose a smaller size"
        )
    return data


def joined_fingerprint(folders: Iterable[Folder], root: Path) -> str:
    """A hash of the names and sizes of all files; a missing folder counts as empty."""
    return hashlib.sha256("\n".join(_listing(f, root) for f in folders).encode()).hexdigest()[:16]


def _listing(folder: Folder, root: Path) -> str:
    try:
        return folder.fingerprint(root)
    except DataNotFoundError:
        return ""
