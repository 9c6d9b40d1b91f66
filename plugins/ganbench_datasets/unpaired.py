"""Two sets of images without pairs, in the folders of CycleGAN's data sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from ganbench import DataSpec, ImageData
from ganbench_datasets.domains import DomainFolders, all_images, joined_fingerprint, translated
from ganbench_datasets.folder import Folder


class UnpairedFolder(DomainFolders):
    """Images of two domains in the layout of CycleGAN: folders trainA, trainB, testA and testB.

    Images are found, cropped and resized as in the data set ``folder``; classes are ignored. The first
    domain gives the sources, the second one the targets, which a model learns to make.
    """

    paper = "layout: Zhu et al. 2017, arXiv:1703.10593"

    def spec(self, root: Path) -> DataSpec:
        """From the names of the files."""
        _, targets = (folder.spec(root) for folder in self._folders("train"))
        return translated(targets, "unpaired")

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split, each domain in the order of its names."""
        sources, targets = (all_images(folder, root) for folder in self._folders(split))
        notes = (*sources.notes, *targets.notes)
        return dataclasses.replace(
            targets, labels=None, class_names=(), notes=notes, sources=sources.images
        )

    def fingerprint(self, root: Path) -> str:
        """A hash of all names and sizes of files."""
        return joined_fingerprint([*self._folders("train"), *self._folders("test")], root)

    def _folders(self, split: str) -> list[Folder]:
        """Those of the sources and of the targets."""
        return [
            Folder(path=f"{self.path}/{split}{domain}", **self.reading)
            for domain in self.direction.split("to")
        ]
