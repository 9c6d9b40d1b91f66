"""Every metric between two sides, from what one pass over the images of each has left."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ganbench.components.base import option
from ganbench.evaluation.extrapolation import extrapolate
from ganbench.evaluation.frechet import (
    Moments,
    Reference,
    distance_between,
    distance_to_reference,
)
from ganbench.evaluation.kernel_distance import (
    draw_subsets,
    effective_subset_size,
    few_enough,
    kernel_distance,
    subset_distance,
    subsets_vary,
    summed_up,
)
from ganbench.evaluation.npz import Statistics
from ganbench.evaluation.prdc import prdc
from ganbench.evaluation.rows import Rows
from ganbench.evaluation.side import SEED, Side

#: The metrics that can be asked for, and what each gives.
METRICS: Mapping[str, tuple[str, ...]] = {
    "fd": ("fd",),
    "is": ("cs_mean", "cs_std"),
    "kid": ("kid_mean", "kid_std"),
    "prdc": ("precision", "recall", "density", "coverage"),
    "fd-infinity": ("fd_infinity",),
}
_LOGITS_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class MetricSettings:
    """What decides the metrics beside the images and the features."""

    is_splits: int = option(10, "parts of the samples, whose scores are averaged", ge=1)
    kid_subsets: int = option(100, "pairs of subsets for KID", ge=1)
    kid_subset_size: int = option(1000, "images in each subset at the most", ge=2)
    prdc_k: int = option(5, "which neighbour bounds a ball", ge=1)
    prdc_samples: int = option(10_000, "images of a side for PRDC at the most", ge=2)
    fd_infinity_sizes: int = option(15, "sizes at which the distance is taken", ge=2)


@dataclass
class Measured:
    """One metric.

    :ivar values: by name; None where there is none.
    :ivar details: what decides the values.
    :ivar reason: why there are no values, or empty.
    """

    values: dict[str, float | None]
    details: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    @classmethod
    def missing(cls, metric: str, reason: str) -> Measured:
        """No values, and why."""
        return cls(dict.fromkeys(METRICS[metric]), reason=reason)


def measure(
    metric: str, real: Side | Statistics | None, fake: Side, settings: MetricSettings
) -> Measured:
    """One metric of the fake side, against the real one where it needs that.

    :param real: None for a metric of fakes alone.
    """
    if metric == "is":
        return _classifier_score(fake, settings)
    assert real is not None
    if metric == "fd":
        return _frechet(real, fake)
    if metric == "fd-infinity":
        return _extrapolated(real, fake, settings)
    if isinstance(real, Statistics):
        return Measured.missing(metric, "published statistics hold no single features")
    return _kernel(real, fake, settings) if metric == "kid" else _neighbours(real, fake, settings)


def reference_of(real: Side | Statistics, device: torch.device) -> Reference:
    """The real side, prepared for Fréchet distances."""
    if isinstance(real, Side):
        return real.reference
    width = len(real.mean)  # the number of images is not published, so the rank may be full
    return Reference.from_moments(Moments(width + 1, real.mean.to(device), real.cov.to(device)))


def _frechet(real: Side | Statistics, fake: Side) -> Measured:
    reference = reference_of(real, fake.moments.mean.device)
    few = fake.count < len(fake.moments.mean) and len(fake.features) == fake.count
    if few:
        features = fake.features.all().to(fake.moments.mean.device)
        distance = distance_to_reference(reference, features)
    else:
        distance = distance_between(reference, fake.moments)
    n_real = real.count if isinstance(real, Side) else None
    return Measured({"fd": distance}, {"n_fake": fake.count, "n_real": n_real, "ddof": 1})


def _extrapolated(real: Side | Statistics, fake: Side, settings: MetricSettings) -> Measured:
    reference = reference_of(real, fake.moments.mean.device)
    found = extrapolate(reference, fake.features, settings.fd_infinity_sizes, SEED)
    if found is None:
        reason = (
            f"{len(fake.features)} fake images are too few for {settings.fd_infinity_sizes} sizes"
        )
        return Measured.missing("fd-infinity", reason)
    details = {
        "sizes": found.sizes,
        "distances": found.distances,
        "slope": found.slope,
        "residual": found.residual,
        "seed": SEED,
        "n_real": real.count if isinstance(real, Side) else None,
    }
    return Measured({"fd_infinity": found.intercept}, details)


def _classifier_score(fake: Side, settings: MetricSettings) -> Measured:
    """As `classifier_score`, from logits that need not fit in memory."""
    logits, splits = fake.logits, settings.is_splits
    if logits is None:
        return Measured.missing("is", "the extractor has no logits")
    if len(logits) < splits:
        return Measured.missing("is", f"{len(logits)} images are fewer than the {splits} splits")
    order = np.random.RandomState(SEED).permutation(len(logits))
    bounds = [part * len(order) // splits for part in range(splits + 1)]
    scores = [_score(logits, order[a:b], fake) for a, b in itertools.pairwise(bounds)]
    values: dict[str, float | None] = {
        "cs_mean": float(np.mean(scores)),
        "cs_std": float(np.std(scores)) if splits > 1 else None,
    }
    details = {"n_fake": len(logits), "splits": splits, "seed": SEED, "classes": logits.width}
    return Measured(values, details)


def _score(logits: Rows, indices: np.ndarray, side: Side) -> float:
    """exp(mean Σ p ln p - Σ q ln q) with q the mean of p."""
    total: Any = 0.0
    entropy: Any = 0.0
    for start in range(0, len(indices), _LOGITS_AT_ONCE):
        part = logits.take(indices[start : start + _LOGITS_AT_ONCE])
        log_p = part.to(side.moments.mean.device).double().log_softmax(1)
        p = log_p.exp()
        entropy = entropy + torch.where(p > 0, p * log_p, 0.0).sum()
        total = total + p.sum(0)
    q = total / len(indices)
    return math.exp(float(entropy / len(indices) - torch.xlogy(q, q).sum()))


def _kernel(real: Side, fake: Side, settings: MetricSettings) -> Measured:
    n_real, n_fake = len(real.features), len(fake.features)
    subsets = settings.kid_subsets
    size = effective_subset_size(n_real, n_fake, settings.kid_subset_size)
    device = fake.moments.mean.device
    # The fake side first: subsets are drawn as for torch-fidelity's first input, the fake images.
    if few_enough(n_real, n_fake, subsets, size):
        x, y = (side.features.all().to(device) for side in (fake, real))
        mean, std = kernel_distance(x, y, subsets, size, SEED)
    else:
        found = list(_subset_distances(fake, real, subsets, size, device))
        mean, std = summed_up(found, n_real, n_fake, size)
    details = {
        "n_fake": n_fake,
        "n_real": n_real,
        "subsets": subsets,
        "subset_size": size,
        "kernel": "(x·y/d + 1)³",
        "seed": SEED,
    }
    vary = subsets_vary(n_real, n_fake, subsets, size)
    return Measured({"kid_mean": mean, "kid_std": std if vary else None}, details)


def _subset_distances(
    first: Side, second: Side, subsets: int, size: int, device: torch.device
) -> Iterator[float]:
    drawn = draw_subsets(len(first.features), len(second.features), subsets, size, SEED)
    for of_first, of_second in zip(*drawn, strict=True):
        x, y = first.features.take(of_first), second.features.take(of_second)
        yield subset_distance(x.to(device), y.to(device))


def _neighbours(real: Side, fake: Side, settings: MetricSettings) -> Measured:
    k, most = settings.prdc_k, settings.prdc_samples
    counts = [min(most, len(side.features)) for side in (real, fake)]
    if min(counts) <= k:
        reason = f"{min(counts)} images on one side are too few for the k = {k} nearest neighbours"
        return Measured.missing("prdc", reason)
    device = fake.moments.mean.device
    radii = real.radii(most, k).to(device)
    x, y = (side.features.take(side.chosen(most)).to(device) for side in (real, fake))
    values: dict[str, float | None] = dict(prdc(x, y, k, real_radii=radii))
    return Measured(values, {"n_real": counts[0], "n_fake": counts[1], "k": k, "seed": SEED})
