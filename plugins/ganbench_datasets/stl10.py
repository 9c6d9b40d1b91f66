"""STL-10."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from ganbench import Dataset, DataSpec, ImageData, Level, option
from ganbench.base.vision import import_torchvision
from ganbench_datasets.downloads import diagnosis, obtain

_CLASSES = (
    *("airplane", "bird", "car", "cat", "deer"),
    *("dog", "horse", "monkey", "ship", "truck"),
)


class Stl10(Dataset):
    """Photographs of ten kinds of things, 96x96 color: 5,000 + 8,000 images, or 105,000 without classes.

    GANs are mostly trained on all 105,000 images of the training split, at 48 pixels a side (Miyato et
    al. 2018).
    """

    paper = "Coates, Lee and Ng, 2011: An Analysis of Single-Layer Networks"
    extractor: ClassVar[str] = "inception-v3-compat"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": True}

    size: int = option(48, "pixels a side; other than 96: bilinear with antialiasing", ge=8)
    unlabeled: bool = option(
        True, "train with the 100,000 unlabeled images as well, without classes"
    )

    def spec(self, root: Path) -> DataSpec:
        classes = 0 if self.unlabeled else len(_CLASSES)
        return DataSpec(3, self.size, self.size, classes=classes)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        return diagnosis("STL-10", [root / "stl10_binary"])

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split; torchvision checks the files' md5 before it reads them."""
        import torch

        from ganbench_datasets.resizing import resized

        loader = import_torchvision().datasets.STL10
        name = "train+unlabeled" if split == "train" and self.unlabeled else split
        data = obtain(
            "STL-10",
            lambda download: loader(str(root), split=name, download=download),
            root,
            f"put stl10_binary.tar.gz into {root.absolute()}",
        )
        images = resized(torch.from_numpy(data.data), self.size)
        if self.unlabeled:
            return ImageData(images)
        return ImageData(images, torch.as_tensor(data.labels, dtype=torch.int64), _CLASSES)
