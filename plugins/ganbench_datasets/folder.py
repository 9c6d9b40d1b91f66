"""A person's own images."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganbench import (
    DataNotFoundError,
    Dataset,
    DataSpec,
    ImageData,
    UsageError,
    option,
)
from ganbench.base.channels import MOST_CHANNELS
from ganbench.base.fitting import FIT_HELP, Fit
from ganbench.base.image_files import ImageFiles, is_archive, open_images, pillow_extensions
from ganbench_datasets.decoded import decoded_images
from ganbench_datasets.decoding import notes_on_broken
from ganbench_datasets.layout import Layout, arrange
from ganbench_datasets.places import check_path, located
from ganbench_datasets.stacks import (
    ARRAYS,
    TIFFS,
    is_stack,
    open_arrays,
    stack_problem,
)

if TYPE_CHECKING:
    import numpy as np
    import torch

CHANNELS_HELP = (
    "1 gray, 2 gray and opacity, 3 color, 4 color and opacity; of .npy, .npz and TIFF stacks any "
    "number"
)
WHITE_HELP = "value of white in .npy, .npz and TIFF stacks; none: the greatest of 8 or 16 bits"


class Folder(Dataset):
    """Images in a folder, or in a tar or zip archive, which is read without unpacking it.

    It uses every format that Pillow reads, at any depth, but no hidden files. Images are resized with
    Lanczos: by default the largest centered square of each, else as ``height``, ``width`` and ``fit``
    say. Sub-folders are classes, and folders named train
    and test are the splits; without them, a fixed share of the files is the test split, chosen by
    a hash of each file's name. Files that cannot be read, or whose values have no defined range,
    such as floating-point TIFF, are skipped and named in the notes.

    ``channels`` says what is read. Pictures give 1 (gray), 2 (gray and opacity), 3 (color) or 4 (color
    and opacity). Any number from 1 to 16 comes from .npy files, (h, w, c) or (c, h, w), from TIFF
    stacks (but for 1 and 3), or from one .npz file of (n, h, w, c) with optional labels. Such a file
    counts where a folder has no pictures. Values of 8 and 16 bits have the range of their type, others
    need ``white``.
    """

    path: str = option(
        help="folder or archive; relative to the data folder, else to the current folder"
    )
    size: int = option(64, "pixels a side", ge=1)
    height: int = option(0, "pixels of each column, for images that are not square; 0: size", ge=0)
    width: int = option(0, "pixels of each row; 0: size", ge=0)
    fit: Fit = option("crop", FIT_HELP)
    channels: int = option(3, CHANNELS_HELP, ge=1, le=MOST_CHANNELS)
    white: float | None = option(None, WHITE_HELP, gt=0)
    test_fraction: float = option(
        0.1, "share of the test split, if no folders name the splits", ge=0, lt=1
    )

    def __post_init__(self) -> None:
        check_path(self.path)

    def spec(self, root: Path) -> DataSpec:
        """From the names of the files, and the first of those that are stacks."""
        files, layout = self._find(root)
        if self._stacked(files):
            self._check_stacks(files)
        height, width = self._size
        classes = len(layout.class_names)
        return DataSpec(self.channels, height, width, classes, alpha=self._alpha(files))

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
        part = functools.partial(self._part, files)
        decoded = decoded_images(
            files, members, self._size, self.channels, purpose, part, self.fit, self.white
        )
        names = [layout.names[member] for member in members]
        notes = notes_on_broken(names, decoded.broken, f"{files.location}{self._suffix}")
        notes = (*layout.notes, *notes)
        return as_samples(decoded, labels, layout.class_names, notes, self._alpha(files))

    @classmethod
    def options_for(cls, path: Path, written: str) -> Mapping[str, Any] | None:
        """Any folder, archive or .npz file, which is a zip archive."""
        return {"path": written} if path.is_dir() or is_archive(path) else None

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
        place = self._place(root)
        try:
            files = open_arrays(place) if _is_npz(place) else open_images(place, *self._kinds)
        except DataNotFoundError as error:
            if self.channels <= 4:
                raise
            raise DataNotFoundError(
                f"{error}; images of {self.channels} channels come from .npy or TIFF files, or from one "
                ".npz file"
            ) from error
        return files, arrange(files.names, self.test_fraction)

    @property
    def _size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height or self.size, self.width or self.size

    @property
    def _kinds(self) -> tuple[frozenset[str], ...]:
        """The extensions to look for, in this order."""
        if self.channels in (1, 2, 3, 4):
            return pillow_extensions(), ARRAYS
        return (ARRAYS | TIFFS,)

    def _stacked(self, files: ImageFiles) -> bool:
        return is_stack(files.names[0], self.channels)

    def _alpha(self, files: ImageFiles) -> bool:
        """Whether the last channel is opacity: that of pictures is."""
        return self.channels in (2, 4) and not self._stacked(files)

    def _check_stacks(self, files: ImageFiles) -> None:
        """Raise UsageError if an option does not suit the first file."""
        first = next(iter(files.read([0]))).read()
        problem = stack_problem(first, files.names[0], self.channels, self.white)
        if problem:
            raise UsageError(f"{files.names[0]} in {files.location}: {problem}")

    def _place(self, root: Path) -> Path:
        return located(self.path, root)


def _is_npz(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".npz"
