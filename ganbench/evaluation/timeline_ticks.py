"""Which ticks a picture of the training's progress shows."""

from __future__ import annotations

#: The most frames; longer trainings keep equally spaced frames, and the last one.
LENGTH = 21


def is_kept(tick: int, ticks: int) -> bool:
    """Whether the picture of a training of so many ticks has a frame of a tick."""
    return tick == ticks or tick % -(-(ticks + 1) // LENGTH) == 0
