"""Features as matrices, and the moments of features that arrive in batches."""

from __future__ import annotations

import functools
import math
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
    :param name: in error messages.
    :param rows: the least number of rows.
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


class Moments:
    """Mean and covariance of a set of features.

    :ivar n: number of samples, at least 2; the covariance has rank n - 1 at most.
    :ivar mean: (d,) fp64.
    :ivar rows: (n, d) fp64 X with XᵀX = cov, of no more samples than features; else None.
    """

    def __init__(
        self, n: int, mean: Tensor, cov: Tensor | None = None, rows: Tensor | None = None
    ) -> None:
        if cov is None and rows is None:
            raise ValueError("moments need a covariance, or the rows that it is made from")
        self.n, self.mean, self.rows = n, mean, rows
        if cov is not None:
            self.__dict__["cov"] = cov

    @functools.cached_property
    def cov(self) -> Tensor:
        """(d, d) fp64, symmetric, divided by n - 1."""
        assert self.rows is not None
        return self.rows.mT @ self.rows

    @property
    def trace(self) -> Tensor:
        """() of the covariance."""
        if self.rows is not None:
            return self.rows.square().sum()
        return self.cov.trace()

    @classmethod
    def from_features(cls, features: Any) -> Moments:
        """The moments of an (n, d) tensor or array.

        :raises ValueError: for a wrong shape, fewer than 2 rows or non-finite values.
        """
        matrix = feature_matrix(features, rows=2)
        accumulator = MomentAccumulator()
        for part in matrix.split(_ROWS_AT_ONCE):
            accumulator.update(part)
        return accumulator.moments()


class MomentAccumulator:
    """Moments of features that arrive in batches. Never waits for the device.

    Batches are kept until the samples outnumber the features: few rows are exact and cheap, and need no
    (d, d) matrix. After that only sums are kept. They run over x - c, where c is the mean of the first
    batch: for features with a mean far above their spread, sums of x xᵀ would cancel to noise.
    """

    def __init__(self) -> None:
        self.n = 0
        self._kept: list[Tensor] = []
        self._shift: Tensor | None = None
        self._sum: Tensor
        self._outer: Tensor | None = None

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
        same_width(batch, self._shift[None])
        self.n += len(batch)
        self._kept.append(batch.to(self._shift))
        if self.n > len(self._shift):
            self._add_up()

    def _add_up(self) -> None:
        assert self._shift is not None
        if self._outer is None:
            self._outer = self._sum.new_zeros(len(self._shift), len(self._shift))
        for batch in self._kept:
            centered = batch - self._shift
            self._sum += centered.sum(0)
            self._outer.addmm_(centered.mT, centered)
        self._kept = []

    def moments(self) -> Moments:
        """The moments of all batches so far; more may follow.

        :raises ValueError: for fewer than 2 samples, or if any was non-finite.
        """
        if self._shift is None or self.n < 2:
            raise ValueError(f"moments need at least 2 samples, got {self.n}")
        if self._outer is None:
            matrix = torch.cat(self._kept)
            mean = matrix.mean(0)
            rows = (matrix - mean) / math.sqrt(self.n - 1)
            self._check(rows)
            return Moments(self.n, mean, rows=rows)
        cov = (self._outer - torch.outer(self._sum, self._sum) / self.n) / (self.n - 1)
        self._check(cov)
        return Moments(self.n, self._shift + self._sum / self.n, (cov + cov.mT) / 2)

    def _check(self, values: Tensor) -> None:
        if not bool(torch.isfinite(values).all()):
            raise ValueError("features must be finite; some value was not")
