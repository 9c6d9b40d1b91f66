"""What a measurement has found, as a record for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.components.extractor import FeatureNetwork
from ganbench.evaluation.comparison import Measured
from ganbench.evaluation.npz import Statistics
from ganbench.evaluation.side import Side
from ganbench.evaluation.sources import Source
from ganbench.execution.inputs import Published

_SIZES_SHOWN = 5


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    :ivar metrics: every value by name; None where there is none. ``fid`` and ``is_*`` are filled
        only if the extractor is the standard FID network with its published weights.
    :ivar details: metric -> what decides its values, and the reason where there are none.
    :ivar identity: extractor, numbers of fake and real images and the split, as in trials' rows.
    :ivar extractor: what is known of the network.
    :ivar sides: ``real`` (None without) and ``fake``: what they are and how many were used.
    :ivar warnings: sentences that a person should read.
    :ivar circumstances: versions, device and seconds.
    """

    metrics: dict[str, float | None]
    details: dict[str, dict[str, Any]]
    identity: str
    extractor: dict[str, Any]
    sides: dict[str, dict[str, Any] | None]
    warnings: list[str]
    circumstances: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "metrics": self.metrics,
            "identity": self.identity,
            "extractor": self.extractor,
            **self.sides,
            "details": self.details,
            "warnings": self.warnings,
            **self.circumstances,
        }


def flat_metrics(measured: Mapping[str, Measured], standard: bool) -> dict[str, float | None]:
    values = {name: value for one in measured.values() for name, value in one.values.items()}
    for name, own in (("fid", "fd"), ("is_mean", "cs_mean"), ("is_std", "cs_std")):
        if own in values:
            values[name] = values[own] if standard else None
    return values


def details_of(measured: Measured) -> dict[str, Any]:
    reason = {"reason": measured.reason} if measured.reason else {}
    return measured.details | reason


def identity_of(
    network: FeatureNetwork,
    real: Source | Published | None,
    real_side: Side | Statistics | None,
    fake_side: Side,
) -> str:
    number = real_side.count if isinstance(real_side, Side) else "?" if real_side else 0
    where = "none"
    if isinstance(real, Published):
        where = "published"
    elif real is not None:
        where = real.split or real.kind
    return f"{network.identity}:{fake_side.count}/{number}:{where}"


def network_record(
    spec: str, network: FeatureNetwork, width: int, has_logits: bool
) -> dict[str, Any]:
    return {
        "spec": spec,
        "identity": network.identity,
        "standard_fid": network.standard_fid,
        "features": width,
        "logits": has_logits,
        "batch_size": network.batch_size,
        "arithmetic": "fp32",
        **{key: value for key, value in network.info.items() if _is_plain(value)},
    }


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def describe_side(
    source: Source | Published | None, side: Side | Statistics | None
) -> dict[str, Any] | None:
    if source is None:
        return None
    if isinstance(source, Published):
        return {"source": source.label, "kind": "statistics", "count": None, "ddof": "as published"}
    assert isinstance(side, Side)
    sizes = [[width, height, n] for (height, width), n in source.sizes.most_common(_SIZES_SHOWN)]
    described: dict[str, Any] = {
        "source": source.label,
        "kind": source.kind,
        "split": source.split,
        "listed": source.count,
        "count": side.count,
        "broken": source.skipped,
        "content": source.content(),
        "sizes": sizes,
    }
    for name in ("trial", "seed"):
        if hasattr(source, name):
            described[name] = getattr(source, name)
    return described
