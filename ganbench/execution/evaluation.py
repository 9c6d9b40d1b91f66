"""What a measurement of images has found, as a record for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.components.column import Column
from ganbench.components.extractor import FeatureNetwork
from ganbench.components.metric import Measured
from ganbench.evaluation.measuring import Measurement, Measurer
from ganbench.evaluation.real_side import PublishedSide, RealSide
from ganbench.evaluation.sources import Source

_SIZES_SHOWN = 5


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    :ivar metrics: every value by column; None where there is none.
    :ivar columns: what the columns mean.
    :ivar measured: by metric: the same values with what decides them.
    :ivar identity: extractor, numbers of fake and real images and the split, as in trials' rows.
    :ivar extractors: what is known of the networks, the first one first.
    :ivar sides: ``real`` (None without) and ``fake``: what they are and how many were used.
    :ivar warnings: sentences that a person should read.
    :ivar circumstances: versions, device and seconds.
    """

    metrics: dict[str, float | None]
    columns: list[Column]
    measured: Mapping[str, Measured]
    identity: str
    extractors: list[dict[str, Any]]
    sides: dict[str, dict[str, Any] | None]
    warnings: list[str]
    circumstances: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {
            "metrics": self.metrics,
            "identity": self.identity,
            "extractor": self.extractors[0],
            "extractors": self.extractors,
            **self.sides,
            "details": {name: details_of(one) for name, one in self.measured.items()},
            "warnings": self.warnings,
            **self.circumstances,
        }


def values_of(measurement: Measurement) -> dict[str, float | None]:
    """Column -> value, None for what is not a number."""
    return {k: v if math.isfinite(v) else None for k, v in measurement.values.items()}


def details_of(measured: Measured) -> dict[str, Any]:
    """What decides the values, and the reason where there are none."""
    return dict(measured.details) | ({"reason": measured.reason} if measured.reason else {})


def identity_of(measurer: Measurer, count: int) -> str:
    """``network:fake/real:split`` of the first extractor."""
    side = measurer.sides[0]
    number: Any = 0 if side.real is None else side.real.count or "?"
    where = "none"
    if isinstance(side.real, PublishedSide):
        where = "published"
    elif side.real is not None:
        where = side.real.source.split or side.real.source.kind
    return f"{side.network.identity}:{count}/{number}:{where}"


def network_record(spec: str, network: FeatureNetwork, width: int, logits: bool) -> dict[str, Any]:
    """What is known of an extractor."""
    return {
        "spec": spec,
        "identity": network.identity,
        "standard_fid": network.standard_fid,
        "features": width,
        "logits": logits,
        "batch_size": network.batch_size,
        "arithmetic": "fp32",
        **{key: value for key, value in network.info.items() if _is_plain(value)},
    }


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def describe_real(side: RealSide | PublishedSide | None) -> dict[str, Any] | None:
    """The real side; None without."""
    if isinstance(side, PublishedSide):
        return {"source": side.label, "kind": "statistics", "count": None, "ddof": "as published"}
    return None if side is None else describe_source(side.source, side.count)


def describe_source(source: Source, count: int) -> dict[str, Any]:
    """What images came from where, and how many were used."""
    sizes = [[width, height, n] for (height, width), n in source.sizes.most_common(_SIZES_SHOWN)]
    described: dict[str, Any] = {
        "source": source.label,
        "kind": source.kind,
        "split": source.split,
        "listed": source.count,
        "count": count,
        "broken": source.skipped,
        "content": source.content(),
        "sizes": sizes,
    }
    for name in ("trial", "seed"):
        if hasattr(source, name):
            described[name] = getattr(source, name)
    return described


def remarks(source: Source, remark: str) -> Iterator[str]:
    """What a person should know of one side, whether it was looked at now or in an earlier run."""
    yield from source.notes
    if source.skipped:
        broken = "; ".join(getattr(source, "broken_names", list)())
        yield f"{source.skipped} broken images in {source.label} were left out: {broken}"
    if remark:
        yield f"{source.label}: {remark}, and what is measured on them says little"
