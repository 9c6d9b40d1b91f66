"""A feature space: one extractor with the real samples in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ganbench.components.extractor import ExtractorContext, FeatureNetwork
from ganbench.evaluation.checked_network import checked_network
from ganbench.evaluation.published_features import PublishedFeatures
from ganbench.evaluation.real_features import RealFeatures, RealSettings
from ganbench.evaluation.recorded_network import recorded
from ganbench.evaluation.sources import Source
from ganbench.registry.info import ResolvedComponent

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class FeatureSpace:
    """One extractor with the real samples in it.

    :ivar name: follows an ``@`` in the columns of all extractors but the first.
    :ivar real: None where no metric needs real samples.
    """

    name: str
    network: FeatureNetwork
    real: RealFeatures | PublishedFeatures | None


def feature_space(
    extractor: ResolvedComponent,
    network: FeatureNetwork,
    settings: RealSettings,
    real: Source | None,
    test: Source | None = None,
) -> FeatureSpace:
    """An extractor with the real samples in it.

    :param test: the test split, for metrics that read it.
    """
    held_out = None if test is None else RealFeatures(test, network, settings)
    features = None if real is None else RealFeatures(real, network, settings, held_out)
    return FeatureSpace(extractor.mark, network, features)


def ready_network(
    extractor: ResolvedComponent, context: ExtractorContext, batch_size: int | None = None
) -> FeatureNetwork:
    """The network, arranged for speed where it can be: its last bits may depend on that.

    :param batch_size: images for one pass; None leaves it to the extractor.
    """
    network = checked_network(extractor.spec, extractor.component.prepare(context))
    return arranged(network, context.device, batch_size)


def arranged(
    network: FeatureNetwork, device: torch.device, batch_size: int | None = None
) -> FeatureNetwork:
    """A network as trials use it, see `ready_network`."""
    network = network if network.faster is None else network.faster()
    if batch_size is not None:
        network = replace(network, batch_size=batch_size)
    return recorded(network, device)


def kept_parts(metrics: Iterable[ResolvedComponent]) -> frozenset[str]:
    """The parts of feature sets that metrics read."""
    return frozenset().union(*(m.component.needs for m in metrics))


def has_test_split(dataset: ResolvedComponent, reference_split: str) -> bool:
    """Whether a data set has a test split beside the split of the real samples."""
    return "test" in dataset.component.splits and reference_split != "test"
