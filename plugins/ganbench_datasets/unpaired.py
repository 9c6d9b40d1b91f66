"""Two sets of images without pairs, in the folders of CycleGAN's data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ganbench import Dataset, DataSpec, ImageData, option
from ganbench_datasets.domains import Direction, all_images, joined_fingerprint
from ganbench_datasets.folder import Folder
from ganbench_datasets.places import check_path


class UnpairedFolder(Dataset):
    """Images of two domains in the layout of CycleGAN: folders trainA, trainB, testA and testB.

    Images are found, cut and resized as by the data set ``folder``; classes do not count. Those of
    the first domain are the sources, those of the second the targets, which a model learns to make.
    """

    paper = "layout: Zhu et al. 2017, arXiv:1703.10593"

    path: str = option(
        help="folder that holds them; relative to the data folder, else to where you are"
    )
    size: int = option(256, "pixels a side", ge=1)
    direction: Direction = option("AtoB", "which domain is translated into which")

    def __post_init__(self) -> None:
        check_path(self.path)

    def spec(self, root: Path) -> DataSpec:
        """From the names of the files."""
        for folder in self._folders("train"):
            folder.spec(root)  # which says what is missing
        return DataSpec(3, self.size, self.size, source_channels=3, pairing="unpaired")

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split, each domain in the order of its names."""
        sources, targets = (all_images(folder, root) for folder in self._folders(split))
        return ImageData(
            targets.images, notes=(*sources.notes, *targets.notes), sources=sources.images
        )

    def fingerprint(self, root: Path) -> str:
        """A hash of all names and sizes of files."""
        return joined_fingerprint([*self._folders("train"), *self._folders("test")], root)

    def _folders(self, split: str) -> list[Folder]:
        """Those of the sources and of the targets."""
        return [
            Folder(path=f"{self.path}/{split}{domain}", size=self.size, test_fraction=0.0)
            for domain in self.direction.split("to")
        ]
