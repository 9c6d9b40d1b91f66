"""Published statistics in place of real samples: only their mean and covariance are known."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ganbench.components.extractor import FeatureNetwork
from ganbench.components.metric import FeatureSet
from ganbench.evaluation.features import MISSING
from ganbench.evaluation.metric_references import Tensors, checked_reference, metric_digest
from ganbench.evaluation.statistics_files import Statistics
from ganbench.registry.info import ResolvedComponent


def published_set(
    statistics: Statistics, network: FeatureNetwork, device: torch.device
) -> FeatureSet:
    """The feature set of samples of which only mean and covariance are known."""
    moments = statistics.moments(device)
    missing = dict.fromkeys(
        (*MISSING, "features", "images"), "published statistics have no single features"
    )
    parts = {"moments": lambda: moments}
    return FeatureSet(statistics.images, 0, network, device, parts, missing)


class PublishedFeatures:
    """Published statistics instead of real samples."""

    held_out = None
    remark = ""

    def __init__(
        self, label: str, statistics: Statistics, network: FeatureNetwork, device: torch.device
    ) -> None:
        self.label, self.count = label, statistics.images
        self.samples = published_set(statistics, network, device)
        self.warnings: list[str] = []
        self._references: dict[str, Tensors] = {}

    def reference(self, metric: ResolvedComponent) -> Tensors:
        """As in `RealFeatures`."""
        name = metric_digest(metric)
        if name not in self._references:
            view = self.samples.only(metric.component.needs, metric.spec)
            self._references[name] = checked_reference(metric, metric.component.reference(view))
        return self._references[name]

    def forget(self) -> None:
        """As in `RealFeatures`."""
        self._references.clear()

    def floor(self, metric: ResolvedComponent, samples: int) -> Mapping[str, float]:
        """Unknown: empty."""
        return {}
