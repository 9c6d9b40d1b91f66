"""Metrics of class-conditional generation: each class by itself, and whether it is the right one."""

from __future__ import annotations

import torch

from ganbench.evaluation.frechet import frechet_distance
from ganbench.evaluation.reference import RealStatistics

_FEWEST = 2  # samples of a class, for a covariance


def class_distances(
    real: torch.Tensor, real_labels: torch.Tensor, fake: torch.Tensor, fake_labels: torch.Tensor
) -> dict[int, float]:
    """The Fréchet distance within each class that has at least 2 samples on both sides.

    With n samples of a class the distance is biased upwards, the more so the smaller n is (a class
    often has fewer samples than there are features): values compare at equal n only, and not with
    the distance over all classes.

    :param real: (n, d) features.
    :param real_labels: (n,) the class of each.
    :param fake: (m, d) features of generated samples.
    :param fake_labels: (m,) the class that each was asked for.
    """
    common = _classes(real_labels) & _classes(fake_labels)
    return {
        label: frechet_distance(real[real_labels == label], fake[fake_labels == label])
        for label in sorted(common)
    }


def conditional_metrics(
    real: RealStatistics,
    features: torch.Tensor,
    labels: torch.Tensor,
    class_logits: torch.Tensor | None,
) -> dict[str, float]:
    """What is left out is not defined.

    :param features: (n, d) of generated samples.
    :param labels: (n,) the class that each was asked for.
    :param class_logits: (n, classes) of a classifier of the data set's classes, or None.
    :returns: ``class_fd_mean`` and ``class_fd_worst`` over the classes of `class_distances`, and
        ``class_accuracy``, the share of samples in which the classifier sees the class asked for.
    """
    if labels.shape != features.shape[:1]:
        raise ValueError(f"{len(features)} samples need as many labels, not {tuple(labels.shape)}")
    labels = labels.to(features.device)
    metrics = {}
    if real.labels is not None:
        distances = class_distances(real.features, real.labels, features, labels).values()
        if distances:
            metrics["class_fd_mean"] = sum(distances) / len(distances)
            metrics["class_fd_worst"] = max(distances)
    if class_logits is not None:
        hits = class_logits.argmax(1) == labels
        metrics["class_accuracy"] = float(hits.double().mean())
    return metrics


def _classes(labels: torch.Tensor) -> set[int]:
    """Those with enough samples."""
    classes, counts = labels.unique(return_counts=True)
    return set(classes[counts >= _FEWEST].tolist())
