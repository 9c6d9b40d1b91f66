"""Whether generated samples are copies of training samples."""

from __future__ import annotations

import math

from ganbench import Column, FeatureSet, Measured, Metric, option
from ganbench_metrics.matrices import SEED, Tensors, chosen


class Authenticity(Metric):
    """The percentage of generated samples that do not copy a training sample.

    A sample counts as a copy if it is nearer to its nearest training sample than that one is to any
    other. Copies give 0 %; new samples of the data's distribution give 40 to 90 %, more with more
    features. Samples far from all data give 100 %, so a high value does not mean good samples.
    """

    paper = "Alaa et al., 2022, arXiv:2102.08921; AuthPct of Stein et al., 2023, arXiv:2306.04675"
    every_tick = False
    needs = ("features",)
    columns = (
        Column(
            "authpct",
            unit="%",
            meaning="share of fakes that do not copy a training sample: 0 for copies; the floor "
            "is the value of new real samples",
            label="authentic samples",
            floor=True,
        ),
    )

    samples: int = option(10_000, "the most fakes; all real samples are searched", ge=1)

    def reference(self, real: FeatureSet) -> Tensors:
        """``features`` (n, d)."""
        return {"features": real.features}

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``authpct`` from 0 to 100; NaN with a reason for a single real sample."""
        from ganbench_metrics.authenticity import authentic

        real, ours = reference["features"], chosen(fake.features, self.samples)
        if len(real) < 2:
            return Measured({"authpct": math.nan}, reason="one real image has no neighbor")
        share = float(authentic(real, ours).double().mean())
        details = {"n_real": len(real), "n_fake": len(ours), "seed": SEED}
        note = f"{len(ours):,} fake and {len(real):,} real images"
        return Measured({"authpct": 100 * share}, details, note)


class DataCopying(Metric):
    """The test of data copying: are fakes nearer to training samples than held-out samples are?

    A z-score. Well below 0, the generator copies training samples; well above 0, its samples are
    farther from the data than real ones. It grows with the number of samples. A generator that copies
    half of its samples and spoils the other half may score 0.
    """

    paper = (
        "Meehan et al., 2020, arXiv:2004.05675; settings of Stein et al., 2023, arXiv:2306.04675"
    )
    every_tick = False
    needs = ("features", "held_out")
    columns = (
        Column(
            "ct",
            meaning="z-score of distances to training samples against those of held-out samples; "
            "below 0 for copies, above 0 for fakes far from the data",
            label="data copying (C_T)",
        ),
    )

    def reference(self, real: FeatureSet) -> Tensors:
        """The cells of the training samples, and the distances of the held-out ones to them."""
        from ganbench_metrics.copying import Cells

        return Cells.of(real.features, real.held_out).tensors()

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``ct``; NaN with a reason where no cell has enough samples."""
        from ganbench_metrics.copying import Cells, c_t

        cells = Cells(**reference)
        value = c_t(cells, fake.features)
        if math.isnan(value):
            reason = "no cell of the training samples has held-out images and more than 20 fakes"
            return Measured({"ct": value}, reason=reason)
        n_real, n_test = len(cells.train), len(cells.test_cells)
        details = {
            "n_real": n_real,
            "n_held_out": n_test,
            "n_fake": len(fake),
            "cells": len(cells.centers),
        }
        note = f"{len(fake):,} fake, {n_test:,} held-out and {n_real:,} real images"
        return Measured({"ct": value}, details, note)
