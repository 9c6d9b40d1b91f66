"""The classifier score: the Inception score of any classifier."""

from __future__ import annotations

import math

from ganbench import Column, FeatureSet, Measured, Metric, option
from ganbench_metrics.matrices import SEED, Tensors


class ClassifierScore(Metric):
    """exp of the mean divergence between a sample's classes and those of all samples.

    It uses only generated samples: a generator that makes one perfect image of each class has
    the best score.
    """

    paper = "Salimans et al., 2016, arXiv:1606.03498"
    default = True
    needs = ("class_logits",)
    columns = (
        Column(
            "cs_mean",
            meaning="classifier score: exp of the mean KL, mean of splits",
            better="higher",
            scale="log",
            label="classifier score",
        ),
        Column(
            "cs_std",
            meaning="standard deviation of the classifier score over splits",
            spread_of="cs_mean",
        ),
        Column(
            "is_mean",
            meaning="Inception score: `cs_mean`, only on the standard Inception network",
            better="higher",
            scale="log",
            label="Inception score",
            shown=True,
        ),
        Column(
            "is_std",
            meaning="`cs_std`, only on the standard Inception network",
            spread_of="is_mean",
        ),
    )

    splits: int = option(10, "number of parts; the score is the mean over them", ge=1)

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """The score in [1, classes]; one split has no deviation."""
        from ganbench_metrics.classifier_score import classifier_score

        logits = fake.class_logits
        if len(logits) < self.splits:
            reason = f"{len(logits)} images are fewer than the {self.splits} splits"
            return Measured({column.name: math.nan for column in self.columns}, reason=reason)
        mean, std = classifier_score(logits, self.splits)
        standard = (mean, std) if fake.extractor.standard_fid else (math.nan, math.nan)
        names = (column.name for column in self.columns)
        details = {
            "n_fake": len(logits),
            "splits": self.splits,
            "seed": SEED,
            "classes": logits.shape[1],
        }
        note = f"{self.splits} splits" + (", ± between splits" if self.splits > 1 else "")
        return Measured(dict(zip(names, (mean, std, *standard), strict=True)), details, note)
