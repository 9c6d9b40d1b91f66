"""A person's own images."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganbench import DataNotFoundError, Dataset, DataSpec, ImageData, option
from ganbench.base.image_files import ImageFiles, open_images
from ganbench_datasets.decoded import decoded_images
from ganbench_datasets.decoding import notes_on_broken
from ganbench_datasets.layout import Layout, arrange
from ganbench_datasets.places import check_path, located

if TYPE_CHECKING:
    import numpy as np
    import torch


class Folder(Dataset):
    """Images in a folder, or in a tar or zip archive, which is read without unpacking it.

    It uses every format that Pillow reads, at any depth, but no hidden files. The largest centered
    square of each image is resized with Lanczos. Sub-folders are classes, and folders named train
    and test are the splits; without them, a fixed share of the files is the test split, chosen by
    a hash of each file's name. Files that cannot be read, or whose values have no defined range,
    such as floating-point TIFF, are skipped and named in the notes.
    """

    path: str = option(
        help="folder or archive; relative to the data folder, else to the current folder"
    )
    size: int = option(64, "pixels a side", ge=1)
    channels: Literal[1, 3] = option(3, "1 for gray, 3 for color")
    test_fraction: float = option(
        0.1, "share of the test split, if no folders name the splits", ge=0, lt=1
    )

    def __post_init__(self) -> None:
        check_path(self.path)

    def spec(self, root: Path) -> DataSpec:
        """From the names of the files."""
        _, layout = self._find(root)
        return DataSpec(self.channels, self.size, self.size, classes=len(layout.class_names))

    def load(
        self, split: Literal["train", "test"], root: Path
    ) -> ImageData | torch.utils.data.Dataset[Any]:
        """The images of a split, in the order of their names."""
        from ganbench_datasets.samples import as_samples

        files, layout = self._find(root)
        members = layout.members(split)
        if not members:
            raise DataNotFoundError(
                f"none of the {len(layout.names)} images in {files.location} is in the {split} "
                f"split; add images or change test_fraction={self.test_fraction}"
            )
        labels = None if layout.labels is None else [layout.labels[member] for member in members]
        purpose = f"{split} {self.test_fraction}{self._suffix}"
        parts = (files, members, self.size, self.channels, purpose)
        decoded = decoded_images(*parts, functools.partial(self._part, files))
        names = [layout.names[member] for member in members]
        notes = notes_on_broken(names, decoded.broken, f"{files.location}{self._suffix}")
        return as_samples(decoded, labels, layout.class_names, notes)

    def fingerprint(self, root: Path) -> str:
        """A hash of all names and sizes of files; times change when a folder is copied."""
        files, _ = self._find(root)
        sizes = (files.stamp(position).partition(":")[0] for position in range(len(files.names)))
        listing = [
            f"{name}:{size or 'missing'}" for name, size in zip(files.names, sizes, strict=True)
        ]
        return hashlib.sha256("\n".join(sorted(listing)).encode()).hexdigest()[:16]

    @property
    def _suffix(self) -> str:
        """A name for the used part of each image, if that is not the whole."""
        return ""

    def _part(self, files: ImageFiles, pixels: np.ndarray, name: str) -> np.ndarray:
        """The used part of an image (h, w, c)."""
        return pixels

    def _find(self, root: Path) -> tuple[ImageFiles, Layout]:
        files = open_images(self._place(root))
        return files, arrange(files.names, self.test_fraction)

    def _place(self, root: Path) -> Path:
        return located(self.path, root)
