"""Shared code of the networks that were trained on color photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from ganbench import DataSpec, ExtractorContext, FeatureNetwork, Features
from ganbench.base.channels import in_view, view_rule
from ganbench_extractors.resizing import bicubic

#: Mean and standard deviation of ImageNet's channels, of values in [0, 1].
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
#: The same of the images that CLIP was trained with.
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def color_problem(name: str, data: DataSpec) -> str | None:
    """Why an extractor of color images cannot process the data; None if it can.

    It sees images of other channels as `seen_in_color` says.
    """
    if data.kind != "image":
        return f"{name} needs images, not {data}; use the extractor pixels"
    return None


def in_color(images: Tensor) -> Tensor:
    """(b, 1 or 3, h, w) to (b, 3, h, w): gray is the same in every channel."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


class Preparation:
    """Images resized as Pillow does it, and normalized.

    The constants lie on the device: no batch waits for a copy.

    :param statistics: mean and standard deviation of the channels, of values in [0, 1].
    :ivar side: pixels a side.
    """

    def __init__(
        self, side: int, statistics: tuple[tuple[float, ...], ...], device: torch.device
    ) -> None:
        mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in statistics)
        self.side, self._mean, self._deviation = side, mean.to(device), deviation.to(device)

    def __call__(self, images: Tensor) -> Tensor:
        values = bicubic(in_color(images), self.side) / 255
        return (values - self._mean) / self._deviation


def seen_in_color(network: FeatureNetwork, context: ExtractorContext) -> FeatureNetwork:
    """A network of color images for data of any channels, by the rule of `ganbench.base.channels`.

    What it leaves out is part of the network's identity, and it is not the network of the standard FID.
    """
    data = context.data
    rule = view_rule(data.channels, data.alpha)
    if not rule:
        return network
    context.log(f"{network.identity} sees {rule}")

    def adapted(plain: FeatureNetwork) -> FeatureNetwork:
        arranged = plain.faster
        return replace(
            plain,
            identity=f"{plain.identity}({rule})",
            forward=lambda images: plain.forward(in_view(images, data.alpha)),
            standard_fid=False,
            info={**plain.info, "sees": rule},
            faster=None if arranged is None else lambda: adapted(arranged()),
        )

    return adapted(network)


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
