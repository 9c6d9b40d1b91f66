"""What the networks have in common that were trained on colour photographs."""

from __future__ import annotations

from torch import Tensor

from ganbench import DataSpec

#: Mean and standard deviation of ImageNet's channels, of values in [0, 1].
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def colour_problem(name: str, data: DataSpec) -> str | None:
    """Why an extractor that looks at grey or colour images cannot look at the data."""
    if data.kind != "image":
        return f"{name} looks at images, and these are {data}; use the extractor pixels"
    if data.channels not in (1, 3):
        return f"{name} looks at 1 or 3 channels, not {data.channels}; use the extractor pixels"
    return None


def in_colour(images: Tensor) -> Tensor:
    """(b, 1 or 3, h, w) to (b, 3, h, w): grey is the same in every channel."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
