"""Fréchet distance between two sets of features (Heusel et al. 2017, arXiv:1706.08500).

Each set is summarized by a normal distribution; the distance is the squared 2-Wasserstein distance

    |μ₁ - μ₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½

in squared feature units. For any A with AAᵀ = Σ₁ the last trace is the sum of the square roots of
the eigenvalues of the symmetric AᵀΣ₂A, so no matrix square root and no complex number is needed.
Everything is fp64: in fp32 the result is off by half a percent at d = 2048.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_ROWS_AT_ONCE = 8192  # bounds the fp64 copy of a large fp32 feature matrix


def feature_matrix(
    features: Any, name: str = "features", *, rows: int = 1, finite: bool = True
) -> Tensor:
    """Check what a caller gave as a matrix of features.

    :param features: (n, d) tensor, array or nested list of real numbers, d >= 1.
    :param name: what error messages call it.
    :param rows: the fewest rows that make sense.
    :param finite: whether NaN and infinity are errors.
    :returns: (n, d) floating tensor without gradient, on the device it came from.
    :raises ValueError: naming what is wrong.
    """
    matrix = features.detach() if isinstance(features, Tensor) else _from_array(features, name)
    if matrix.is_complex():
        raise ValueError(f"{name} must be real numbers, got {matrix.dtype}")
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise ValueError(f"{name} must have the shape (n, d), got {tuple(matrix.shape)}")
    if len(matrix) < rows:
        raise ValueError(f"{name} must have at least {rows} rows, got {len(matrix)}")
    if not matrix.is_floating_point():
        matrix = matrix.double()
    if finite and not bool(torch.isfinite(matrix).all()):
        bad = int((~torch.isfinite(matrix)).sum())
        raise ValueError(f"{name} must be finite; {bad} of {matrix.numel()} values are not")
    return matrix


def _from_array(features: Any, name: str) -> Tensor:
    array = np.asarray(features)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be real numbers, got {array.dtype}")
    # A copy, because torch warns about read-only arrays and refuses negative strides.
    known = array.dtype in (np.float16, np.float32, np.float64)
    return torch.from_numpy(np.array(array, dtype=None if known else np.float64, order="C"))


def same_width(first: Tensor, second: Tensor) -> None:
    """:raises ValueError: if two matrices differ in their number of columns."""
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"feature dimensions differ: {first.shape[1]} and {second.shape[1]}")


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of a set of features.

    :ivar n: number of samples, at least 2; the covariance has rank n - 1 at most.
    :ivar mean: (d,) fp64.
    :ivar cov: (d, d) fp64, symmetric, divided by n - 1.
    """

    n: int
    mean: Tensor
    cov: Tensor

    @classmethod
    def from_features(cls, features: Any) -> Moments:
        """Of an (n, d) tensor or array.

        :raises ValueError: for a wrong shape, fewer than 2 rows or non-finite values.
        """
        matrix = feature_matrix(features, rows=2)
        accumulator = MomentAccumulator()
        for part in matrix.split(_ROWS_AT_ONCE):
            accumulator.update(part)
        return accumulator.moments()


class MomentAccumulator:
    """Moments of features that arrive in batches and are not kept. Never waits for the device.

    Sums run over x - c, where c is the mean of the first batch: the sums of x xᵀ of features whose
    mean is large against their spread would cancel to noise.
    """

    def __init__(self) -> None:
        self.n = 0
        self._shift: Tensor | None = None
        self._sum: Tensor
        self._outer: Tensor

    def update(self, features: Tensor) -> None:
        """Add a batch.

        :param features: (b, d) tensor of any floating type and device; the first one's device keeps
            the sums. An empty batch adds nothing.
        :raises ValueError: for another shape than (b, d).
        """
        batch = feature_matrix(features, rows=0, finite=False)
        if len(batch) == 0:
            return
        if self._shift is None:
            self._shift = batch.double().mean(0)
            self._sum = torch.zeros_like(self._shift)
            self._outer = self._sum.new_zeros(len(self._shift), len(self._shift))
        same_width(batch, self._outer)
        centred = batch.to(self._shift) - self._shift
        self.n += len(batch)
        self._sum += centred.sum(0)
        self._outer.addmm_(centred.mT, centred)

    def moments(self) -> Moments:
        """Of all batches so far; more may follow.

        :raises ValueError: for fewer than 2 samples, or if any was non-finite.
        """
        if self._shift is None or self.n < 2:
            raise ValueError(f"moments need at least 2 samples, got {self.n}")
        cov = (self._outer - torch.outer(self._sum, self._sum) / self.n) / (self.n - 1)
        if not bool(torch.isfinite(cov).all()):
            raise ValueError("features must be finite; some value was not")
        return Moments(self.n, self._shift + self._sum / self.n, (cov + cov.mT) / 2)


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
        if moments.cov.shape != (d, d) or moments.n < 2:
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
        matrix = feature_matrix(features, rows=2)
        moments = Moments.from_features(matrix)
        if len(matrix) > matrix.shape[1]:
            return cls.from_moments(moments)
        return cls(moments, _centred(matrix, moments.mean).mT)  # exact, and no factorization


