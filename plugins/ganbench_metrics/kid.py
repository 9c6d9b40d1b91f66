"""The kernel distance: KID in any features."""

from __future__ import annotations

import math

from ganbench import Column, FeatureSet, Measured, Metric, option
from ganbench_metrics.matrices import SEED, Tensors


class KernelDistance(Metric):
    """The squared maximum mean discrepancy with a cubic kernel, without bias: mean of subsets.

    Unlike the Fréchet distance it means the same at every number of samples. With few samples it varies
    more, and near zero it is negative half of the time.
    """

    paper = "Bińkowski et al., 2018, arXiv:1801.01401"
    default = True
    needs = ("features",)
    columns = (
        Column(
            "kid_mean",
            meaning="kernel distance (squared MMD), mean of subsets",
            better="lower",
            label="kernel distance (MMD²)",
            shown=True,
            floor=True,
        ),
        Column(
            "kid_error",
            meaning="standard error of `kid_mean`, over other samples of the generator and the data",
            spread_of="kid_mean",
        ),
        Column(
            "kid_std",
            meaning="standard deviation of the kernel distance over subsets; missing if the "
            "subsets of a side contain all its samples, or for one subset",
            spread_of="kid_mean",
        ),
    )

    subsets: int = option(100, "pairs of subsets", ge=1)
    subset_size: int = option(1000, "the most samples in a subset", ge=2)

    def reference(self, real: FeatureSet) -> Tensors:
        """``features`` (n, d)."""
        return {"features": real.features}

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """Mean, its error, and the deviation of subsets where those of both sides vary."""
        from ganbench_metrics.kernel_distance import effective_subset_size, kernel_estimate

        real, ours = reference["features"], fake.features
        found = kernel_estimate(real, ours, self.subsets, self.subset_size)
        size = effective_subset_size(len(real), len(ours), self.subset_size)
        details = {
            "n_fake": len(ours),
            "n_real": len(real),
            "subsets": self.subsets,
            "subset_size": size,
            "kernel": "(x·y/d + 1)³",
            "seed": SEED,
        }
        whole = [side for side, set_ in (("fake", ours), ("real", real)) if len(set_) <= size]
        of = f", which are all {' and all '.join(whole)} images" if whole else ""
        between = "" if math.isnan(found.std) else ", ± between subsets"
        note = f"{self.subsets} subsets of {size}{of}{between}"
        values = {"kid_mean": found.mean, "kid_error": found.error, "kid_std": found.std}
        return Measured(values, details, note)
