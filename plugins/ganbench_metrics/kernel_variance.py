"""The accuracy of an unbiased estimate of the squared MMD: its variance over other samples.

The estimate is a U-statistic of two sets. Hoeffding's decomposition gives its variance with n and m
samples (Serfling 1980, section 5.2; for equal sets Sutherland and Deka 2019, arXiv:1906.02104):

    4 Var w(X) / n + 4 Var w(Y) / m
    + 2 E k̃(X, X')² / n(n - 1) + 2 E k̃(Y, Y')² / m(m - 1) + 4 E k̃(X, Y)² / nm

where w(·) = E k(·, X) - E k(·, Y) and k̃ is k less its means over either argument. All five
moments are estimated without bias, from sums over distinct samples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: Samples on either side that the moments need.
FEWEST = 4


@dataclass(frozen=True)
class KernelSums:
    """Sums of a kernel matrix, or of a batch (…) of them; within a set, the diagonal counts as 0.

    :ivar rows: (…, n) of each row.
    :ivar columns: (…, m) of each column.
    :ivar squares: (…) of all squared entries.
    """

    rows: Tensor
    columns: Tensor
    squares: Tensor

    @property
    def total(self) -> Tensor:
        """(…) of all entries."""
        return self.rows.sum(-1)


@dataclass(frozen=True)
class VarianceMoments:
    """The five moments of the variance, each () or (…): Var w(X), Var w(Y), and the E k̃²."""

    witness_x: Tensor
    witness_y: Tensor
    within_x: Tensor
    within_y: Tensor
    between: Tensor

    @classmethod
    def of(cls, within_x: KernelSums, within_y: KernelSums, between: KernelSums) -> VarianceMoments:
        """From the kernels of X with X, of Y with Y and of X with Y."""
        turned = KernelSums(between.columns, between.rows, between.squares)
        x, y = _Side.of(within_x, between), _Side.of(within_y, turned)
        n, m = x.n, y.n
        mean_square = between.squares / (n * m)
        centered = mean_square - x.between_pairs - y.between_pairs + x.between_mean
        return cls(x.witness, y.witness, x.centered, y.centered, centered)

    @classmethod
    def mean_of(cls, batches: Sequence[VarianceMoments]) -> VarianceMoments:
        """Over all members of all batches."""
        return cls(
            *(
                torch.cat([getattr(batch, field.name) for batch in batches]).mean()
                for field in dataclasses.fields(cls)
            )
        )

    def variance(self, n: int, m: int) -> float:
        """Of the estimate from n and m samples, at least 0.

        Neither part is negative, though its estimate may be. Where the distributions are equal, the
        first part is 0, and this raises the variance: by a quarter on average, little in the median.
        """
        first = 4 * self.witness_x / n + 4 * self.witness_y / m
        second = (
            2 * self.within_x / (n * (n - 1))
            + 2 * self.within_y / (m * (m - 1))
            + 4 * self.between / (n * m)
        )
        return float(first.clamp_min(0) + second.clamp_min(0))


@dataclass(frozen=True)
class _Side:
    """The moments of one set's kernels.

    :ivar witness: Var w(X).
    :ivar centered: E k̃(X, X')².
    :ivar between_pairs: E k(X, Y) k(X, Y'), of one X and two Y.
    :ivar between_mean: (E k(X, Y))².
    """

    n: int
    witness: Tensor
    centered: Tensor
    between_pairs: Tensor
    between_mean: Tensor

    @classmethod
    def of(cls, within: KernelSums, between: KernelSums) -> _Side:
        n, m = between.rows.shape[-1], between.columns.shape[-1]
        pairs, triples = n * (n - 1), n * (n - 1) * (n - 2)
        total, rows = within.total, within.rows
        mean_square = within.squares / pairs
        # E k(X, X') k(X, X''), and (E k(X, X'))² from four samples.
        shared = (rows.square().sum(-1) - within.squares) / triples
        mean = (total.square() - 4 * rows.square().sum(-1) + 2 * within.squares) / (
            triples * (n - 3)
        )
        across = between.rows.square().sum(-1)
        between_pairs = (across - between.squares) / (n * m * (m - 1))
        between_mean = (
            between.total.square() - across - between.columns.square().sum(-1) + between.squares
        ) / (pairs * m * (m - 1))
        product = (rows * between.rows).sum(-1)
        shared_product = product / (pairs * m)  # E k(X, X') k(X, Y)
        mean_product = (total * between.total - 2 * product) / (triples * m)
        witness = shared - mean + between_pairs - between_mean - 2 * (shared_product - mean_product)
        return cls(n, witness, mean_square - 2 * shared + mean, between_pairs, between_mean)
