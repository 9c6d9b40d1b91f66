"""The base of data sets of images from two domains."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from ganbench import DataNotFoundError, Dataset, DataSpec, ImageData, UsageError, option
from ganbench.base.channels import MOST_CHANNELS
from ganbench.base.fitting import FIT_HELP, Fit
from ganbench_datasets.folder import CHANNELS_HELP, WHITE_HELP, Folder
from ganbench_datasets.places import check_path


class DomainFolders(Dataset):
    """Images of two domains in folders: the first domain gives sources, the second targets."""

    path: str = option(
        help="folder with the images; relative to the data folder, else to the current folder"
    )
    size: int = option(256, "pixels a side", ge=1)
    height: int = option(0, "pixels of each column, for images that are not square; 0: size", ge=0)
    width: int = option(0, "pixels of each row; 0: size", ge=0)
    fit: Fit = option("crop", FIT_HELP)
    channels: int = option(3, CHANNELS_HELP, ge=1, le=MOST_CHANNELS)
    white: float | None = option(None, WHITE_HELP, gt=0)
    direction: Literal["AtoB", "BtoA"] = option("AtoB", "direction of the translation")

    def __post_init__(self) -> None:
        check_path(self.path)

    @property
    def reading(self) -> dict[str, Any]:
        """The options of `Folder` that say how images are read."""
        names = ("size", "height", "width", "fit", "channels", "white")
        return {"test_fraction": 0.0, **{name: getattr(self, name) for name in names}}


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


def translated(spec: DataSpec, pairing: Literal["paired", "unpaired"]) -> DataSpec:
    """The shape of data whose sources and targets are images of one shape."""
    return dataclasses.replace(spec, classes=0, source_channels=spec.channels, pairing=pairing)


def joined_fingerprint(folders: Iterable[Folder], root: Path) -> str:
    """A hash of the names and sizes of all files; a missing folder counts as empty."""
    return hashlib.sha256("\n".join(_listing(f, root) for f in folders).encode()).hexdigest()[:16]


def _listing(folder: Folder, root: Path) -> str:
    try:
        return folder.fingerprint(root)
    except DataNotFoundError:
        return ""
