"""Tell copied from original generated samples (Alaa et al. 2022, arXiv:2102.08921)."""

from __future__ import annotations

from typing import Any

import torch

from ganbench_metrics.distances import nearest
from ganbench_metrics.matrices import both


def authentic(real_features: Any, fake_features: Any) -> torch.Tensor:
    """Whether each fake is farther from its nearest real sample than that one is from the others.

    :param real_features: (n, d) array or tensor, n >= 2.
    :param fake_features: (m, d), the same; the work is done in fp64 on its device.
    :returns: (m,) bool; False for a copy.
    :raises ValueError: for a wrong shape, differing d, non-finite values or fewer than 2 real rows.
    """
    real, fake = both(real_features, fake_features)
    if len(real) < 2:
        raise ValueError("real_features must have at least 2 rows, got 1")
    distance, neighbour = nearest(fake, real)
    reached, back = neighbour[:, 0].unique(return_inverse=True)
    among_real, _ = nearest(real[reached], real, itself=reached)
    return among_real[back, 0] < distance[:, 0]
