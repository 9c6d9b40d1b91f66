"""CIFAR-10."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from ganbench import Dataset, DataSpec, ImageData, Level, option
from ganbench.base.vision import import_torchvision
from ganbench_datasets.downloads import diagnosis, obtain

_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


class Cifar10(Dataset):
    """Photographs of ten kinds of things, 32x32 color, 50,000 + 10,000 images."""

    paper = "Krizhevsky, 2009: Learning Multiple Layers of Features from Tiny Images"
    extractor: ClassVar[str] = "inception-v3-compat"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": True}

    size: int = option(32, "pixels a side; other than 32: bilinear with antialiasing", ge=8)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(3, self.size, self.size, classes=len(_CLASSES))

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        return diagnosis("CIFAR10", [root / "cifar-10-batches-py"])

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split; torchvision checks the files' md5 before it reads them."""
        import torch

        from ganbench_datasets.resizing import resized

        loader = import_torchvision().datasets.CIFAR10
        data = obtain(
            "CIFAR-10",
            lambda download: loader(str(root), train=split == "train", download=download),
            root,
            f"put cifar-10-python.tar.gz into {root.absolute()}",
        )
        images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
        labels = torch.tensor(data.targets, dtype=torch.int64)
        return ImageData(resized(images, self.size), labels, _CLASSES)
