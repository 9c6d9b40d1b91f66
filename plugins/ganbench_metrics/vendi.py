"""The diversity of generated samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ganbench import Column, FeatureSet, Measured, Metric

if TYPE_CHECKING:
    from torch import Tensor


class Vendi(Metric):
    """How many different samples there are: exp of the entropy of their similarities.

    It looks at generated samples alone, and measures diversity only: noise has much of it.
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

    def compute(self, fake: FeatureSet, reference: Mapping[str, Tensor]) -> Measured:
        """``vendi`` from 1 to the lesser number of samples and features."""
        from ganbench_metrics.eigenvalue_entropy import vendi_score

        features = fake.features
        if not bool(features.any()):
            return Measured({"vendi": math.nan}, reason="all features are zero")
        details = {"n_fake": len(features), "kernel": "cosine"}
        return Measured({"vendi": vendi_score(features)}, details, f"{len(features):,} images")
