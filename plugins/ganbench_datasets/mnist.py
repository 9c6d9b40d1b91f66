"""MNIST and the data sets that come in its format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ganbench import Dataset, DataSpec, ImageData, Level, option
from ganbench.base.vision import import_torchvision
from ganbench_datasets.downloads import diagnosis, obtain

if TYPE_CHECKING:
    import torch

_SIDE = 28
_PADDED = 32
_FILES = "train-images-idx3-ubyte, train-labels-idx1-ubyte and the same two of t10k"


class Mnist(Dataset):
    """Handwritten digits, 28x28 gray, 60,000 + 10,000 images."""

    paper = "LeCun, Cortes and Burges, 1998"
    extractor: ClassVar[str] = "small-cnn"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": False}
    source: ClassVar[str] = "MNIST"  #: torchvision's class, and its folder in the data folder
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")

    size: int = option(
        28, "pixels a side; 32 adds a border of 2, others: bilinear with antialiasing", ge=8
    )

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(1, self.size, self.size, classes=len(self.class_names))

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        return diagnosis(self.source, [root / self.source / "raw" / "train-images-idx3-ubyte"])

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split."""
        loader = getattr(import_torchvision().datasets, self.source)
        place = root.absolute() / self.source / "raw"
        data = obtain(
            self.source,
            lambda download: loader(str(root), train=split == "train", download=download),
            root,
            f"put {_FILES} (unpacked) into {place}",
        )
        return ImageData(
            _sized(data.data.unsqueeze(1), self.size), data.targets.long(), self.class_names
        )


class FashionMnist(Mnist):
    """Photographs of clothes, 28x28 gray, 60,000 + 10,000 images."""

    paper = "Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747"
    source: ClassVar[str] = "FashionMNIST"
    class_names: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )


def _sized(images: torch.Tensor, size: int) -> torch.Tensor:
    """(n, 1, 28, 28) images at another size; 32 keeps every pixel and adds a black border."""
    from torch.nn import functional as F

    from ganbench_datasets.resizing import resized

    if size == _PADDED:
        return F.pad(images, [(_PADDED - _SIDE) // 2] * 4)
    return resized(images, size)
