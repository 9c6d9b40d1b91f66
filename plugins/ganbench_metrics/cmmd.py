"""The distance of CMMD, in any features."""

from __future__ import annotations

from ganbench import Column, FeatureSet, Measured, Metric, option
from ganbench_metrics.matrices import SEED, Tensors, both, chosen


class GaussianDistance(Metric):
    """1000 times the squared maximum mean discrepancy with a Gaussian kernel, of unit features.

    It does not assume normal distributions. Its paper uses CLIP's features; compare values only in the
    same features. It ignores the length of a feature vector, and its wide kernel measures mostly the
    means of the unit vectors.
    """

    paper = "Jayasumana et al., 2024, arXiv:2401.09603"
    needs = ("features",)
    columns = (
        Column(
            "cmmd",
            meaning="1000 times the squared MMD with a Gaussian kernel, of features of length 1",
            better="lower",
            scale="log",
            label="CMMD",
            floor=True,
        ),
    )

    samples: int = option(10_000, "the most samples of each side", ge=1)

    def reference(self, real: FeatureSet) -> Tensors:
        """``features`` (m, d) of the chosen samples, and their mean kernel ``within``."""
        from ganbench_metrics.gaussian_mmd import unit, within

        features = chosen(real.features, self.samples)
        return {"features": features, "within": within(unit(features))}

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``cmmd``, at least 0."""
        from ganbench_metrics.gaussian_mmd import distance, unit

        real, ours = both(reference["features"], chosen(fake.features, self.samples))
        value = distance(reference["within"], unit(real), unit(ours))
        details = {
            "n_real": len(real),
            "n_fake": len(ours),
            "sigma": 10,
            "scale": 1000,
            "seed": SEED,
        }
        return Measured(
            {"cmmd": value}, details, f"{len(ours):,} fake and {len(real):,} real images"
        )
