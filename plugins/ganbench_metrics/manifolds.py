"""Precision, recall, density and coverage (Naeem et al. 2020, arXiv:2002.09797).

A set's manifold is the union of balls around its samples that reach to each one's k-th nearest
neighbor. Precision and density count fake samples in real balls, recall counts real samples in
fake balls, coverage counts real balls that hold a fake sample.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganbench import feature_matrix
from ganbench_metrics.distances import ROUNDING, centered, rows_at_once, squared_distances
from ganbench_metrics.matrices import both


def prdc(
    real_features: Any, fake_features: Any, k: int = 5, *, real_radii: Tensor | None = None
) -> dict[str, float]:
    """The four shares, in fp64 on the fake features' device and in bounded memory.

    :param real_features: (n, d) array or tensor.
    :param fake_features: (m, d), the same.
    :param k: which neighbor bounds a ball, not counting the sample itself; a sample on the
        boundary lies outside.
    :param real_radii: ``neighbour_radii(real_features, k)``, where it is known already.
    :returns: ``precision``, ``recall`` and ``coverage`` in [0, 1]; ``density`` >= 0, about 1 for
        equal distributions.
    :raises ValueError: for a wrong shape, differing d, non-finite values, radii that are not one
        for each real sample, or k outside 1 … min(n, m) - 1.
    """
    real, fake = both(real_features, fake_features)
    _check_k(k, fake, "fake_features")
    _check_k(k, real, "real_features")
    if real_radii is None:
        real_radii = neighbour_radii(real, k)
    if real_radii.shape != (len(real),):
        shape = tuple(real_radii.shape)
        raise ValueError(f"real_radii must have the shape ({len(real)},), got {shape}")
    real_reach = real_radii.to(fake.device, torch.float64).square()
    return _shares(real, fake, real_reach, neighbour_radii(fake, k).square(), k)


def neighbour_radii(features: Any, k: int = 5) -> Tensor:
    """Euclidean distance of each sample to its k-th nearest neighbor other than itself.

    :param features: (n, d) array or tensor; the work is done in fp64 on its device.
    :returns: (n,) fp64, exactly zero for a sample with k copies or more.
    :raises ValueError: for a wrong shape, non-finite values, or k outside 1 … n - 1.
    """
    matrix = feature_matrix(features)
    _check_k(k, matrix, "features")
    points = centered(matrix, matrix)
    reach = torch.empty(len(points), dtype=torch.float64, device=points.device)
    step = rows_at_once(points)
    for start in range(0, len(points), step):
        squared, scale = squared_distances(points[start : start + step], points)
        squared.masked_fill_(squared <= ROUNDING * scale, 0)
        squared.diagonal(start).fill_(torch.inf)
        reach[start : start + step] = squared.topk(k, largest=False, sorted=True).values[:, -1]
    return reach.sqrt_()


def _shares(
    real: Tensor, fake: Tensor, real_reach: Tensor, fake_reach: Tensor, k: int
) -> dict[str, float]:
    """The four shares from squared radii."""
    columns = centered(fake, real)
    rows = centered(real, real)
    balls_around_fake = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)
    recalled, covered = torch.zeros_like(balls_around_fake[:2]).unbind()
    step = rows_at_once(columns)
    for part, reach in zip(rows.split(step), real_reach.split(step), strict=True):
        squared, scale = squared_distances(part, columns)
        squared += ROUNDING * scale  # ties must not count as strictly inside
        in_real_ball = squared < reach[:, None]
        balls_around_fake += in_real_ball.sum(0)
        covered += in_real_ball.any(1).sum()
        recalled += (squared < fake_reach).any(1).sum()
    return {
        "precision": int((balls_around_fake > 0).sum()) / len(fake),
        "recall": int(recalled) / len(real),
        "density": int(balls_around_fake.sum()) / (k * len(fake)),
        "coverage": int(covered) / len(real),
    }


def _check_k(k: int, matrix: Tensor, name: str) -> None:
    if not 1 <= k < len(matrix):
        raise ValueError(
            f"k must be at least 1 and less than the {len(matrix)} rows of {name}, got {k}"
        )
