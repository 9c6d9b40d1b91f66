"""The shape of data, and the samples that a data set loads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DataSpec:
    """The shape of one sample. An architecture builds its networks from it.

    :ivar channels: 1 for gray, 3 for color, 2 to 16 for others; for points, the number of coordinates.
    :ivar height: pixels; 1 for points.
    :ivar width: pixels; 1 for points.
    :ivar classes: number of classes; 0 without labels.
    :ivar kind: ``"image"`` (evaluated after rounding to 8 bits) or ``"points"`` (plain vectors).
    :ivar source_channels: channels of the images to translate from; 0 for data without sources.
    :ivar pairing: ``"paired"`` if every sample has its own source, ``"unpaired"`` if sources are a set
        of their own. Sources have the samples' height and width.
    :ivar alpha: whether the last of 2 or 4 channels is opacity, as in RGBA images.
    """

    channels: int
    height: int
    width: int
    classes: int = 0
    kind: Literal["image", "points"] = "image"
    source_channels: int = 0
    pairing: Literal["none", "paired", "unpaired"] = "none"
    alpha: bool = False

    def __post_init__(self) -> None:
        if self.alpha and self.channels not in (2, 4):
            raise ValueError(f"alpha needs 2 or 4 channels, not {self.channels}")
        if (self.source_channels > 0) != (self.pairing != "none"):
            raise ValueError(
                f"source_channels={self.source_channels} contradicts pairing={self.pairing!r}"
            )
        for name in ("channels", "height", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.classes < 0:
            raise ValueError(f"classes must not be negative, not {self.classes}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.channels, self.height, self.width)

    @property
    def source(self) -> DataSpec:
        """The shape of the images to translate from.

        :raises ValueError: for data without sources.
        """
        return DataSpec(self.source_channels, self.height, self.width)

    def __str__(self) -> str:
        if self.kind == "points":
            return f"points in {self.channels} dimensions"
        opacity = " with opacity" if self.alpha else ""
        color = _color(self.channels - self.alpha)
        text = f"{self.height}x{self.width} {color} images{opacity}"
        if self.pairing == "none":
            return text
        return f"{text} with {self.pairing} {_color(self.source_channels)} sources"


def _color(channels: int) -> str:
    return {1: "gray", 3: "color"}.get(channels, f"{channels}-channel")


@dataclass(frozen=True)
class Modes:
    """A mixture of equal isotropic Gaussians, in the coordinates of the samples.

    :ivar centers: (k, d) means.
    :ivar sigma: standard deviation of each, in every direction.
    """

    centers: torch.Tensor
    sigma: float


@dataclass(frozen=True)
class ImageData:
    """A split of a data set that fits in memory.

    :ivar images: (n, channels, height, width); uint8 for images, float32 in [-1, 1] for points.
    :ivar labels: (n,) int64, or None without classes.
    :ivar class_names: names in the order of the labels.
    :ivar notes: sentences about the loading for the user, such as skipped files.
    :ivar sources: (m, channels', height, width) uint8 images to translate from, or None.
    :ivar paired: whether ``sources[i]`` belongs to ``images[i]``.
    :ivar alpha: whether the last of the images' 2 or 4 channels is opacity.
    """

    images: torch.Tensor
    labels: torch.Tensor | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: torch.Tensor | None = None
    paired: bool = False
    alpha: bool = False

    def __post_init__(self) -> None:
        for name in ("images", "labels", "sources"):
            if type(getattr(self, name)).__module__.startswith("numpy"):
                raise ValueError(f"{name} must be a tensor: write torch.from_numpy({name})")
        if self.images.ndim != 4:
            gray = "; gray images have one channel: images[:, None]" * (self.images.ndim == 3)
            raise ValueError(f"images must be (n, c, h, w), not {tuple(self.images.shape)}{gray}")
        if str(self.images.dtype) not in ("torch.uint8", "torch.float32"):
            raise ValueError(f"images must be uint8 or float32, not {self.images.dtype}")
        if self.labels is not None and self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"{len(self.images)} images need as many labels, not {tuple(self.labels.shape)}"
            )
        if self.labels is not None and "float" in str(self.labels.dtype):
            raise ValueError(f"labels must be int64 class numbers, not {self.labels.dtype}")
        self._check_sources()

    def _check_sources(self) -> None:
        if self.sources is None:
            if self.paired:
                raise ValueError("paired data needs sources")
            return
        if str(self.sources.dtype) != "torch.uint8" or self.sources.ndim != 4:
            raise ValueError("sources must be uint8 (m, c, h, w)")
        if self.sources.shape[2:] != self.images.shape[2:]:
            raise ValueError(
                f"sources are {tuple(self.sources.shape[2:])} and images "
                f"{tuple(self.images.shape[2:])}: height and width must be equal"
            )
        if self.paired and len(self.sources) != len(self.images):
            raise ValueError(f"{len(self.images)} images need as many sources, if they are paired")

    def __len__(self) -> int:
        return int(self.images.shape[0])

    def to(self, device: torch.device) -> ImageData:
        """The same samples on another device."""
        moved = {
            name: tensor.to(device)
            for name in ("images", "labels", "sources")
            if (tensor := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    @property
    def targets(self) -> torch.Tensor | None:
        """The images that translations of the sources should equal; None without pairs."""
        return self.images if self.paired else None

    @property
    def spec(self) -> DataSpec:
        """The DataSpec of these samples."""
        _, channels, height, width = self.images.shape
        classes = 0
        if self.labels is not None:
            most = int(self.labels.max()) + 1 if len(self.labels) else 0
            classes = max(len(self.class_names), most)
        is_image = str(self.images.dtype) == "torch.uint8"
        kind: Literal["image", "points"] = "image" if is_image else "points"
        shape = DataSpec(channels, height, width, classes, kind, alpha=self.alpha)
        if self.sources is None:
            return shape
        pairing: Literal["paired", "unpaired"] = "paired" if self.paired else "unpaired"
        return replace(shape, source_channels=int(self.sources.shape[1]), pairing=pairing)
