"""A person's own images."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganbench import DataNotFoundError, Dataset, DataSpec, ImageData, option
from ganbench_datasets.places import check_path, located

if TYPE_CHECKING:
    import torch

    from ganbench_datasets.image_files import ImageSource
    from ganbench_datasets.layout import Layout


class Folder(Dataset):
    """Images in a folder, or in a tar or zip archive, which is read without unpacking it.

    Every format that Pillow reads counts, at any depth; hidden files do not. The largest centred
    square of each image is resized with Lanczos. Sub-folders are classes, and folders named train
    and test are the splits; without them, a fixed share of the files is the test split, chosen by
    a hash of each file's name. Files that cannot be read, or whose values have no defined range,
    such as floating-point TIFF, are skipped and named in the notes.
    """

    path: str = option(help="folder or archive; relative to the data folder, else to where you are")
    size: int = option(64, "pixels a side", ge=1)
    channels: Literal[1, 3] = option(3, "1 for grey, 3 for colour")
    test_fraction: float = option(0.1, "share of the test split, if no folders say", ge=0, lt=1)

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
        from ganbench_datasets.decoded import decoded_images
        from ganbench_datasets.decoding import notes_on_broken
        from ganbench_datasets.samples import as_samples

        source, layout = self._find(root)
        members = layout.members(split)
        if not members:
            raise DataNotFoundError(
                f"none of the {len(layout.names)} images in {source.location} is in the {split} "
                f"split; add images or change test_fraction={self.test_fraction}"
            )
        names = [layout.names[member] for member in members]
        labels = None if layout.labels is None else [layout.labels[member] for member in members]
        purpose = f"{split} {self.test_fraction}"
        decoded = decoded_images(source, names, self.size, self.channels, purpose)
        notes = notes_on_broken(names, decoded.broken, source.location)
        return as_samples(decoded, labels, layout.class_names, notes)

    def fingerprint(self, root: Path) -> str:
        """A hash of all names and sizes of files; times change when a folder is copied."""
        source, _ = self._find(root)
        listing = [f"{name}:{stamp.partition(':')[0]}" for name, stamp in source.stamps.items()]
        return hashlib.sha256("\n".join(sorted(listing)).encode()).hexdigest()[:16]

    def _find(self, root: Path) -> tuple[ImageSource, Layout]:
        from ganbench_datasets.image_files import open_source
        from ganbench_datasets.layout import arrange

        source = open_source(self._place(root))
        if not source.stamps:
            raise DataNotFoundError(f"there are no images in {source.location}")
        return source, arrange(list(source.stamps), self.test_fraction)

    def _place(self, root: Path) -> Path:
        return located(self.path, root)
