"""Getting an extractor ready, the same way for trials, ``measure`` and ``eval``."""

from __future__ import annotations

from ganbench.components.extractor import ExtractorContext, FeatureNetwork
from ganbench.registry.info import Bound


def ready_network(extractor: Bound, context: ExtractorContext) -> FeatureNetwork:
    """The network, arranged for speed where it can be: its last bits may depend on that."""
    network: FeatureNetwork = extractor.component.prepare(context)
    return network if network.faster is None else network.faster()
