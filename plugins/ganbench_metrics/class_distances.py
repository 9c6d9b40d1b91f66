"""Class-conditional samples: the distance within each class, and the accuracy of classes."""

from __future__ import annotations

from torch import Tensor

from ganbench_metrics.frechet import frechet_distance

_FEWEST = 2  # samples of a class, for a covariance


def class_distances(
    real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor
) -> dict[int, float]:
    """The Fréchet distance within each class that has at least 2 samples on both sides.

    The distance is biased upwards, more strongly for a smaller number n of samples in a class (often
    fewer than the features): compare values only at equal n, and not with the distance over all
    classes.

    :param real: (n, d) features.
    :param real_labels: (n,) the class of each.
    :param fake: (m, d) features of generated samples.
    :param fake_labels: (m,) the requested class of each.
    :raises ValueError: if a side has unequal numbers of labels and samples.
    """
    for features, labels in ((real, real_labels), (fake, fake_labels)):
        if labels.shape != features.shape[:1]:
            raise ValueError(
                f"{len(features)} samples need as many labels, not {tuple(labels.shape)}"
            )
    common = _classes(real_labels) & _classes(fake_labels)
    return {
        label: frechet_distance(real[real_labels == label], fake[fake_labels == label])
        for label in sorted(common)
    }


def class_accuracy(class_logits: Tensor, labels: Tensor) -> float:
    """The share of samples that a classifier assigns to the requested class.

    :param class_logits: (n, classes) of a classifier of the data set's classes.
    :param labels: (n,) the requested class of each.
    """
    return float((class_logits.argmax(1) == labels.to(class_logits.device)).double().mean())


def _classes(labels: Tensor) -> set[int]:
    """Those with enough samples."""
    classes, counts = labels.unique(return_counts=True)
    return set(classes[counts >= _FEWEST].tolist())
