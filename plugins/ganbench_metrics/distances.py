"""Distances between the samples of two sets, in fp64 and in bounded memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganbench_metrics.matrices import both

_ELEMENTS_AT_ONCE = 2**23  # 64 MiB of fp64: bounds each block of distances

#: Squared distances come from x² + y² - 2xy, whose rounding error is some 1e-15 of x² + y²; below
#: this share of it a distance counts as zero, and two distances as equal. Without that, copies would
#: be strictly nearer or farther than themselves.
ROUNDING = 1e-13


def nearest_neighbours(features: Any, among: Any, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k nearest of one set to each sample of another.

    :param features: (n, d) array or tensor; the work is done in fp64 on its device.
    :param among: (m, d), the same: the candidates for neighbors.
    :returns: (n, k) fp64 Euclidean distances, ascending, and (n, k) int64 rows of ``among``.
    :raises ValueError: for a wrong shape, differing d, non-finite values, or k outside 1 … m.
    """
    candidates, points = both(among, features)
    if not 1 <= k <= len(candidates):
        raise ValueError(f"k must be from 1 to the {len(candidates)} rows of among, got {k}")
    return nearest(points, candidates, k)


def nearest(
    points: Tensor, among: Tensor, k: int = 1, itself: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """As `nearest_neighbours`, of tensors that have been checked.

    :param itself: (n,) the row of ``among`` that each point is, which does not count; None where the
        points are others.
    """
    center = among.double().mean(0)
    candidates = among.double() - center
    found = []
    step = rows_at_once(candidates)
    for start in range(0, len(points), step):
        part = points[start : start + step].double() - center
        squared, _ = squared_distances(part, candidates)
        if itself is not None:
            squared.scatter_(1, itself[start : start + step, None], torch.inf)
        found.append(squared.topk(k, largest=False).indices)
    indices = torch.cat(found)
    # Differences make the distance of a copy exactly zero, and equal distances equal.
    columns = [(among[rows].double() - points.double()).norm(dim=1) for rows in indices.unbind(1)]
    distances, order = torch.stack(columns, 1).sort(dim=1, stable=True)
    return distances, indices.gather(1, order)


def squared_distances(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances (len(x), len(y)) and the scale of their rounding error."""
    scale = x.square().sum(1)[:, None] + y.square().sum(1)
    return torch.addmm(scale, x, y.mT, alpha=-2), scale


def centered(matrix: Tensor, around: Tensor) -> Tensor:
    """The features in fp64, centered on the mean of a set: smaller norms round less."""
    return matrix.double() - around.double().mean(0)


def rows_at_once(columns: Tensor) -> int:
    """The number of rows in a block, for a matrix with these columns."""
    return max(1, _ELEMENTS_AT_ONCE // len(columns))
