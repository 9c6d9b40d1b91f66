"""Mode coverage on mixtures of equal isotropic Gaussians.

The protocol of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al. 2018,
arXiv:1712.04086). A perfect sampler in two dimensions has ``high_quality`` = 1 - exp(-4.5) = 0.9889
and, with n samples of K modes, a ``reverse_kl`` of about (K - 1)/2n.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from ganbench import feature_matrix
from ganbench_metrics.matrices import same_width


def mixture_statistics(
    samples: Any, centers: Any, sigma: float, high_quality_radius: float = 3.0
) -> dict[str, float]:
    """The number of modes that a generator makes, their quality and their evenness.

    :param samples: (n, d) array or tensor, usually d = 2. Non-finite samples are of low quality.
    :param centers: (k, d) means of the modes.
    :param sigma: standard deviation of each mode, in every direction.
    :param high_quality_radius: a sample is of high quality if it is nearer than this many sigma to
        its nearest center.
    :returns: ``modes``, how many of the k have a high-quality sample; ``high_quality``,
        the share of such samples in [0, 1]; ``reverse_kl``, the divergence in nats of their
        histogram over the modes from the uniform one, in [0, ln k], NaN without such samples.
    :raises ValueError: for wrong shapes, no samples, non-finite centers, or a sigma or radius that
        is not positive.
    """
    points = feature_matrix(samples, "samples", finite=False).double()
    means = feature_matrix(centers, "centers").to(points)
    same_width(points, means)
    if not (sigma > 0 and high_quality_radius > 0):
        raise ValueError(
            f"sigma and high_quality_radius must be positive, got {sigma} and {high_quality_radius}"
        )
    # Not with matrix products, which lose the small distances of a narrow mode far from zero.
    distances = torch.cdist(points, means, compute_mode="donot_use_mm_for_euclid_dist")
    nearest, mode = distances.min(1)
    good = nearest < high_quality_radius * sigma
    histogram = torch.bincount(mode[good], minlength=len(means)).double()
    return {
        "modes": float((histogram > 0).sum()),
        "high_quality": float(good.double().mean()),
        "reverse_kl": _divergence_from_uniform(histogram),
    }


def _divergence_from_uniform(histogram: torch.Tensor) -> float:
    total = float(histogram.sum())
    if total == 0:
        return math.nan
    p = histogram / total
    return float(torch.xlogy(p, p * len(p)).sum())
