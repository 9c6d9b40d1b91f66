"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from ganbench import Dataset, DataSpec, ImageData, Level, option
from ganbench.base.vision import import_torchvision
from ganbench_datasets.downloads import diagnosis, obtain


class Cifar10(Dataset):
    """Photographs of ten kinds of things, 32x32 color, 50,000 + 10,000 images."""

    paper = "Krizhevsky, 2009: Learning Multiple Layers of Features from Tiny Images"
    extractor: ClassVar[str] = "inception-v3-compat"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": True}
    title: ClassVar[str] = "CIFAR-10"
    source: ClassVar[str] = "CIFAR10"  #: torchvision's class
    place: ClassVar[str] = "cifar-10-batches-py"  #: the unpacked folder in the data folder
    archive: ClassVar[str] = "cifar-10-python.tar.gz"
    classes: ClassVar[int] = 10

    size: int = option(32, "pixels a side; other than 32: bilinear with antialiasing", ge=8)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(3, self.size, self.size, classes=self.classes)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        return diagnosis(self.title, [root / self.place])

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split; torchvision checks the files' md5 before it reads them."""
        import torch

        from ganbench_datasets.resizing import resized

        loader = getattr(import_torchvision().datasets, self.source)
        data = obtain(
            self.title,
            lambda download: loader(str(root), train=split == "train", download=download),
            root,
            f"put {self.archive} into {root.absolute()}",
        )
        images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
        labels = torch.tensor(data.targets, dtype=torch.int64)
        return ImageData(resized(images, self.size), labels, tuple(data.classes))


class Cifar100(Cifar10):
    """Photographs of 100 kinds of things, 32x32 color, 50,000 + 10,000 images (fine labels)."""

    title: ClassVar[str] = "CIFAR-100"
    source: ClassVar[str] = "CIFAR100"
    place: ClassVar[str] = "cifar-100-python"
    archive: ClassVar[str] = "cifar-100-python.tar.gz"
    classes: ClassVar[int] = 100
