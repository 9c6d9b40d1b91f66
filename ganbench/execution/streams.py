"""The names of the random streams from which evaluations draw their latents."""

from __future__ import annotations

#: Equal at all ticks, so that the ticks of a trial differ by its weights alone.
NOISE = "evaluation noise"
#: For the tick that was chosen as the best.
FRESH_NOISE = "fresh evaluation noise"
