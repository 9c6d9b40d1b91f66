"""The Fréchet distance that infinitely many samples would have (Chong and Forsyth 2020,
arXiv:1911.07023).

The distance of N samples exceeds that by about a constant times 1/N, and the constant differs between
models: a straight line through the distances at several N, extended to 1/N = 0, removes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ganbench import MomentAccumulator
from ganbench_metrics.frechet import Reference, distance_between
from ganbench_metrics.matrices import SEED

#: The smallest size, or half of the samples if those are fewer than twice this.
_LEAST = 5000
_FEWEST = 40
_AT_ONCE = 4096


@dataclass(frozen=True)
class Extrapolation:
    """A straight line through distances over 1/N.

    :ivar intercept: its value at 1/N = 0, the estimate.
    :ivar slope: how much 1/N adds.
    :ivar residual: root mean square of the distances about the line.
    """

    intercept: float
    slope: float
    residual: float
    sizes: list[int]
    distances: list[float]


def extrapolate(
    reference: Reference, features: Tensor, steps: int = 15, seed: int = SEED
) -> Extrapolation | None:
    """Distances at ``steps`` sizes, equally spaced up to all samples, and the line through them.

    The samples are shuffled by a seed; each size takes the first of them, so that larger ones hold
    the smaller ones.

    :param features: (n, d) of the fake samples; the work is done on the reference's device.
    :returns: None for fewer than 40 samples, or too few for so many sizes.
    """
    total = len(features)
    least = _LEAST if total >= 2 * _LEAST else total // 2
    sizes = sorted(set(np.linspace(least, total, steps).astype(int).tolist())) if total else []
    if total < _FEWEST or len(sizes) < steps:
        return None
    order = np.random.RandomState(seed).permutation(total)
    return _line(sizes, list(_distances(reference, features, order, sizes)))


def _distances(
    reference: Reference, features: Tensor, order: np.ndarray, sizes: Sequence[int]
) -> Iterator[float]:
    accumulator, done = MomentAccumulator(), 0
    for size in sizes:
        for start in range(done, size, _AT_ONCE):
            part = features[order[start : min(start + _AT_ONCE, size)]]
            accumulator.update(part.to(reference.root.device))
        done = size
        yield distance_between(reference, accumulator.moments())


def _line(sizes: list[int], distances: list[float]) -> Extrapolation:
    x, y = 1 / np.array(sizes, dtype=np.float64), np.array(distances)
    slope, intercept = np.polyfit(x, y, 1)
    residual = float(np.sqrt(np.mean((y - intercept - slope * x) ** 2)))
    return Extrapolation(float(intercept), float(slope), residual, sizes, distances)