def distance_between(reference: Reference, moments: Moments) -> float:
    """Fréchet distance from a reference to moments, through a d×d eigenproblem.

    :returns: at least 0 up to rounding; the sign is kept, so equal sets may give -1e-6.
    :raises ValueError: if the dimensions differ.
    """
    same_width(reference.moments.cov, moments.cov)
    root = reference.root.to(moments.cov)
    spectrum = torch.linalg.eigvalsh(root.mT @ moments.cov @ root)
    return _distance(reference.moments, moments.n, moments.mean, moments.cov.trace(), spectrum)


def distance_to_reference(reference: Reference, features: Any) -> float:
    """Fréchet distance from a reference to (n, d) features, on the features' device.

    With fewer samples than features the eigenproblem is n×n, which is both exact and fast.

    :returns: as `distance_between`.
    :raises ValueError: for a wrong shape, fewer than 2 rows or non-finite values.
    """
    matrix = feature_matrix(features, rows=2)
    n, d = matrix.shape
    same_width(reference.moments.cov, matrix)
    if n >= d:
        return distance_between(reference, Moments.from_features(matrix))
    mean = matrix.double().mean(0)
    centred = _centred(matrix, mean)
    product = centred @ reference.root.to(centred)
    gram = product @ product.mT if n <= product.shape[1] else product.mT @ product
    trace = centred.square().sum()
    return _distance(reference.moments, n, mean, trace, torch.linalg.eigvalsh(gram))


def frechet_distance(real_features: Any, fake_features: Any) -> float:
    """Fréchet distance between two sets of features, which need not have the same size.

    Distances fall as the sets grow: compare them at equal numbers of samples only.

    :param real_features: (n, d) array or tensor of any number type; n < d is exact too.
    :param fake_features: (m, d), the same; its device does the work.
    :returns: squared feature units; at least 0 up to rounding, where the sign is kept.
    :raises ValueError: for a wrong shape, differing d, fewer than 2 rows or non-finite values.
    """
    fake = feature_matrix(fake_features, "fake_features", rows=2)
    real = feature_matrix(real_features, "real_features", rows=2).to(fake.device)
    same_width(real, fake)
    if max(len(real), len(fake)) <= real.shape[1]:
        return _distance_of_few(real, fake)
    # The distance is symmetric, and the root of the smaller set is the cheaper one.
    small, large = (real, fake) if len(real) <= len(fake) else (fake, real)
    return distance_to_reference(Reference.from_features(small), large)


def _distance_of_few(real: Tensor, fake: Tensor) -> float:
    """Of sets with no more samples than features, for which no d×d covariance is worth its cost."""
    (n, mean), (m, other_mean) = ((len(x), x.double().mean(0)) for x in (real, fake))
    rows, other_rows = _centred(real, mean), _centred(fake, other_mean)
    product = rows @ other_rows.mT
    gram = product @ product.mT if n <= m else product.mT @ product
    traces = rows.square().sum() + other_rows.square().sum()
    overlap = _overlap(torch.linalg.eigvalsh(gram), min(n, m) - 1)
    return float((mean - other_mean).square().sum() + traces - 2 * overlap)


def _centred(matrix: Tensor, mean: Tensor) -> Tensor:
    """Rows X with XᵀX = covariance."""
    return (matrix.double() - mean) / math.sqrt(len(matrix) - 1)


def _root(moments: Moments) -> Tensor:
    """Some A with AAᵀ = cov: by Cholesky, ten times as fast as `eigh`, where cov is regular."""
    d = len(moments.mean)
    factor: Tensor
    if moments.n > d:
        factor, failed = torch.linalg.cholesky_ex(moments.cov)
        if not bool(failed):
            return factor
    values, vectors = torch.linalg.eigh(moments.cov)
    rank = min(moments.n - 1, d)  # the rest is zero but for rounding
    factor = vectors * values.clamp_min(0).sqrt()
    return factor[:, d - rank :]


def _distance(reference: Moments, n: int, mean: Tensor, trace: Tensor, spectrum: Tensor) -> float:
    """Put the formula together from the (ascending) spectrum of Σ₁Σ₂."""
    overlap = _overlap(spectrum, min(reference.n, n) - 1)
    shift = (mean - reference.mean.to(mean)).square().sum()
    return float(shift + trace + reference.cov.trace().to(mean) - 2 * overlap)


def _overlap(spectrum: Tensor, rank: int) -> Tensor:
    """Sum of the roots of an ascending spectrum, of which only ``rank`` values can be positive."""
    # Beyond the rank there is only rounding, whose roots (1e-8 for 1e-16) would add up.
    kept = spectrum[max(0, len(spectrum) - rank) :]
    return kept.clamp_min(0).sqrt().sum()
