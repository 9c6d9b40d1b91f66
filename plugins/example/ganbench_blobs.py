"""A data set: four kinds of blobs, drawn on demand, identical every time."""

from collections.abc import Callable
from pathlib import Path

from ganbench import Dataset, DataSpec, ImageData, hookimpl, option

SIZE = 16
CLASSES = ("disc", "square", "ring", "cross")


class Blobs(Dataset):
    """Bright shapes on black, 16x16 gray: discs, squares, rings and crosses in equal numbers."""

    extractor = "small-cnn"  # what `extractor = "auto"` stands for on this data

    count: int = option(2000, "images in each split", ge=4)

    def load(self, split: str, root: Path) -> ImageData:
        import torch  # here, so that `ganbench list` need not wait for it

        random = torch.Generator().manual_seed(0 if split == "train" else 1)
        labels = torch.arange(self.count) % len(CLASSES)
        center = 6 + 3 * torch.rand(2, self.count, 1, 1, generator=random)
        radius = 3 + 2 * torch.rand(self.count, 1, 1, generator=random)
        brightness = 128 + 127 * torch.rand(self.count, 1, 1, generator=random)

        rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
        down, right = (rows - center[0]).abs(), (columns - center[1]).abs()
        distance = (down**2 + right**2).sqrt()
        shapes = torch.stack(
            [
                distance <= radius,
                torch.maximum(down, right) <= radius,
                (distance <= radius) & (distance > radius - 1.5),
                (torch.minimum(down, right) <= 1) & (torch.maximum(down, right) <= radius),
            ]
        )
        images = shapes[labels, torch.arange(self.count)] * brightness
        return ImageData(images.to(torch.uint8).unsqueeze(1), labels, CLASSES)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(channels=1, height=SIZE, width=SIZE, classes=len(CLASSES))


@hookimpl
def ganbench_datasets(register: Callable[..., None]) -> None:
    register("blobs", Blobs, summary="16x16 gray shapes in 4 classes, drawn on demand")
