"""Data of any shape without a download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

import torch

from ganbench.components.base import option
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.registry.hookspecs import hookimpl


class Noise(Dataset):
    """Uniform noise in every pixel, with labels."""

    extractor: ClassVar[str] = "pixels"

    size: int = option(32, "pixels a side", ge=1)
    channels: int = option(3, "channels", ge=1)
    classes: int = option(10, "classes", ge=1)
    images: int = option(4096, "images in a split", ge=1)
    sources: int = option(0, "channels of the images to translate from; 0: none", ge=0)
    paired: bool = option(False, "whether each image has its source")

    def spec(self, root: Path) -> DataSpec:
        pairing: Literal["none", "paired", "unpaired"] = "none"
        if self.sources:
            pairing = "paired" if self.paired else "unpaired"
        return DataSpec(
            self.channels,
            self.size,
            self.size,
            self.classes,
            source_channels=self.sources,
            pairing=pairing,
        )

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        random = torch.Generator().manual_seed(0 if split == "train" else 1)
        shape = (self.images, self.channels, self.size, self.size)
        images = torch.randint(256, shape, generator=random, dtype=torch.uint8)
        labels = torch.randint(self.classes, (self.images,), generator=random)
        sources = None
        if self.sources:
            shape = (self.images, self.sources, self.size, self.size)
            sources = torch.randint(256, shape, generator=random, dtype=torch.uint8)
        names = tuple(map(str, range(self.classes)))
        return ImageData(images, labels, names, sources=sources, paired=self.paired)


@hookimpl
def ganbench_datasets(register: Callable[..., None]) -> None:
    register("noise", Noise)
