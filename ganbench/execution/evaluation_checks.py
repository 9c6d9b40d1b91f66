"""What is wrong with a measurement before it begins, and what a person should know of its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganbench.components.dataset import Dataset
from ganbench.components.extractor import FeatureNetwork
from ganbench.errors import UsageError, did_you_mean
from ganbench.evaluation.comparison import METRICS
from ganbench.evaluation.side import Side
from ganbench.evaluation.sources import Source
from ganbench.execution.inputs import Published

#: Images of which published distances mostly are.
USUAL_SAMPLES = 50_000
#: Metrics of fake images alone.
WITHOUT_REAL = frozenset({"is"})
_SIZES_SHOWN = 5


def checked_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    """The metrics that are named, each once; a text holds them between commas.

    :raises UsageError: for an unknown one, or none.
    """
    if isinstance(metrics, str):
        metrics = metrics.split(",")
    names = tuple(dict.fromkeys(name.strip() for name in metrics if name.strip()))
    for name in names:
        if name not in METRICS:
            raise UsageError(f"unknown metric {name!r}{did_you_mean(name, METRICS)}")
    if not names:
        raise UsageError(f"no metric is named; known: {', '.join(METRICS)}")
    return names


def check_numbers(samples: int | None, seed: int, batch_size: int | None) -> None:
    """Raise UsageError for a number that is out of its range."""
    for name, value, least in (
        ("samples", samples, 2),
        ("seed", seed, 0),
        ("batch_size", batch_size, 1),
    ):
        if value is not None and not (isinstance(value, int) and least <= value < 2**32):
            raise UsageError(
                f"{name} must be a whole number from {least} and below 2**32, not {value!r}"
            )


def check_kinds(real: Source | Published | None, fake: Source) -> None:
    """Raise UsageError if one side holds points and the other images."""
    if isinstance(real, Source) and real.points != fake.points:
        points, images = (real, fake) if real.points else (fake, real)
        raise UsageError(f"{points.label} holds points, and {images.label} images")


def check_sizes(sources: Sequence[Source], extractor: str) -> None:
    """Raise UsageError if there are images of several sizes."""
    sizes = {size for source in sources for size in source.sizes}
    if len(sizes) <= 1:
        return
    found = "; ".join(f"{source.label}: {_sizes(source)}" for source in sources)
    raise UsageError(
        f"{extractor} looks at images of one size only, and there are {len(sizes)} ({found}); bring "
        f"them to one size, or use an extractor that resizes them, such as {Dataset.extractor}"
    )


def _sizes(source: Source) -> str:
    common = source.sizes.most_common(_SIZES_SHOWN)
    shown = ", ".join(f"{count} of {width}x{height}" for (height, width), count in common)
    return shown + (", …" if len(source.sizes) > len(common) else "")


def check_network(
    metrics: Sequence[str], real: Source | Published | None, width: int, has_logits: bool
) -> None:
    """What would else show after hours.

    :param width: of the features.
    :raises UsageError: if published statistics are of other features, or there is nothing to measure.
    """
    if isinstance(real, Published) and len(real.statistics.mean) != width:
        raise UsageError(
            f"the statistics in {real.label} are of {len(real.statistics.mean)} features, and the "
            f"extractor has {width}: they were made with another network"
        )
    if tuple(metrics) == ("is",) and not has_logits:
        raise UsageError("the extractor has no logits, of which `is` is made")


def cautions(
    metrics: Sequence[str],
    real: Source | Published | None,
    fake: Source,
    side: Side,
    network: FeatureNetwork,
    wanted: int | None,
) -> Iterator[str]:
    """Sentences on a result that a person should read.

    :param side: the fake images as they were measured.
    :param wanted: how many fake images were asked for.
    """
    if isinstance(real, Published):
        yield from real.notes
    elif real is not None and side.count == real.count and _same(real, fake):
        yield "the fake and the real images are the same: such a distance says nothing"
    if wanted is not None and side.count < wanted:
        yield f"{fake.label} has {side.count} images, fewer than the {wanted} that were asked for"
    if "is" in metrics and side.logits is None:
        yield "the extractor has no logits, so there is no classifier score"
    if not {"fd", "fd-infinity"} & set(metrics):
        return
    width = len(side.moments.mean)
    if side.count < width:
        yield (
            f"{side.count} fake images are fewer than the {width} features: the covariance is "
            "singular, and fd is far above that of many images"
        )
    if "fd" in metrics and network.standard_fid and side.count != USUAL_SAMPLES:
        yield (
            f"FID depends on the number of images: that of {side.count} compares with others "
            f"of {side.count} only, and published ones are mostly of {USUAL_SAMPLES:,}"
        )


def _same(real: Source, fake: Source) -> bool:
    return real.kind == fake.kind and real.content() == fake.content()
