"""Metrics of class-conditional generation: each class by itself, and whether it is the right one."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ganbench.evaluation.frechet import Reference, distance_to_reference

_FEWEST = 2  # samples of a class, for a covariance


def class_references(features: torch.Tensor, labels: torch.Tensor) -> dict[int, Reference]:
    """Real samples, class by class: what generated ones of the same class are compared with.

    :param features: (n, d).
    :param labels: (n,) the class of each.
    :returns: a reference for each class that has at least 2 samples.
    """
    return {
        label: Reference.from_features(members)
        for label, members in _by_class(features, labels).items()
    }


def class_distances(
    references: Mapping[int, Reference], features: torch.Tensor, labels: torch.Tensor
) -> dict[int, float]:
    """The Fréchet distance within each class that has at least 2 samples on both sides.

    With n samples of a class the distance is biased upwards, the more so the smaller n is (a class
    often has fewer samples than there are features): values compare at equal n only, and not with
    the distance over all classes.

    :param features: (n, d) of generated samples.
    :param labels: (n,) the class that each was asked for.
    """
    return {
        label: distance_to_reference(references[label], members)
        for label, members in _by_class(features, labels).items()
        if label in references
    }


def conditional_metrics(
    references: Mapping[int, Reference],
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
    distances = list(class_distances(references, features, labels).values())
    if distances:
        metrics["class_fd_mean"] = sum(distances) / len(distances)
        metrics["class_fd_worst"] = max(distances)
    if class_logits is not None:
        hits = class_logits.argmax(1) == labels
        metrics["class_accuracy"] = float(hits.double().mean())
    return metrics


def _by_class(features: torch.Tensor, labels: torch.Tensor) -> dict[int, torch.Tensor]:
    """The features of each class that has enough of them."""
    classes, counts = labels.unique(return_counts=True)
    return {label: features[labels == label] for label in classes[counts >= _FEWEST].tolist()}
