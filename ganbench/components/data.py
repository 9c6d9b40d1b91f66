"""What a model is told about its data, and how data sets hand data over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DataSpec:
    """The shape of one sample, from which an architecture builds its networks.

    :ivar channels: 1 for grey, 3 for colour; for points, the number of coordinates.
    :ivar height: pixels; 1 for points.
    :ivar width: pixels; 1 for points.
    :ivar classes: number of classes, 0 where there are no labels.
    :ivar kind: ``"image"`` (evaluated after rounding to 8 bits) or ``"points"`` (plain vectors).
    """

    channels: int
    height: int
    width: int
    classes: int = 0
    kind: Literal["image", "points"] = "image"

    def __post_init__(self) -> None:
        for name in ("channels", "height", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.classes < 0:
            raise ValueError(f"classes must not be negative, not {self.classes}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.channels, self.height, self.width)

    def __str__(self) -> str:
        if self.kind == "points":
            return f"points in {self.channels} dimensions"
        colour = {1: "grey", 3: "colour"}.get(self.channels, f"{self.channels}-channel")
        return f"{self.height}x{self.width} {colour} images"


@dataclass(frozen=True)
class ImageData:
    """A split of a data set that fits in memory.

    :ivar images: (n, channels, height, width); uint8 for images, float32 in [-1, 1] for points.
    :ivar labels: (n,) int64, or None where there are no classes.
    :ivar class_names: names in the order of the labels.
    :ivar notes: what a person should know about the loading, such as files that were skipped.
    """

    images: torch.Tensor
    labels: torch.Tensor | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            raise ValueError(f"images must be (n, c, h, w), not {tuple(self.images.shape)}")
        if str(self.images.dtype) not in ("torch.uint8", "torch.float32"):
            raise ValueError(f"images must be uint8 or float32, not {self.images.dtype}")
        if self.labels is not None and self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"{len(self.images)} images need as many labels, not {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def spec(self) -> DataSpec:
        """The DataSpec of these samples."""
        _, channels, height, width = self.images.shape
        classes = len(self.class_names)
        if self.labels is not None and len(self.labels):
            classes = max(classes, int(self.labels.max()) + 1)
        kind: Literal["image", "points"] = (
            "image" if str(self.images.dtype) == "torch.uint8" else "points"
        )
        return DataSpec(channels, height, width, classes if self.labels is not None else 0, kind)
