"""Resampling by the low-pass filter [1, 3, 3, 1], which lets doubled and halved maps alias less."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


class _Filter(nn.Module):
    """Holds the taps; they follow the module's device and are not part of its state.

    :param gain: what the filter multiplies a constant with.
    """

    taps: Tensor

    def __init__(self, gain: float) -> None:
        super().__init__()
        taps = torch.tensor(TAPS)
        # The two passes, one for each axis, share the gain.
        self.register_buffer("taps", taps / taps.sum() * gain**0.5, persistent=False)

    def _columns(self, channels: int) -> Tensor:
        return self.taps[:, None].expand(channels, 1, -1, 1)

    def _rows(self, channels: int) -> Tensor:
        return self.taps.expand(channels, 1, 1, -1)


class Blur(_Filter):
    """(batch, c, h, w) to (batch, c, h + 2·padding - 3, w + 2·padding - 3), filtered."""

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__(gain)
        self.padding = padding

    def forward(self, maps: Tensor) -> Tensor:
        channels, pad = maps.shape[1], self.padding
        columns = F.conv2d(maps, self._columns(channels), padding=(pad, 0), groups=channels)
        return F.conv2d(columns, self._rows(channels), padding=(0, pad), groups=channels)


class Upsample(_Filter):
    """(batch, c, h, w) to (batch, c, 2h, 2w): zeros put in between, then filtered.

    Values in the middle are those of linear interpolation; beyond the border there are zeros.
    """

    def __init__(self) -> None:
        super().__init__(gain=4.0)

    def forward(self, maps: Tensor) -> Tensor:
        channels = maps.shape[1]
        columns = F.conv_transpose2d(
            maps, self._columns(channels), stride=(2, 1), padding=(1, 0), groups=channels
        )
        return F.conv_transpose2d(
            columns, self._rows(channels), stride=(1, 2), padding=(0, 1), groups=channels
        )


class Downsample(_Filter):
    """(batch, c, h, w) to (batch, c, h/2, w/2): filtered, then every second value kept."""

    def __init__(self) -> None:
        super().__init__(gain=1.0)

    def forward(self, maps: Tensor) -> Tensor:
        channels = maps.shape[1]
        columns = F.conv2d(
            maps, self._columns(channels), stride=(2, 1), padding=(1, 0), groups=channels
        )
        return F.conv2d(
            columns, self._rows(channels), stride=(1, 2), padding=(0, 1), groups=channels
        )
