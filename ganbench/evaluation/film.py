"""The first samples of every evaluation, kept for a picture of how they came to be."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

#: Samples in a frame, and frames that are kept at most; of longer trainings equally spaced ones.
WIDTH, LENGTH = 8, 21


@dataclass
class Film:
    """A frame for each tick: evaluations share their noise, so a place in it is one latent's.

    :ivar frames: tick -> uint8 (n, c, h, w), n at most `WIDTH`; part of a trial's state.
    """

    frames: dict[str, torch.Tensor] = field(default_factory=dict)

    def see(self, tick: int, ticks: int, images: torch.Tensor) -> None:
        """Keep the first samples of a tick.

        :param ticks: the last tick's number.
        :param images: (b, c, h, w) uint8, the next batch.
        """
        known = self.frames.get(str(tick))
        left = WIDTH - (0 if known is None else len(known))
        if not left or not _is_kept(tick, ticks):
            return
        seen = images[:left].cpu()
        self.frames[str(tick)] = seen if known is None else torch.cat([known, seen])

    def forget(self, tick: int) -> None:
        """Without the frame of a tick that is not to be shown."""
        self.frames.pop(str(tick), None)


def _is_kept(tick: int, ticks: int) -> bool:
    return tick == ticks or tick % -(-(ticks + 1) // LENGTH) == 0
