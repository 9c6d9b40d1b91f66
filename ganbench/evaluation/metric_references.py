"""What a metric computes once from the real samples, checked and identified."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from ganbench.base.errors import BrokenComponentError
from ganbench.base.files import json_digest
from ganbench.components.metric import ChangedSamplesError
from ganbench.registry.info import ResolvedComponent

Tensors = Mapping[str, torch.Tensor]


def changed_samples(metric: ResolvedComponent, names: Collection[str]) -> ChangedSamplesError:
    """The error for a metric that changes shared tensors."""
    return ChangedSamplesError(
        f"metric {metric.spec} changes {', '.join(names)} in place, but other metrics read them too: "
        "change a copy instead, such as x = features.clone()"
    )


def checked_reference(metric: ResolvedComponent, found: Any) -> Tensors:
    """A metric's reference, checked; raises BrokenComponentError."""
    tensors = isinstance(found, Mapping) and found.values()
    if tensors is False or not all(isinstance(one, torch.Tensor) for one in tensors):
        raise BrokenComponentError(
            f"the reference of metric {metric.spec} must be a dict of name -> tensor, not {found!r:.200}"
        )
    return {str(name): tensor for name, tensor in found.items()}


def metric_digest(metric: ResolvedComponent) -> str:
    """A hash of a metric with its options, its recipe and its code."""
    parts = [metric.identity(), metric.component.recipe, metric.info.source]
    return json_digest(parts, 32)


def values_of(found: Any) -> dict[str, float]:
    """The values of `Metric.compute` as numbers."""
    values = getattr(found, "values", found)
    return {str(k): float(v) for k, v in (values if isinstance(values, Mapping) else found).items()}
