"""How far a training has come."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """The progress of a training: numbers on the host, known without waiting for the device.

    :ivar images: real images shown so far.
    :ivar share: the share of the budget that is used, 0 to 1.
    """

    images: int
    share: float


#: A training that has used its budget; the default when networks are sampled.
FINISHED = Progress(0, 1.0)
