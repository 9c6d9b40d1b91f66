"""Whether an extractor keeps its contract: one sentence in place of a later consequence."""

from __future__ import annotations

from typing import Any

import torch

from ganbench.base.errors import ContractError
from ganbench.base.text import kind_of_value
from ganbench.components.extractor import FeatureNetwork, Features


def checked_network(extractor: str, network: Any) -> FeatureNetwork:
    """What `Extractor.prepare` returned.

    :raises ContractError: for anything else than a network with an identity.
    """
    if not isinstance(network, FeatureNetwork):
        raise ContractError(
            f"prepare(context) of extractor {extractor} returns {kind_of_value(network)}: return a "
            "ganbench.FeatureNetwork(identity, forward)"
        )
    if not isinstance(network.identity, str) or not network.identity.strip():
        raise ContractError(
            f"the network of extractor {extractor} has the identity {network.identity!r}: give text "
            "that says all that its features depend on, since statistics are cached under it"
        )
    return network


def checked_features(network: FeatureNetwork, answer: Any, count: int) -> Features:
    """What a network's ``forward`` returned for ``count`` samples.

    :raises ContractError: for anything else than vectors of each sample.
    """
    what = f"forward of {network.identity}"
    if not isinstance(answer, Features):
        raise ContractError(
            f"{what} returns {kind_of_value(answer)}: return ganbench.Features(features, logits=None)"
        )
    for name, part in answer._asdict().items():
        if part is None and name == "logits":
            continue
        if not isinstance(part, torch.Tensor):
            raise ContractError(
                f"{what} returns {name} that are {kind_of_value(part)}: make them a tensor"
            )
        if part.ndim != 2 or len(part) != count:
            raise ContractError(
                f"{what} returns {name} of shape {tuple(part.shape)} for {count} samples: make them "
                f"({count}, d), one row for each sample, for example by flatten(1)"
            )
    if network.classifies and answer.logits is None:
        raise ContractError(f"{what} returns no logits, although classifies=True: return them, too")
    return answer
