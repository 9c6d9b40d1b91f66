"""Images against real ones: everything that ``ganbench eval`` does but to print."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganbench import __version__
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import ExtractorContext, FeatureNetwork
from ganbench.errors import UsageError
from ganbench.evaluation.features import NotFiniteError
from ganbench.evaluation.measuring import Measurement, Measurer, Side, kept_parts
from ganbench.evaluation.meter import Meter, Silent
from ganbench.evaluation.networks import ready_network
from ganbench.evaluation.real_side import PublishedSide, RealSide
from ganbench.evaluation.sources import Source, split_source
from ganbench.execution.auto import choose
from ganbench.execution.evaluation import (
    Evaluation,
    describe_real,
    describe_source,
    identity_of,
    network_record,
    remarks,
    values_of,
)
from ganbench.execution.inputs import Opener, Published, dataset_of, find_trial, shape_of
from ganbench.execution.placement import choose_device
from ganbench.grid.metrics import bind_metrics, default_metrics, split_specs, with_options
from ganbench.paths import cache_root, data_root
from ganbench.registry.lookup import Bound, default_registry

#: Images of which published distances mostly are.
USUAL_SAMPLES = 50_000
_SIZES_SHOWN = 5


def evaluate(
    *,
    fake: Any,
    real: Any = None,
    extractor: str | Sequence[str] = "auto",
    metrics: str | Sequence[str] = (),
    samples: int | None = None,
    seed: int = 0,
    split: str = "train",
    batch_size: int | None = None,
    device: str | None = None,
    data_dir: str | Path | None = None,
    skip_broken: bool = False,
    settings: Mapping[str, Any] | None = None,
    meter: Meter | None = None,
) -> Evaluation:
    """Measure images against real ones; what ``ganbench eval`` does.

    :param fake: a folder or archive of images, an .npz file, a trial (``RUN:TRIAL``), or a uint8
        array or tensor (n, 1 or 3, height, width).
    :param real: the same but for a trial, or a data set's spec, or an .npz file of published
        statistics; by default the data set of the trial.
    :param extractor: spec, or several; ``auto`` is the data set's own, else the FID Inception network;
        where its weights cannot be had, the fallback that it names.
    :param metrics: specs, or a text of them between commas; by default those that ganbench ships.
    :param samples: fake images at the most, a choice by ``seed``; of a trial 50,000 by default.
    :param seed: of the choice, and of the latents of a trial.
    :param split: of a data set.
    :param settings: options of the metrics, such as ``{"kid_subset_size": 500}``.
    :param meter: told how far the work is.
    :raises UsageError: if something is wrong with what was given; says what.
    """
    _check_numbers(samples, seed, batch_size)
    call = _Call(metrics, seed, split, batch_size, settings or {}, meter or Silent())
    root = data_root(data_dir)
    if data_dir is not None and not root.is_dir():
        raise UsageError(f"--data-dir {data_dir}: there is no such folder")
    opener = Opener(
        root,
        cache_root(),
        choose_device(device),
        samples or USUAL_SAMPLES,
        seed,
        split,
        skip_broken,
        call.looking,
    )
    extractors = [extractor] if isinstance(extractor, str) else list(extractor)
    return call.run(opener, fake, real, extractors, samples)


class _Call:
    """One call of `evaluate`."""

    def __init__(
        self,
        metrics: str | Sequence[str],
        seed: int,
        split: str,
        batch_size: int | None,
        settings: Mapping[str, Any],
        meter: Meter,
    ) -> None:
        if isinstance(metrics, str) and not split_specs(metrics):
            known = ", ".join(default_registry().components("metric"))
            raise UsageError(f"--metrics names no metric; known: {known}")
        specs = with_options(metrics or default_metrics(quick=True), settings, where="--set")
        self._metrics = bind_metrics(specs, default_registry())
        self._asked = bool(metrics)
        self._seed, self._split, self._batch_size = seed, split, batch_size
        self._meter = meter
        self._seconds: dict[str, float] = {}
        self._chosen: list[str] = []

    def looking(self, label: str, files: int) -> Any:
        """As in `Opener`."""
        self._meter.begin(f"looking at {label}", files)
        return self._meter.advance

    def run(
        self,
        opener: Opener,
        fake_named: Any,
        real_named: Any,
        extractors: Sequence[str],
        samples: int | None,
    ) -> Evaluation:
        """Open, check, pass, measure."""
        start = time.perf_counter()
        for spec in extractors:  # what is misspelt shows before anything is read
            if spec != "auto":
                default_registry().bind("extractor", spec)
        opener.check_fake(fake_named)
        real, bound = self._open_real(opener, fake_named, real_named)
        fake = opener.fake(fake_named)
        _check_kinds(real, fake)
        channels = _common_channels(real, fake, bound)
        sides, records = [], []
        for spec in extractors:
            network, spec, shape = self._network(opener, real, fake, bound, channels, spec)
            width, logits = _probe(network, shape, opener.device)
            side = self._real_side(real, bound, channels, network, opener, width)
            sides.append(Side(default_registry().bind("extractor", spec).mark, network, side))
            records.append(network_record(spec, network, width, logits))
        measurer = Measurer(self._metrics, sides, channels, opener.device, bound)
        self._seconds["preparation"] = time.perf_counter() - start
        start = time.perf_counter()
        for one in sides:  # before the fake images, which may take hours
            if isinstance(one.real, RealSide):
                self._seconds["real"] = one.real.count and time.perf_counter() - start
        places = self._choose(fake.places(), samples)
        measured = self._measure(measurer, fake, places)
        count = measured.passed.count
        first = sides[0].real
        return Evaluation(
            values_of(measured),
            measurer.columns,
            measured.found,
            identity_of(measurer, count),
            records,
            {"real": describe_real(first), "fake": describe_source(fake, count)},
            list(self._warnings(real, fake, measurer, measured, samples)),
            {
                "seconds": {name: round(value, 3) for name, value in self._seconds.items()},
                "device": str(opener.device),
                "channels": channels,
                "ganbench_version": __version__,
                "torch_version": str(torch.__version__),
            },
        )

    def _open_real(
        self, opener: Opener, fake_named: Any, named: Any
    ) -> tuple[Source | Published | None, Bound | None]:
        if named is None:
            trial = find_trial(str(fake_named)) if isinstance(fake_named, (str, Path)) else None
            needing = ", ".join(m.info.name for m in self._metrics if m.component.compares)
            if trial is not None:
                named = dataset_of(trial)
            elif needing:
                raise UsageError(f"{needing} need real images to compare with; say --real")
            else:
                return None, None
        return opener.real(named)

    def _network(
        self,
        opener: Opener,
        real: Source | Published | None,
        fake: Source,
        bound: Bound | None,
        channels: int,
        extractor: str,
    ) -> tuple[FeatureNetwork, str, DataSpec]:
        """The network, its spec, and the shape of the images that it gets."""
        if extractor == "auto":
            own = bound.component.extractor if bound is not None else Dataset.extractor
            choice = choose(own, opener.root, opener.cache, self._meter.say)
            extractor = choice.taken
            if choice.reason:
                self._chosen.append(choice.sentence)
        chosen = default_registry().bind("extractor", extractor)
        real_images = real if isinstance(real, Source) else None
        classes = bound.component.spec(opener.root).classes if bound is not None else 0
        shape = shape_of(real_images or fake, channels, classes)
        problem = chosen.component.problem(shape)
        if problem is not None:
            raise UsageError(problem)
        if not chosen.component.resizes:
            _check_sizes([s for s in (real_images, fake) if s is not None], chosen.spec)
        self._meter.begin(f"preparing {chosen.spec}")
        context = ExtractorContext(
            data=shape,
            load=_loader(bound, opener.root),
            dataset_key=_dataset_key(bound, opener.root, real),
            cache=opener.cache,
            device=opener.device,
            log=self._meter.say,
            root=opener.root,
        )
        network = ready_network(chosen, context)
        if self._batch_size is not None:
            network = replace(network, batch_size=self._batch_size)
        return network, chosen.spec, shape

    def _real_side(
        self,
        real: Source | Published | None,
        bound: Bound | None,
        channels: int,
        network: FeatureNetwork,
        opener: Opener,
        width: int,
    ) -> RealSide | PublishedSide | None:
        if real is None:
            return None
        if isinstance(real, Published):
            known = len(real.statistics.mean)
            if known != width:
                raise UsageError(
                    f"the statistics in {real.label} are of {known} features, and the extractor has "
                    f"{width}: they were made with another network"
                )
            return PublishedSide(real.label, real.statistics, network, opener.device)
        return self._side(real, bound, channels, network, opener, self._held_out(bound, opener))

    def _held_out(self, bound: Bound | None, opener: Opener) -> Source | None:
        """The test split, where a metric asks for it."""
        wanted = any("held_out" in m.component.needs for m in self._metrics)
        splits = () if bound is None else bound.component.splits
        if not wanted or bound is None or "test" not in splits or self._split == "test":
            return None
        return split_source(bound, "test", opener.root)

    def _side(
        self,
        source: Source,
        bound: Bound | None,
        channels: int,
        network: FeatureNetwork,
        opener: Opener,
        held_out: Source | None = None,
    ) -> RealSide:
        parts = (channels, network)
        return RealSide(
            source,
            source.places(),
            *parts,
            kept_parts(self._metrics),
            opener.device,
            opener.cache,
            modes=None if bound is None else bound.component.mixture(),
            held_out=None if held_out is None else self._side(held_out, bound, *parts, opener),
            meter=self._meter,
        )

    def _choose(self, places: np.ndarray, samples: int | None) -> np.ndarray:
        if samples is None or samples >= len(places):
            return places
        random = np.random.RandomState(self._seed)
        return np.sort(random.choice(places, samples, replace=False))

    def _measure(self, measurer: Measurer, fake: Source, places: np.ndarray) -> Measurement:
        start = time.perf_counter()
        self._meter.begin(f"fake: {fake.label}", len(places))
        try:
            measured = measurer.measure(
                fake,
                places,
                watch_sameness=fake.kind != "trial",
                tell=self._meter.advance,
                about=self._meter.begin,
            )
        except NotFiniteError as error:
            raise UsageError(str(error)) from None
        self._seconds["fake"] = time.perf_counter() - start
        if self._asked and all(one.reason for one in measured.found.values()):
            reasons = "; ".join(f"{name}: {one.reason}" for name, one in measured.found.items())
            raise UsageError(f"nothing can be measured: {reasons}")
        if not self._asked:  # metrics that do not apply to such data are not missed
            found = {name: one for name, one in measured.found.items() if not one.reason}
            measured = replace(measured, found=found)
        return measured

    def _warnings(
        self,
        real: Source | Published | None,
        fake: Source,
        measurer: Measurer,
        measured: Measurement,
        wanted: int | None,
    ) -> Iterator[str]:
        """Sentences that a person should read."""
        yield from self._chosen
        sides = [side.real for side in measurer.sides]
        if isinstance(real, Published):
            yield from real.notes
        elif real is not None:
            assert sides[0] is not None
            yield from remarks(real, sides[0].remark)
        yield from remarks(fake, measured.passed.remark)
        for side in sides:
            yield from side.warnings if side is not None else ()
        count = measured.passed.count
        if isinstance(real, Source) and count == real.count and _same(real, fake):
            yield "the fake and the real images are the same: such a distance says nothing"
        if wanted is not None and count < wanted:
            yield f"{fake.label} has {count} images, fewer than the {wanted} that were asked for"
        for name, one in measured.found.items():
            yield from one.warnings
            if one.reason:
                yield f"{name} is missing: {one.reason}"


def _check_numbers(samples: int | None, seed: int, batch_size: int | None) -> None:
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


def _check_kinds(real: Source | Published | None, fake: Source) -> None:
    """Raise UsageError if one side holds points and the other images."""
    if isinstance(real, Source) and real.points != fake.points:
        points, images = (real, fake) if real.points else (fake, real)
        raise UsageError(f"{points.label} holds points, and {images.label} images")


def _check_sizes(sources: Sequence[Source], extractor: str) -> None:
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


def _probe(network: FeatureNetwork, shape: DataSpec, device: torch.device) -> tuple[int, bool]:
    """The length of the features, and whether there are logits, from one black image."""
    dtype = torch.uint8 if shape.kind == "image" else torch.float32
    with torch.no_grad():
        answer = network.forward(torch.zeros(1, *shape.shape, dtype=dtype, device=device))
    return answer.features.shape[1], answer.logits is not None


def _same(real: Source, fake: Source) -> bool:
    return real.kind == fake.kind and real.content() == fake.content()


def _common_channels(real: Source | Published | None, fake: Source, bound: Bound | None) -> int:
    """Colour as in torch-fidelity; but grey if the real side is a data set of grey images."""
    if isinstance(real, Source) and (real.points or bound is not None):
        if real.channels == 1 and fake.channels == 3 and not real.points:
            fake.notes.append(f"{fake.label} was turned grey, as the images of {real.label} are")
        return real.channels
    return 3 if not fake.points else fake.channels


def _loader(bound: Bound | None, root: Path) -> Any:
    def load(split: str) -> ImageData:
        if bound is None:
            raise UsageError(
                "this extractor learns from the real data set, and --real names none; choose another"
            )
        data = bound.component.load(split, root)
        if not isinstance(data, ImageData):
            raise UsageError(f"{bound.spec} does not fit in memory, which this extractor needs")
        return data

    return load


def _dataset_key(bound: Bound | None, root: Path, real: Source | Published | None) -> str:
    """As trials have it, so that a classifier trained for them is found again."""
    if bound is None:
        return ""
    if isinstance(real, Source) and real.split == "train":
        return real.content() or ""
    return split_source(bound, "train", root).content() or ""
