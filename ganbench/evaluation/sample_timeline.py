"""The first samples of every evaluation, for a picture of the training's progress."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ganbench.evaluation.timeline_ticks import is_kept

#: Samples in a frame.
WIDTH = 8


@dataclass
class SampleTimeline:
    """A frame for each tick. Evaluations share their noise, so a place belongs to one latent.

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
        if not left or not is_kept(tick, ticks):
            return
        seen = images[:left].cpu()
        self.frames[str(tick)] = seen if known is None else torch.cat([known, seen])

    def forget(self, tick: int) -> None:
        """Drop the frame of a tick."""
        self.frames.pop(str(tick), None)
