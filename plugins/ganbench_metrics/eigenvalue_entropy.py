"""Effective number of different samples (Vendi score: Friedman and Dieng 2023, arXiv:2210.02410)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ganbench import feature_matrix

_ROWS_AT_ONCE = 8192  # bounds the fp64 copy


def vendi_score(features: Any) -> float:
    """exp of the entropy of the eigenvalues of K/n, where K holds the cosines of all pairs.

    K/n = XXᵀ/n has the positive eigenvalues of XᵀX/n, and the smaller of both is used.

    :param features: (n, d) array or tensor; the work is done in fp64 on its device.
    :returns: from 1 for equal samples to min(n, d) for orthogonal ones. A vector of zeros has no
        cosine, and is ignored.
    :raises ValueError: for a wrong shape, non-finite values, or zeros only.
    """
    matrix = feature_matrix(features)
    matrix = matrix[matrix.any(1)]
    n, d = matrix.shape
    if not n:
        raise ValueError("features must not all be zero")
    if n <= d:
        unit = F.normalize(matrix.double(), dim=1)
        gram = unit @ unit.mT
    else:
        parts = (F.normalize(part.double(), dim=1) for part in matrix.split(_ROWS_AT_ONCE))
        gram = sum((part.mT @ part for part in parts), matrix.new_zeros(d, d, dtype=torch.float64))
    p = (torch.linalg.eigvalsh(gram) / n).clamp_min(0)
    return float((-torch.xlogy(p, p).sum()).exp())
