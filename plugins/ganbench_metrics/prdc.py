"""The share of each set within the manifold of the other: in balls around its samples."""

from __future__ import annotations

import abc
import math
from typing import TYPE_CHECKING

from ganbench import Column, FeatureSet, Measured, Metric, option
from ganbench_metrics.matrices import SEED, Tensors, chosen

if TYPE_CHECKING:
    from torch import Tensor


class _Manifolds(Metric):
    """Shares of samples within balls that reach to each sample's k-th nearest neighbor."""

    needs = ("features",)

    k: int = option(5, "which neighbor bounds a ball", ge=1)
    samples: int = option(10_000, "the most samples of each side", ge=2)

    def reference(self, real: FeatureSet) -> Tensors:
        """``features`` (m, d) of the chosen samples, and the ``radii`` (m,) of their balls."""
        from ganbench_metrics.manifolds import neighbour_radii

        features = chosen(real.features, self.samples)
        if len(features) <= self.k:
            return {"features": features}
        return {"features": features, "radii": neighbour_radii(features, self.k)}

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """The shares; NaN with a reason where a side has too few samples."""
        real, ours = reference["features"], chosen(fake.features, self.samples)
        few = min(len(real), len(ours))
        if few <= self.k:
            reason = f"{few} images on one side are too few for the k = {self.k} nearest neighbors"
            return Measured({column.name: math.nan for column in self.columns}, reason=reason)
        values = self._shares(real, ours, reference["radii"])
        details = {"n_real": len(real), "n_fake": len(ours), "k": self.k, "seed": SEED}
        note = f"k = {self.k}, {len(ours):,} fake and {len(real):,} real images"
        return Measured(values, details, note)

    @abc.abstractmethod
    def _shares(self, real: Tensor, fake: Tensor, real_radii: Tensor) -> dict[str, float]:
        """The value of every column."""


class PrecisionRecall(_Manifolds):
    """The share of each set within the balls to the k-th neighbors of the other.

    Its values depend on the numbers of samples: compare them at equal numbers. A copy of the training
    data scores perfectly.
    """

    paper = "Kynkäänniemi et al., 2019, arXiv:1904.06991; Naeem et al., 2020, arXiv:2002.09797"
    default = True
    columns = (
        Column(
            "precision",
            meaning="share of fakes within the real manifold",
            better="higher",
            scale="share",
            shown=True,
        ),
        Column(
            "recall",
            meaning="share of real samples within the fake manifold",
            better="higher",
            scale="share",
            shown=True,
            lost_modes=True,
        ),
        Column(
            "density",
            meaning="how densely fakes lie where real samples are, about 1 for real ones",
            better="higher",
            scale="log",
        ),
        Column(
            "coverage",
            meaning="share of real samples with a fake nearby",
            better="higher",
            scale="share",
            lost_modes=True,
        ),
    )

    def _shares(self, real: Tensor, fake: Tensor, real_radii: Tensor) -> dict[str, float]:
        from ganbench_metrics.manifolds import prdc

        return prdc(real, fake, self.k, real_radii=real_radii)


class ClippedDensityCoverage(_Manifolds):
    """Density and coverage that are robust to outliers, on the scale of a share of good samples.

    A value of 0.8 means: as if 80 % of the fakes had the data's distribution and the rest were far
    away. A copy of the training data scores perfectly.
    """

    paper = "Salvy et al., 2025, arXiv:2507.01761"
    columns = (
        Column(
            "clipped_density",
            meaning="share of fakes that lie where real samples are, each counted once",
            better="higher",
            scale="share",
            label="clipped density",
        ),
        Column(
            "clipped_coverage",
            meaning="share of good fakes that would cover the real samples as well",
            better="higher",
            scale="share",
            label="clipped coverage",
            lost_modes=True,
        ),
    )

    def _shares(self, real: Tensor, fake: Tensor, real_radii: Tensor) -> dict[str, float]:
        from ganbench_metrics.clipped_manifolds import clipped_prdc

        return clipped_prdc(real, fake, self.k, real_radii=real_radii)
