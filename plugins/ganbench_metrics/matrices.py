"""Two sets of features, side by side, and the choice of some of many samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import ganbench

if TYPE_CHECKING:
    from torch import Tensor

#: A metric's reference, by name; torch is not imported for it.
Tensors = Mapping[str, "Tensor"]

#: The seed of every choice that belongs to a metric's definition, as in torch-fidelity.
SEED = 2020


def both(real_features: Any, fake_features: Any, rows: int = 1) -> tuple[Tensor, Tensor]:
    """Check two matrices (n, d) and (m, d) of features, and bring them to the fake ones' device.

    :param rows: the least number of rows.
    :raises ValueError: for a wrong shape, differing d, too few rows or non-finite values.
    """
    fake = ganbench.feature_matrix(fake_features, "fake_features", rows=rows)
    real = ganbench.feature_matrix(real_features, "real_features", rows=rows).to(fake.device)
    same_width(real, fake)
    return real, fake


def same_width(first: Tensor, second: Tensor) -> None:
    """:raises ValueError: if two matrices differ in their number of columns."""
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"feature dimensions differ: {first.shape[1]} and {second.shape[1]}")


def chosen(features: Tensor, most: int) -> Tensor:
    """At most ``most`` rows, chosen by a fixed seed, in order; without a copy if all fit."""
    if len(features) <= most:
        return features
    rows = np.random.RandomState(SEED).choice(len(features), most, replace=False)
    return features[np.sort(rows)]
