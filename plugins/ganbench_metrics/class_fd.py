"""Class-conditional samples, class by class."""

from __future__ import annotations

import math

from ganbench import Column, FeatureSet, Measured, Metric
from ganbench_metrics.matrices import Tensors


class ClassFrechetDistance(Metric):
    """The Fréchet distance within each class, and the share of samples of the right class.

    A class often has fewer samples than features, which raises the distance: compare it at equal
    numbers of samples in a class, and never with the distance over all classes.
    """

    paper = "Heusel et al., 2017, arXiv:1706.08500, class by class"
    default = True
    needs = ("features", "labels", "class_logits")
    optional = ("class_logits",)
    columns = (
        Column(
            "class_fd_mean",
            meaning="`fd` class by class, mean; compare it at equal samples in a class",
            better="lower",
            scale="log",
            label="Fréchet distance by class, mean",
            shown=True,
            floor=True,
        ),
        Column(
            "class_fd_worst",
            meaning="`fd` class by class, the worst; compare it at equal samples in a class",
            better="lower",
            scale="log",
            label="Fréchet distance by class, worst",
        ),
        Column(
            "class_accuracy",
            meaning="share of fakes that a classifier of the data assigns to the requested class",
            better="higher",
            scale="share",
            shown=True,
        ),
    )

    def reference(self, real: FeatureSet) -> Tensors:
        """``features`` (n, d) and ``labels`` (n,)."""
        return {"features": real.features, "labels": real.labels}

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """Mean and worst distance over the classes with 2 samples a side, and the accuracy."""
        from ganbench_metrics.class_distances import class_accuracy, class_distances

        labels = fake.labels
        distances = class_distances(
            reference["features"], reference["labels"], fake.features, labels
        )
        values = dict.fromkeys((column.name for column in self.columns), math.nan)
        if distances:
            values["class_fd_mean"] = sum(distances.values()) / len(distances)
            values["class_fd_worst"] = max(distances.values())
        if fake.extractor.classifies and fake.lacks("class_logits") is None:
            values["class_accuracy"] = class_accuracy(fake.class_logits, labels)
        details = {
            "n_fake": len(labels),
            "n_real": len(reference["labels"]),
            "classes": len(distances),
        }
        return Measured(values, details, f"{len(distances)} classes")
