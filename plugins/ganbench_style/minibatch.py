"""Minibatch standard deviation: shows the discriminator how much its batch varies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-8  # keeps the slope of the square root finite where a group does not vary


class MinibatchDeviation(nn.Module):
    """(batch, c, h, w) to (batch, c + channels, h, w): extra maps show how much the samples differ.

    The batch is cut into groups. For each of them, channel and pixel the standard deviation over the
    group's samples is taken (divided by their number, not one less); its mean over pixels and channels
    becomes one constant map of each sample in the group (Karras et al. 2018, arXiv:1710.10196,
    section 3). With several ``channels`` the input's channels are cut into as many parts, each with
    a mean and a map of its own.

    If the batch is not a multiple of the group, the groups are slightly larger; a batch smaller than
    the group is one group. So no sample is alone, except in a batch of one.

    :param group: samples in a group; 0 for the whole batch.
    :param channels: maps that are added; the input's channels must be a multiple.
    """

    def __init__(self, group: int = 4, channels: int = 1) -> None:
        super().__init__()
        self.group, self.channels = group, channels

    def forward(self, features: Tensor) -> Tensor:
        batch, _, height, width = features.shape
        count = max(1, batch // self.group) if self.group else 1
        size, larger = divmod(batch, count)  # the first groups have one sample more
        # Squares need more digits than a low-precision activation has.
        precise = features.to(torch.promote_types(features.dtype, torch.float32))
        edge = larger * (size + 1)
        parts = [self._deviations(precise[edge:], size)]
        if larger:
            parts.insert(0, self._deviations(precise[:edge], size + 1))
        maps = torch.cat(parts).to(features.dtype)[:, :, None, None]
        return torch.cat([features, maps.expand(batch, self.channels, height, width)], 1)

    def _deviations(self, features: Tensor, size: int) -> Tensor:
        """(batch, channels): the values of each sample's maps, in groups of ``size``."""
        grouped = features.unflatten(0, (-1, size)).flatten(3)  # (groups, size, c, pixels)
        deviations = (grouped.var(1, correction=0) + EPSILON).sqrt()
        means: Tensor = deviations.unflatten(1, (self.channels, -1)).mean((2, 3))
        return means.repeat_interleave(size, 0)

    def extra_repr(self) -> str:
        return f"group={self.group or 'batch'}, channels={self.channels}"
