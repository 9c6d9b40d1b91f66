"""Fréchet distance between two sets of features (Heusel et al. 2017, arXiv:1706.08500).

Each set is summarized by a normal distribution; the distance is the squared 2-Wasserstein distance

    |μ₁ - μ₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½

in squared feature units. For any A with AAᵀ = Σ₁ the last trace is the sum of the square roots of
the eigenvalues of the symmetric AᵀΣ₂A, so no matrix square root and no complex number is needed.
Everything is fp64: in fp32 the result is off by half a percent at d = 2048.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganbench import Moments
from ganbench_metrics.matrices import both, same_width


@dataclass(frozen=True, eq=False)
class Reference:
    """One side of the distance, prepared so that each further distance to it is cheap.

    :ivar moments: of the reference set.
    :ivar root: (d, r) fp64 with root rootᵀ = cov.
    """

    moments: Moments
    root: Tensor

    @classmethod
    def from_moments(cls, moments: Moments) -> Reference:
        """:raises ValueError: if mean and covariance do not fit each other."""
        d = len(moments.mean)
        if moments.n < 2 or (moments.rows is None and moments.cov.shape != (d, d)):
            raise ValueError(
                f"moments need n >= 2, a mean (d,) and a covariance (d, d), got n = {moments.n}, "
                f"{tuple(moments.mean.shape)} and {tuple(moments.cov.shape)}"
            )
        return cls(moments, _root(moments))

    @classmethod
    def from_features(cls, features: Any) -> Reference:
        """Of an (n, d) tensor or array.

        :raises ValueError: for a wrong shape, fewer than 2 rows or non-finite values.
        """
        return cls.from_moments(Moments.from_features(features))


def distance_between(reference: Reference, moments: Moments) -> float:
    """Fréchet distance from a reference to moments.

    With fewer samples than features the eigenproblem is n×n, which is both exact and fast; else d×d.

    :returns: 0 or more: where rounding alone takes the sum below zero, it is 0.
    :raises ValueError: if the dimensions differ.
    """
    same_width(reference.moments.mean[None], moments.mean[None])
    root = reference.root.to(moments.mean)
    if moments.rows is None:
        matrix = root.mT @ moments.cov @ root
    else:
        product = moments.rows @ root
        matrix = product @ product.mT if len(product) <= root.shape[1] else product.mT @ product
    overlap = _overlap(torch.linalg.eigvalsh(matrix), min(reference.moments.n, moments.n) - 1)
    shift = (moments.mean - reference.moments.mean.to(moments.mean)).square().sum()
    traces = moments.trace + reference.moments.trace.to(moments.mean)
    distance = float(shift + traces - 2 * overlap)
    return 0.0 if distance < 0 else distance  # NaN stays NaN


def distance_to_reference(reference: Reference, features: Any) -> float:
    """Fréchet distance from a reference to (n, d) features, on the features' device.

    :returns: as `distance_between`.
    :raises ValueError: for a wrong shape, fewer than 2 rows or non-finite values.
    """
    return distance_between(reference, Moments.from_features(features))


def frechet_distance(real_features: Any, fake_features: Any) -> float:
    """Fréchet distance between two sets of features, which need not have the same size.

    Distances fall as the sets grow: compare them at equal numbers of samples only.

    :param real_features: (n, d) array or tensor of any number type; n < d is exact too.
    :param fake_features: (m, d), the same; its device does the work.
    :returns: squared feature units, 0 or more.
    :raises ValueError: for a wrong shape, differing d, fewer than 2 rows or non-finite values.
    """
    real, fake = both(real_features, fake_features, rows=2)
    # The distance is symmetric, and the root of the smaller set is the cheaper one.
    small, large = (real, fake) if len(real) <= len(fake) else (fake, real)
    return distance_to_reference(Reference.from_features(small), large)


def _root(moments: Moments) -> Tensor:
    """Some A with AAᵀ = cov: by Cholesky, ten times as fast as `eigh`, if cov is regular."""
    if moments.rows is not None:
        return moments.rows.mT  # exact, and no factorization
    d = len(moments.mean)
    factor: Tensor
    if moments.n > d:
        factor, failed = torch.linalg.cholesky_ex(moments.cov)
        if not bool(failed):
            return factor
    values, vectors = torch.linalg.eigh(moments.cov)
    rank = min(moments.n - 1, d)  # the rest is zero, up to rounding
    factor = vectors * values.clamp_min(0).sqrt()
    return factor[:, d - rank :]


def _overlap(spectrum: Tensor, rank: int) -> Tensor:
    """Sum of the roots of an ascending spectrum with at most ``rank`` positive values."""
    # Values beyond the rank are rounding errors, and their roots (1e-8 for 1e-16) would add up.
    kept = spectrum[max(0, len(spectrum) - rank) :]
    return kept.clamp_min(0).sqrt().sum()
