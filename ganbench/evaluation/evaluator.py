"""One evaluation: samples, one feature pass, every metric."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ganbench.components.data import DataSpec
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import FeatureNetwork
from ganbench.evaluation.classifier_score import classifier_score
from ganbench.evaluation.conditional import conditional_metrics
from ganbench.evaluation.features import Pass
from ganbench.evaluation.frechet import distance_to_reference
from ganbench.evaluation.kernel_distance import effective_subset_size, kernel_distance
from ganbench.evaluation.prdc import prdc
from ganbench.evaluation.reference import Protocol, RealStatistics
from ganbench.grid.settings import EvaluationSettings
from ganbench.training.batches import to_uint8

_SPLITS = 10


@dataclass(frozen=True)
class Evaluator:
    """Everything that is equal for all evaluations of one data set, extractor and protocol."""

    data: DataSpec
    dataset: Dataset
    network: FeatureNetwork
    real: RealStatistics
    protocol: Protocol
    settings: EvaluationSettings

    @property
    def extractor(self) -> str:
        """The full identity of the metrics: ``network:fake/real:split``."""
        counts = f"{self.settings.samples}/{self.real.count}"
        return f"{self.network.identity}:{counts}:{self.protocol.split}"

    def evaluate(
        self, batches: Iterable[torch.Tensor], labels: torch.Tensor | None = None
    ) -> dict[str, float]:
        """The metrics of generated samples.

        :param batches: float32 samples (b, c, h, w) in [-1, 1].
        :param labels: (n,) the classes that the samples were asked for, or None.
        :returns: ``fd``, ``cs_*``, ``kid_*``, ``precision``, ``recall``, ``density``, ``coverage``
            and the data set's own; NaN where a metric is not defined. With labels, those of
            `conditional_metrics` as well. All are NaN if a sample or a feature is not finite.
        """
        finite, ready, floats = [], [], []
        own = type(self.dataset).statistics is not Dataset.statistics
        for batch in batches:
            finite.append(batch.isfinite().all())
            ready.append(to_uint8(batch) if self.data.kind == "image" else batch)
            if own:  # a large set of images is kept as bytes only, unless the data set asks
                floats.append(batch)
        passed = Pass(self.network).run(ready)
        if not bool(torch.stack(finite).all()) or not bool(passed.features.isfinite().all()):
            return dict.fromkeys(_METRICS, math.nan)
        metrics = self._metrics(passed.features, passed.logits)
        if labels is not None:
            class_logits = passed.logits if self.network.classifies else None
            metrics |= conditional_metrics(self.real, passed.features, labels, class_logits)
        return metrics | (self.dataset.statistics(torch.cat(floats).cpu()) if own else {})

    def _metrics(self, features: torch.Tensor, logits: torch.Tensor | None) -> dict[str, float]:
        metrics = dict.fromkeys(_METRICS, math.nan)
        metrics["fd"] = distance_to_reference(self.real.reference, features)
        if logits is not None and len(logits) >= _SPLITS:
            metrics["cs_mean"], metrics["cs_std"] = classifier_score(logits, _SPLITS)
        real = self.real.features
        size = effective_subset_size(len(real), len(features), self.settings.kid_subset_size)
        metrics["kid_mean"], metrics["kid_std"] = kernel_distance(
            real, features, self.settings.kid_subsets, size
        )
        k, count = self.settings.prdc_k, self.settings.prdc_samples
        neighbours = features[:count]
        if len(self.real.radii) and len(neighbours) > k:
            metrics |= prdc(real[: len(self.real.radii)], neighbours, k, real_radii=self.real.radii)
        return metrics


_METRICS = (
    "fd",
    "cs_mean",
    "cs_std",
    "kid_mean",
    "kid_std",
    "precision",
    "recall",
    "density",
    "coverage",
)
