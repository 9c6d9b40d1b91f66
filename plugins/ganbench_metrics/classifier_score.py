"""Classifier score, the Inception score of any classifier (Salimans et al. 2016, arXiv:1606.03498).

exp of the mean KL divergence between a sample's class distribution p(y|x) and the average p(y): 1
where all samples look alike, the number of classes where each is certain and all are equally often.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench import feature_matrix
from ganbench_metrics.matrices import SEED


def classifier_score(logits: Any, splits: int = 10, seed: int = SEED) -> tuple[float, float]:
    """Mean and standard deviation of the score over disjoint parts of the samples.

    Shuffle, parts and estimators are torch-fidelity's, so that equal logits give its numbers. The
    deviation between parts says nothing about the deviation between training seeds.

    :param logits: (n, classes) array or tensor; the work is done in fp64 on its device.
    :param splits: number of parts; their sizes differ by 1 at most.
    :param seed: of the shuffle, since samples may be sorted by class.
    :returns: mean and (population) standard deviation of the parts' scores in [1, classes]; for one
        part, the deviation is NaN.
    :raises ValueError: for a wrong shape, non-finite logits, ``splits < 1`` or n < splits, because a
        part would be empty.
    """
    matrix = feature_matrix(logits, "logits")
    n = len(matrix)
    if not 1 <= splits <= n:
        raise ValueError(f"splits must be between 1 and the {n} samples, got {splits}")
    order = torch.from_numpy(np.random.RandomState(seed).permutation(n)).to(matrix.device)
    bounds = [part * n // splits for part in range(splits + 1)]
    parts = (matrix[order[start:end]] for start, end in itertools.pairwise(bounds))
    scores = torch.stack([_mean_divergence(part.double().log_softmax(1)) for part in parts]).exp()
    deviation = float(scores.std(correction=0)) if splits > 1 else math.nan
    return float(scores.mean()), deviation


def _mean_divergence(log_p: Tensor) -> Tensor:
    # The average's logarithm by logsumexp: a class that underflows everywhere would give 0 · ∞.
    log_q = log_p.logsumexp(0) - math.log(len(log_p))
    return (log_p.exp() * (log_p - log_q)).sum(1).mean()
