"""Random mirroring and cropping of real images."""

from __future__ import annotations

import torch

from ganbench.training.replicas import ALONE, Replicas


class Variation:
    """Random mirroring and cropping of real images, equal for an image and its paired source.

    :param flip: the stream that decides about mirroring, or None for no mirroring.
    :param crop: the stream that places crops.
    :param jitter: pixels a side by which images are enlarged before they are cropped.
    :param replicas: each varies its part of a batch as one process would.
    """

    def __init__(
        self,
        flip: torch.Generator | None,
        crop: torch.Generator | None = None,
        jitter: int = 0,
        replicas: Replicas = ALONE,
    ) -> None:
        self._flip, self._crop, self._jitter = flip, crop, jitter
        self.replicas = replicas

    def apply(self, *stacks: torch.Tensor) -> list[torch.Tensor]:
        """Float (batch, c, h, w) images; image i of every stack is varied alike."""
        varied = list(stacks)
        count, _, height, width = stacks[0].shape
        device, whole = stacks[0].device, count * self.replicas.count
        if self._jitter:
            places = torch.randint(
                self._jitter + 1, (2, whole, 1), generator=self._crop, device=device
            )
            places = self.replicas.share(places, 1)
            size = (height + self._jitter, width + self._jitter)
            varied = [_cropped(_enlarged(stack, size), places, height, width) for stack in varied]
        if self._flip is not None:
            heads = torch.rand(whole, 1, 1, 1, generator=self._flip, device=device) < 0.5
            heads = self.replicas.share(heads)
            varied = [torch.where(heads, stack.flip(3), stack) for stack in varied]
        return varied


def _enlarged(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return torch.nn.functional.interpolate(images, size, mode="bilinear", align_corners=False)


def _cropped(images: torch.Tensor, places: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Image i from its place (top, left) on; ``places`` is (2, batch, 1)."""
    device = images.device
    rows = places[0] + torch.arange(height, device=device)
    columns = places[1] + torch.arange(width, device=device)
    which = torch.arange(len(images), device=device)[:, None, None, None]
    channels = torch.arange(images.shape[1], device=device)[None, :, None, None]
    return images[which, channels, rows[:, None, :, None], columns[:, None, None, :]]
