"""The first samples of every evaluation, kept for a picture of how they came to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from ganbench.training.batches import to_uint8

#: Samples in a frame, and frames that are kept at most; of longer trainings equally spaced ones.
WIDTH, LENGTH = 8, 21


@dataclass
class Film:
    """A frame for each tick: evaluations share their noise, so a place in it is one latent's.

    :ivar frames: tick -> uint8 (n, c, h, w), n at most `WIDTH`; part of a trial's state.
    """

    frames: dict[str, torch.Tensor] = field(default_factory=dict)

    def watch(
        self, tick: int, ticks: int, batches: Iterator[torch.Tensor]
    ) -> Iterator[torch.Tensor]:
        """Pass batches on, float (b, c, h, w) in [-1, 1], and keep the first samples of them.

        :param ticks: the last tick's number.
        """
        left = WIDTH if _is_kept(tick, ticks) else 0
        seen = []
        for batch in batches:
            if left:
                seen.append(to_uint8(batch[:left]).cpu())
                left -= len(seen[-1])
            yield batch
        if seen:
            self.frames[str(tick)] = torch.cat(seen)

    def forget(self, tick: int) -> None:
        """Without the frame of a tick that is not to be shown."""
        self.frames.pop(str(tick), None)


def _is_kept(tick: int, ticks: int) -> bool:
    return tick == ticks or tick % -(-(ticks + 1) // LENGTH) == 0
