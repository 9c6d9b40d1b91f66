"""Pairs of images side by side, as pix2pix's data sets come."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from ganbench import DataSpec, ImageData, option
from ganbench_datasets.domains import DomainFolders, all_images, joined_fingerprint, translated
from ganbench_datasets.side_by_side import Halves, Side


class PairedFolder(DomainFolders):
    """Pairs of images in the layout of pix2pix: folders train, and test or val.

    Each file shows a pair side by side, A on the left and B on the right; the largest centered square
    of each half is resized with Lanczos. The images of the first domain are the sources, those of
    the second the targets, which a model learns to make. Files that cannot be read are skipped and
    named in the notes.
    """

    paper = "layout: Isola et al. 2017, arXiv:1611.07004"

    direction: Literal["AtoB", "BtoA"] = option(
        "AtoB", "direction of the translation; A is the left half"
    )

    def spec(self, root: Path) -> DataSpec:
        """From the names of the files."""
        return translated(self._halves("train", "left").spec(root), "paired")

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The pairs of a split, in the order of their names."""
        folder = "train" if split == "train" else self._test_folder(root)
        left, right = (all_images(self._halves(folder, side), root) for side in ("left", "right"))
        source, target = (left, right) if self.direction == "AtoB" else (right, left)
        return dataclasses.replace(
            target, labels=None, class_names=(), sources=source.images, paired=True
        )

    def fingerprint(self, root: Path) -> str:
        """A hash of all names and sizes of files."""
        folders = ("train", self._test_folder(root))
        return joined_fingerprint([self._halves(folder, "left") for folder in folders], root)

    def _test_folder(self, root: Path) -> str:
        """Some of the published data sets have only a validation folder beside the training one."""
        return "test" if self._halves("test", "left").exists(root) else "val"

    def _halves(self, folder: str, side: Side) -> Halves:
        return Halves(path=f"{self.path}/{folder}", side=side, **self.reading)
