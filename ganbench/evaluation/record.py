"""The result of a comparison, as a record for programs."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.components.metric import Measured
from ganbench.evaluation import record_text
from ganbench.evaluation.measurer import Measurement, Measurer
from ganbench.evaluation.published_features import PublishedFeatures
from ganbench.evaluation.real_features import RealFeatures
from ganbench.evaluation.sampled_source import TrialSource
from ganbench.evaluation.sources import Source

_SIZES_SHOWN = 5
#: The parts of `identity_of`.
_SIZES = re.compile(r"(?P<network>.*):(?P<fake>\d+)/(?P<real>\d+):(?P<split>[^:]*)")


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    :ivar metrics: column -> value; None for a missing value.
    :ivar columns: the meaning of the columns.
    :ivar measured: metric -> the same values with their details.
    :ivar identity: extractor, numbers of fake and real images and the split, as in trials' rows.
    :ivar extractors: a record of each network, in order.
    :ivar sides: ``real`` (or None) and ``fake``: their origin and number of images.
    :ivar warnings: messages for the user.
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

    def __str__(self) -> str:
        warnings = [f"Warning: {plain(warning)}" for warning in self.warnings]
        return "\n".join([record_text.as_text(self), *warnings])

    def _repr_html_(self) -> str:
        return record_text.as_html(self)

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
    """Column -> value, None for NaN and infinity."""
    return {k: v if math.isfinite(v) else None for k, v in measurement.values.items()}


def details_of(measured: Measured) -> dict[str, Any]:
    """The details of a metric's values, or the reason why they are missing."""
    return dict(measured.details) | ({"reason": measured.reason} if measured.reason else {})


def identity_of(measurer: Measurer, count: int) -> str:
    """``network:fake/real:split`` of the first extractor."""
    space = measurer.spaces[0]
    number: Any = 0 if space.real is None else space.real.count or "?"
    where = "none"
    if isinstance(space.real, PublishedFeatures):
        where = "published"
    elif space.real is not None:
        where = space.real.source.split or space.real.source.kind
    return f"{space.network.identity}:{count}/{number}:{where}"


def other_sizes(fake: TrialSource, identity: str) -> Iterator[str]:
    """Whether the trial's row was measured in the same features on other numbers of images.

    :param identity: of this evaluation, see `identity_of`.
    """
    then, now = (_SIZES.fullmatch(str(text)) for text in (fake.row.get("extractor"), identity))
    if then is None or now is None or then["network"] != now["network"] or then[0] == now[0]:
        return
    (generated, real), (own, own_real) = ((int(m["fake"]), int(m["real"])) for m in (then, now))
    way_out = f"-n {generated} takes as many"
    if real != own_real:
        way_out = (
            f"`ganbench measure {shlex.quote(fake.run)} {fake.trial}` measures on those of the row"
        )
    yield (
        f"the row of {fake.trial} is of {generated:,} generated and {real:,} real images, and this of "
        f"{own:,} and {own_real:,}, so the numbers do not compare; {way_out}"
    )


def describe_real(side: RealFeatures | PublishedFeatures | None) -> dict[str, Any] | None:
    """The real side; None without."""
    if isinstance(side, PublishedFeatures):
        return describe_statistics(side.label, side.count)
    return None if side is None else describe_source(side.source, side.count)


def describe_statistics(label: str, count: int) -> dict[str, Any]:
    """A file of statistics; ``count`` is 0 if it does not say of how many images."""
    return {
        "source": label,
        "kind": "statistics",
        "count": count or None,
        "ddof": "as published",
    }


def describe_source(source: Source, count: int) -> dict[str, Any]:
    """The origin of images, and how many were used."""
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
    """Warnings about one side, from this inspection or an earlier one."""
    yield from source.notes
    if source.skipped:
        broken = "; ".join(getattr(source, "broken_names", list)())
        yield f"{source.skipped} broken images in {source.label} were left out: {broken}"
    if remark:
        yield f"{source.label}: {remark}, so the measured values mean little"
