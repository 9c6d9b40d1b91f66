"""How far a training has come."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """Where a training stands: numbers on the host, known without asking the device.

    :ivar images: real images shown so far.
    :ivar share: the share of the budget that is used, 0 to 1.
    """

    images: int
    share: float


#: A training that has used its budget: how networks are sampled when no training is meant.
FINISHED = Progress(0, 1.0)
