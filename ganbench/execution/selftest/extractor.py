"""The feature network of the self-test: with the published weights, or with made-up ones."""

from __future__ import annotations

import functools
from typing import Any

import torch

from ganbench.base.paths import cache_root, data_root
from ganbench.components.data import DataSpec
from ganbench.components.extractor import Extractor, ExtractorContext, FeatureNetwork
from ganbench.evaluation.feature_space import arranged
from ganbench.execution.selftest.cells import table
from ganbench.execution.selftest.outcome import ImpossibleError, Setting
from ganbench.execution.selftest.plugin import registry


def feature_network(data: DataSpec, extractor: str, setting: Setting) -> FeatureNetwork:
    """A network of the timed evaluation for such data, arranged for speed as in trials.

    It has the published weights, or made-up ones where those are missing or the test is quick.

    :param extractor: the key of its spec in the table.
    :raises ImpossibleError: if its weights are missing, and it cannot make some up.
    """
    return _network(data, table()["evaluation"][extractor], setting.device, not setting.quick)


@functools.lru_cache(maxsize=1)
def _network(data: DataSpec, spec: str, device: torch.device, published: bool) -> FeatureNetwork:
    extractor: Extractor = registry().bind("extractor", spec).component
    root, cache = data_root(), cache_root()
    context = ExtractorContext(data, _no_data, "", cache, device, _silent, root)
    network = None
    if published and extractor.missing(root, cache, _silent) is None:
        network = extractor.prepare(context)
    network = network or extractor.made_up(context)
    if network is None:
        raise ImpossibleError(f"the weights of {spec} are missing here")
    return arranged(network, device)


def _no_data(split: str) -> Any:
    raise ImpossibleError("the network of the timed evaluation learns from its data")


def _silent(text: str) -> None:
    return
