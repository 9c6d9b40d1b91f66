"""Measure images against real ones: all of ``ganbench eval`` except the printing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganbench.base.backends import default_switches
from ganbench.base.devices import choose_device
from ganbench.base.errors import UsageError
from ganbench.base.paths import cache_root, existing_data_root
from ganbench.base.text import counted
from ganbench.base.version import __version__
from ganbench.components.metric import FeatureSet
from ganbench.evaluation.feature_quality import weakness
from ganbench.evaluation.feature_space import (
    FeatureSpace,
    feature_space,
    has_test_split,
    kept_parts,
)
from ganbench.evaluation.features import NotFiniteError, Passed
from ganbench.evaluation.inputs import Inputs, Opener, Published, dataset_of, find_trial
from ganbench.evaluation.measurer import Measurement, Measurer, Reading
from ganbench.evaluation.progress_meter import Meter
from ganbench.evaluation.published_features import PublishedFeatures, published_set
from ganbench.evaluation.ready_extractors import Extractors, ReadyExtractor
from ganbench.evaluation.real_features import RealFeatures, RealSettings
from ganbench.evaluation.record import (
    Evaluation,
    describe_real,
    describe_source,
    describe_statistics,
    identity_of,
    other_sizes,
    remarks,
    values_of,
)
from ganbench.evaluation.sampled_source import TrialSource
from ganbench.evaluation.sources import Source
from ganbench.evaluation.splits import Splits
from ganbench.evaluation.statistics_files import checked_place, write_statistics
from ganbench.grid.metrics import bind_metrics, default_metrics, split_specs, with_options
from ganbench.registry.lookup import ResolvedComponent, default_registry

#: The number of images of most published distances.
USUAL_SAMPLES = 50_000


def evaluate(
    *,
    fake: Any = None,
    real: Any = None,
    extractor: str | Sequence[str] = (),
    metrics: str | Sequence[str] = (),
    samples: int | None = None,
    seed: int = 0,
    split: str = "train",
    batch_size: int | None = None,
    device: str | None = None,
    data_dir: str | Path | None = None,
    skip_broken: bool = False,
    settings: Mapping[str, Any] | None = None,
    save_statistics: str | Path | None = None,
    meter: Meter | None = None,
) -> Evaluation:
    """Measure images against real ones; what ``ganbench eval`` does.

    :param fake: a folder or archive of images, an .npz file of images or of statistics, a trial
        (``RUN:TRIAL``), or a uint8 array or tensor (n, 1 to 16, height, width). May be left out
        where only statistics are saved.
    :param real: the same (except a trial) or a data set's spec; by default the data set of the trial.
    :param extractor: spec, or several; ``auto`` is the data set's own, else the FID Inception network;
        where its weights are missing, the fallback that it names. By default the extractors that the
        trial was evaluated with, if it is compared with its own data set, else ``auto``.
    :param metrics: specs, or a text of specs separated by commas; by default ganbench's own.
    :param samples: the most fake images, chosen by ``seed``; by default 50,000 of a trial.
    :param seed: of the choice, and of the latents of a trial.
    :param split: of a data set.
    :param settings: options of the metrics, such as ``{"kid_subset_size": 500}``.
    :param save_statistics: an .npz file for the statistics of the real images in the first extractor
        (of the fake ones without real ones), which pytorch-fid and others read: ``mu`` and ``sigma``.
    :param meter: receives the progress of the work.
    :raises UsageError: for a wrong argument; names it.
    """
    _check_numbers(samples, seed, batch_size)
    target = None if save_statistics is None else checked_place(save_statistics)
    if fake is None and (real is None or target is None):
        raise UsageError("fake must be a path or uint8 images, not NoneType")
    chosen = _metrics(metrics, settings or {})
    root = existing_data_root(data_dir)
    opener = Opener(
        Splits(root, torch.device("cpu")),
        cache_root(),
        choose_device(device),
        samples or USUAL_SAMPLES,
        seed,
        split,
        skip_broken,
        meter or Meter(),
    )
    call = _Call(opener, chosen, bool(metrics), samples, batch_size, target)
    specs = [extractor] if isinstance(extractor, str) else extractor
    with default_switches():
        return call.only_statistics(real, specs) if fake is None else call.run(fake, real, specs)


def _metrics(
    metrics: str | Sequence[str], settings: Mapping[str, Any]
) -> tuple[ResolvedComponent, ...]:
    if isinstance(metrics, str) and not split_specs(metrics):
        known = ", ".join(default_registry().components("metric"))
        raise UsageError(f"--metrics is empty; name at least one of {known}")
    specs = with_options(metrics or default_metrics(quick=True), settings, where="--set")
    return bind_metrics(specs, default_registry())


@dataclass(frozen=True)
class _Call:
    """One call of `evaluate`.

    :ivar asked: whether the caller named the metrics.
    :ivar save: a file for the statistics of the real images, or None.
    :ivar seconds: part of the work -> its duration.
    """

    opener: Opener
    metrics: tuple[ResolvedComponent, ...]
    asked: bool
    samples: int | None
    batch_size: int | None
    save: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, fake: Any, real: Any, specs: Sequence[str]) -> Evaluation:
        """Open, check, pass, measure."""
        opener = self.opener
        with self._timed("preparation"):
            for spec in specs:  # report a misspelled extractor before anything is read
                if spec != "auto":
                    default_registry().bind("extractor", spec)
            inputs = self._open(fake, real)
            extractors = Extractors(inputs, opener, self.batch_size)
            ready, spaces = [], []
            for chosen in specs or extractors.by_default():
                ready.append(extractors.ready(chosen))
                spaces.append(self._space(inputs, ready[-1]))
            measurer = Measurer(
                self.metrics, spaces, inputs.channels, opener.device, inputs.dataset
            )
        with self._timed("real", any(isinstance(one.real, RealFeatures) for one in spaces)):
            for one in spaces:  # before the fake images, which may take hours
                if isinstance(one.real, RealFeatures):
                    _ = one.real.count
        measured = self._measure(measurer, inputs.fake)
        count = measured.passed.count
        self._save(inputs, ready[0], spaces[0], measured.passed.sets[0])
        return Evaluation(
            values_of(measured),
            measurer.columns,
            measured.found,
            identity_of(measurer, count),
            [one.record() for one in ready],
            {
                "real": describe_real(spaces[0].real),
                "fake": _described(inputs.fake, count),
            },
            [*extractors.choices, *self._warnings(inputs, measurer, measured)],
            self._circumstances(inputs),
        )

    def only_statistics(self, real: Any, specs: Sequence[str]) -> Evaluation:
        """Save the statistics of the real images, and measure nothing."""
        with self._timed("preparation"):
            opened, dataset = self.opener.real(real)
            if isinstance(opened, Published):
                raise UsageError(f"{opened.label} holds statistics already")
            inputs = Inputs(opened, opened, dataset)
            extractors = Extractors(inputs, self.opener, self.batch_size)
            ready = extractors.ready([*specs, *extractors.by_default()][0])
            space = self._space(inputs, ready)
        assert isinstance(space.real, RealFeatures)
        with self._timed("real"):
            self._save(inputs, ready, space, space.real.samples)
        return Evaluation(
            {},
            [],
            {},
            f"{ready.network.identity}:0/{space.real.count}:{opened.split or opened.kind}",
            [ready.record()],
            {"real": describe_real(space.real), "fake": None},
            [*extractors.choices, *remarks(opened, space.real.remark)],
            self._circumstances(inputs),
        )

    def _save(
        self, inputs: Inputs, ready: ReadyExtractor, space: FeatureSpace, fake: FeatureSet
    ) -> None:
        """Write the statistics of the real images, or of the fake ones without real ones."""
        if self.save is not None:
            moments = (fake if space.real is None else space.real.samples).moments
            dataset = "" if inputs.dataset is None else inputs.dataset.spec
            made = (ready.network.identity, ready.extractor.spec, dataset, inputs.channels)
            write_statistics(self.save, moments, *made)

    def _circumstances(self, inputs: Inputs) -> dict[str, Any]:
        return {
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "device": str(self.opener.device),
            "channels": inputs.channels,
            "ganbench_version": __version__,
            "torch_version": str(torch.__version__),
        }

    def _open(self, fake: Any, real: Any) -> Inputs:
        self.opener.check_fake(fake)
        named = self._default_real(fake) if real is None else real
        opened, dataset = (None, None) if named is None else self.opener.real(named)
        inputs = Inputs(self.opener.fake(fake), opened, dataset)
        inputs.check_kinds()
        return inputs

    def _default_real(self, fake: Any) -> ResolvedComponent | None:
        """The data set of a trial; None where no metric compares."""
        trial = find_trial(str(fake)) if isinstance(fake, (str, Path)) else None
        if trial is not None:
            return dataset_of(trial)
        needing = ", ".join(m.info.name for m in self.metrics if m.component.compares)
        if needing:
            raise UsageError(f"{needing} need real images to compare with; name them with --real")
        return None

    def _space(self, inputs: Inputs, ready: ReadyExtractor) -> FeatureSpace:
        """The extractor with the real side in it."""
        real, network, opener = inputs.real, ready.network, self.opener
        if isinstance(real, Published):
            published = PublishedFeatures(real.label, real.statistics, network, opener.device)
            return FeatureSpace(ready.extractor.mark, network, published)
        dataset = inputs.dataset
        settings = RealSettings(
            inputs.channels,
            kept_parts(self.metrics),
            opener.device,
            opener.cache,
            None if dataset is None else dataset.component.mixture(),
            meter=self.opener.meter,
        )
        return feature_space(ready.extractor, network, settings, real, self._test_split(dataset))

    def _test_split(self, dataset: ResolvedComponent | None) -> Source | None:
        """The test split, where a metric asks for it."""
        wanted = any("held_out" in m.component.needs for m in self.metrics)
        if not wanted or dataset is None or not has_test_split(dataset, self.opener.split):
            return None
        return self.opener.splits.source(dataset, "test")

    def _measure(self, measurer: Measurer, fake: Source | Published) -> Measurement:
        with self._timed("fake"):
            if isinstance(fake, Published):
                measured = self._compared(measurer, fake)
            else:
                measured = self._passed(measurer, fake)
        if self.asked:
            measured.check()
        else:  # leave out metrics that do not apply to such data
            found = {name: one for name, one in measured.found.items() if not one.reason}
            measured = replace(measured, found=found)
        return measured

    def _compared(self, measurer: Measurer, fake: Published) -> Measurement:
        """Of statistics, which need no pass."""
        statistics, device = fake.statistics, self.opener.device
        sets = [published_set(statistics, space.network, device) for space in measurer.spaces]
        passed = Passed(sets, statistics.images, "")
        wanted = [reading for reading in measurer.readings if self._wants(reading)]
        return measurer.computed(passed, wanted, self.opener.meter.begin)

    def _passed(self, measurer: Measurer, fake: Source) -> Measurement:
        places = self._choose(fake.places())
        self.opener.meter.begin(f"fake: {fake.label}", len(places))
        try:
            return measurer.measure(
                fake,
                places,
                chosen=self._wants,
                watch_sameness=fake.kind != "trial",
                tell=self.opener.meter.advance,
                about=self.opener.meter.begin,
            )
        except NotFiniteError as error:
            raise UsageError(str(error)) from None

    def _wants(self, reading: Reading) -> bool:
        """Whether to compute a reading: a data set's own statistics only if nobody named metrics."""
        return not self.asked or any(reading.metric is metric for metric in self.metrics)

    def _choose(self, places: np.ndarray) -> np.ndarray:
        if self.samples is None or self.samples >= len(places):
            return places
        random = np.random.RandomState(self.opener.seed)
        return np.sort(random.choice(places, self.samples, replace=False))

    def _warnings(self, inputs: Inputs, measurer: Measurer, measured: Measurement) -> Iterator[str]:
        """Warnings for the user."""
        real, fake = inputs.real, inputs.fake
        spaces = [space.real for space in measurer.spaces]
        if isinstance(real, Published):
            yield from real.notes
        elif real is not None:
            assert spaces[0] is not None
            yield from remarks(real, spaces[0].remark)
        if isinstance(fake, Published):
            yield from fake.notes
        else:
            yield from remarks(fake, measured.passed.remark)
        for space in spaces:
            yield from space.warnings if space is not None else ()
        yield from filter(None, (weakness(space.network) for space in measurer.spaces))
        others = [s for s in measurer.spaces if not s.network.standard_fid]
        if others and inputs.channels == 3 and all(one.channels == 1 for one in inputs.sources):
            yield (
                "gray images were seen with three equal channels, as torch-fidelity sees them; beside a "
                "data set of gray images (--real mnist) they have one"
            )
        count = measured.passed.count
        if isinstance(real, Source) and count == real.count and inputs.same:
            yield "the fake and the real images are the same: the distance has no meaning"
        if isinstance(fake, TrialSource):
            yield from other_sizes(fake, identity_of(measurer, count))
        if isinstance(fake, Source) and self.samples is not None and count < self.samples:
            yield f"{fake.label} has {counted(count, 'image')}, fewer than the requested {self.samples}"
        for name, one in measured.found.items():
            yield from one.warnings
            if one.reason:
                yield f"{name} is missing: {one.reason}"

    @contextlib.contextmanager
    def _timed(self, what: str, wanted: bool = True) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if wanted:
            self.seconds[what] = time.perf_counter() - start


def _described(fake: Source | Published, count: int) -> dict[str, Any]:
    if isinstance(fake, Published):
        return describe_statistics(fake.label, count)
    return describe_source(fake, count)


def _check_numbers(samples: int | None, seed: int, batch_size: int | None) -> None:
    """Raise UsageError for a number that is out of its range."""
    for name, value, least in (
        ("samples", samples, 2),
        ("seed", seed, 0),
        ("batch_size", batch_size, 1),
    ):
        if value is not None and not (isinstance(value, int) and least <= value < 2**32):
            raise UsageError(
                f"{name} must be a whole number from {least} to {2**32 - 1}, not {value!r}"
            )
