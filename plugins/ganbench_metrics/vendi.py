"""The diversity of generated samples."""

from __future__ import annotations

import math

from ganbench import Column, FeatureSet, Measured, Metric
from ganbench_metrics.matrices import Tensors


class Vendi(Metric):
    """The effective number of different samples: exp of the entropy of their similarities.

    It uses only generated samples and measures only diversity: noise is very diverse.
    """

    paper = "Friedman and Dieng, 2023, arXiv:2210.02410"
    needs = ("features",)
    columns = (
        Column(
            "vendi",
            meaning="effective number of different samples, by the cosines of their features",
            better="higher",
            scale="log",
            label="Vendi score",
        ),
    )

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``vendi`` from 1 to the lesser number of samples and features."""
        from ganbench_metrics.eigenvalue_entropy import vendi_score

        features = fake.features
        if not bool(features.any()):
            return Measured({"vendi": math.nan}, reason="all features are zero")
        details = {"n_fake": len(features), "kernel": "cosine"}
        return Measured({"vendi": vendi_score(features)}, details, f"{len(features):,} images")
