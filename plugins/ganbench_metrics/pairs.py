"""Translated images against their targets."""

from __future__ import annotations

from ganbench import Column, FeatureSet, Measured, Metric
from ganbench_metrics.matrices import Tensors


class PairedImages(Metric):
    """L1, peak signal-to-noise ratio and structural similarity of translated images.

    They compare with one target: a plausible translation that differs from it scores badly.
    """

    paper = "Wang et al., 2004, IEEE TIP 13(4); Isola et al., 2017, arXiv:1611.07004"
    default = True
    needs = ("images", "pairs")
    columns = (
        Column(
            "l1",
            meaning="mean difference from the target, 0 to 1; pairs",
            better="lower",
            scale="log",
            shown=True,
        ),
        Column(
            "psnr",
            unit="dB",
            meaning="peak signal-to-noise ratio of pairs, mean",
            better="higher",
            shown=True,
        ),
        Column("ssim", meaning="structural similarity of pairs, mean", better="higher", shown=True),
    )

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``l1`` in [0, 1], ``psnr`` in dB and ``ssim`` in [-1, 1]."""
        from ganbench_metrics.likeness import mean_scores

        values = mean_scores(fake.stored("images"), fake.stored("pairs"), fake.device)
        return Measured(values, {"n_fake": len(fake)}, f"{len(fake):,} pairs")
