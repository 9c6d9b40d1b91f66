"""Class-conditional samples: each class by itself, and whether a sample is of the right one."""

from __future__ import annotations

from torch import Tensor

from ganbench_metrics.frechet import frechet_distance

_FEWEST = 2  # samples of a class, for a covariance


def class_distances(
    real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor
) -> dict[int, float]:
    """The Fréchet distance within each class that has at least 2 samples on both sides.

    With n samples of a class the distance is biased upwards, the more so the smaller n is (a class
    often has fewer samples than there are features): values compare at equal n only, and not with
    the distance over all classes.

    :param real: (n, d) features.
    :param real_labels: (n,) the class of each.
    :param fake: (m, d) features of generated samples.
    :param fake_labels: (m,) the class that each was asked for.
    :raises ValueError: if a side has another number of labels than of samples.
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
    """The share of samples in which a classifier sees the class that was asked for.

    :param class_logits: (n, classes) of a classifier of the data set's classes.
    :param labels: (n,) the class that each was asked for.
    """
    return float((class_logits.argmax(1) == labels.to(class_logits.device)).double().mean())


def _classes(labels: Tensor) -> set[int]:
    """Those with enough samples."""
    classes, counts = labels.unique(return_counts=True)
    return set(classes[counts >= _FEWEST].tolist())
