"""Shared code of the networks that were trained on color photographs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganbench import DataSpec, Features

#: Mean and standard deviation of ImageNet's channels, of values in [0, 1].
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def color_problem(name: str, data: DataSpec) -> str | None:
    """Why an extractor of gray or color images cannot process the data; None if it can."""
    if data.kind != "image":
        return f"{name} needs images, not {data}; use the extractor pixels"
    if data.channels not in (1, 3):
        return f"{name} needs 1 or 3 channels, not {data.channels}; use the extractor pixels"
    return None


def in_color(images: Tensor) -> Tensor:
    """(b, 1 or 3, h, w) to (b, 3, h, w): gray is the same in every channel."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def features_of(
    network: nn.Module, prepared: Callable[[Tensor], Tensor] = in_color
) -> Callable[[Tensor], Features]:
    """uint8 (b, 1 or 3, h, w) -> the network's output for ``prepared`` images, without gradients.

    :param network: gives features, or features and logits.
    """

    @torch.no_grad()
    def forward(images: Tensor) -> Features:
        found = network(prepared(images))
        return Features(*found) if isinstance(found, (tuple, list)) else Features(found)

    return forward
