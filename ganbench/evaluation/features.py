"""The feature pass: samples through a feature network once, for every metric at the same time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from ganbench.backends import float32_proper
from ganbench.components.extractor import FeatureNetwork


@dataclass(frozen=True)
class Passed:
    """What a pass gives: ``features`` (n, d) float32 and ``logits`` (n, classes) or None."""

    features: torch.Tensor
    logits: torch.Tensor | None


class Pass:
    """Runs samples through a feature network in batches of the network's own size."""

    def __init__(self, network: FeatureNetwork) -> None:
        self._network = network

    def run(self, batches: Iterable[torch.Tensor]) -> Passed:
        """Features of all samples, in their order."""
        features, logits = [], []
        with torch.no_grad(), full_precision():
            for batch in _rebatched(batches, self._network.batch_size):
                answer = self._network.forward(batch)
                features.append(answer.features.float())
                if answer.logits is not None:
                    logits.append(answer.logits)
        return Passed(torch.cat(features), torch.cat(logits) if logits else None)


def _rebatched(batches: Iterable[torch.Tensor], size: int) -> Iterator[torch.Tensor]:
    """The same samples in batches of ``size``, but for the last."""
    waiting: list[torch.Tensor] = []
    count = 0
    for batch in batches:
        for part in batch.split(size):
            waiting.append(part)
            count += len(part)
            if count >= size:
                joined = torch.cat(waiting) if len(waiting) > 1 else part
                yield joined[:size]
                waiting, count = [joined[size:]] if count > size else [], count - size
    if count:
        yield torch.cat(waiting)


def full_precision() -> contextlib.AbstractContextManager[None]:
    """Features are computed in fp32 proper, whatever precision the networks are trained in."""
    return float32_proper()
