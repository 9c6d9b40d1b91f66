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
from ganbench.errors import StorageError, UsageError
from ganbench.evaluation.comparison import Measured, MetricSettings, measure
from ganbench.evaluation.meter import Meter, Silent
from ganbench.evaluation.npz import Statistics
from ganbench.evaluation.reference import content_hash
from ganbench.evaluation.side import (
    Side,
    load_side,
    reference_key,
    save_side,
    summarize,
)
from ganbench.evaluation.sources import Source
from ganbench.execution.evaluation import (
    Evaluation,
    describe_side,
    details_of,
    flat_metrics,
    identity_of,
    network_record,
)
from ganbench.execution.evaluation_checks import (
    USUAL_SAMPLES,
    WITHOUT_REAL,
    cautions,
    check_kinds,
    check_network,
    check_numbers,
    check_sizes,
    checked_metrics,
)
from ganbench.execution.inputs import Opener, Published, dataset_of, find_trial, shape_of
from ganbench.execution.placement import choose_device
from ganbench.paths import cache_root, data_root
from ganbench.registry.lookup import Bound, default_registry
from ganbench.registry.options import create

DEFAULT_METRICS = ("fd", "is", "kid", "prdc")
_FEW = 8192  # images whose features are kept whatever is asked for: exact for fewer than features


def evaluate(
    *,
    fake: Any,
    real: Any = None,
    extractor: str = "auto",
    metrics: Sequence[str] = DEFAULT_METRICS,
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
    :param extractor: spec; ``auto`` is the data set's own, else the FID Inception network.
    :param metrics: of ``fd``, ``is``, ``kid``, ``prdc`` and ``fd-infinity``, or a text of them
        between commas.
    :param samples: fake images at the most, a choice by ``seed``; of a trial 50,000 by default.
    :param seed: of the choice, and of the latents of a trial.
    :param split: of a data set.
    :param settings: fields of `MetricSettings`.
    :param meter: told how far the work is.
    :raises UsageError: if something is wrong with what was given; says what.
    """
    check_numbers(samples, seed, batch_size)
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
    return call.run(opener, fake, real, extractor, samples)


class _Call:
    """One call of `evaluate`."""

    def __init__(
        self,
        metrics: Sequence[str],
        seed: int,
        split: str,
        batch_size: int | None,
        settings: Mapping[str, Any],
        meter: Meter,
    ) -> None:
        self._metrics = checked_metrics(metrics)
        self._settings: MetricSettings = create(MetricSettings, settings, "--set")
        self._seed, self._split, self._batch_size = seed, split, batch_size
        self._meter = meter
        self._warnings: list[str] = []
        self._seconds: dict[str, float] = {}

    def looking(self, label: str, files: int) -> Any:
        """As in `Opener`."""
        self._meter.begin(f"looking at {label}", files)
        return self._meter.advance

    def run(
        self, opener: Opener, fake_named: Any, real_named: Any, extractor: str, samples: int | None
    ) -> Evaluation:
        """Open, check, pass, measure."""
        start = time.perf_counter()
        if extractor != "auto":  # what is misspelt shows before anything is read
            default_registry().bind("extractor", extractor)
        opener.check_fake(fake_named)
        real, bound = self._open_real(opener, fake_named, real_named)
        fake = opener.fake(fake_named)
        check_kinds(real, fake)
        channels = _common_channels(real, fake, bound)
        network, spec, shape = self._network(opener, real, fake, bound, channels, extractor)
        width, has_logits = self._probe(network, shape, opener.device)
        check_network(self._metrics, real, width, has_logits)
        self._seconds["preparation"] = time.perf_counter() - start
        places = self._choose(fake.places(), samples)
        real_side = self._real_side(real, channels, network, opener)
        fake_side = self._pass(fake, places, channels, network, opener, "fake", keep=self._keeps)
        self._warnings += [*_notes(real, real_side), *_notes(fake, fake_side)]
        measured = self._measure(real_side, fake_side)
        self._warnings += cautions(self._metrics, real, fake, fake_side, network, samples)
        sides = {"real": describe_side(real, real_side), "fake": describe_side(fake, fake_side)}
        return Evaluation(
            flat_metrics(measured, network.standard_fid),
            {name: details_of(one) for name, one in measured.items()},
            identity_of(network, real, real_side, fake_side),
            network_record(spec, network, width, has_logits),
            sides,
            self._warnings,
            {
                "seconds": {name: round(value, 3) for name, value in self._seconds.items()},
                "device": str(opener.device),
                "channels": channels,
                "ganbench_version": __version__,
                "torch_version": str(torch.__version__),
            },
        )

    @property
    def _keeps(self) -> bool:
        return bool(set(self._metrics) - {"fd", "is"})

    def _open_real(
        self, opener: Opener, fake_named: Any, named: Any
    ) -> tuple[Source | Published | None, Bound | None]:
        if named is None:
            trial = find_trial(str(fake_named)) if isinstance(fake_named, (str, Path)) else None
            if trial is not None:
                named = dataset_of(trial)
            elif set(self._metrics) <= WITHOUT_REAL:
                return None, None
            else:
                needing = ", ".join(m for m in self._metrics if m not in WITHOUT_REAL)
                raise UsageError(f"{needing} need real images to compare with; say --real")
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
            extractor = bound.component.extractor if bound is not None else Dataset.extractor
        chosen = default_registry().bind("extractor", extractor)
        real_images = real if isinstance(real, Source) else None
        classes = bound.component.spec(opener.root).classes if bound is not None else 0
        shape = shape_of(real_images or fake, channels, classes)
        problem = chosen.component.problem(shape)
        if problem is not None:
            raise UsageError(problem)
        if not chosen.component.resizes:
            check_sizes([s for s in (real_images, fake) if s is not None], chosen.spec)
        self._meter.begin(f"preparing {chosen.spec}")
        context = ExtractorContext(
            data=shape,
            load=_loader(bound, opener.root),
            dataset_key=_dataset_key(bound, opener.root, chosen.component),
            cache=opener.cache,
            device=opener.device,
            log=self._meter.say,
            root=opener.root,
        )
        network: FeatureNetwork = chosen.component.prepare(context)
        if network.faster is not None:
            network = network.faster()
        if self._batch_size is not None:
            network = replace(network, batch_size=self._batch_size)
        return network, chosen.spec, shape

    def _probe(
        self, network: FeatureNetwork, shape: DataSpec, device: torch.device
    ) -> tuple[int, bool]:
        """The length of the features, and whether there are logits, from one black image."""
        dtype = torch.uint8 if shape.kind == "image" else torch.float32
        with torch.no_grad():
            answer = network.forward(torch.zeros(1, *shape.shape, dtype=dtype, device=device))
        return answer.features.shape[1], answer.logits is not None

    def _choose(self, places: np.ndarray, samples: int | None) -> np.ndarray:
        if samples is None or samples >= len(places):
            return places
        random = np.random.RandomState(self._seed)
        return np.sort(random.choice(places, samples, replace=False))

    def _real_side(
        self,
        real: Source | Published | None,
        channels: int,
        network: FeatureNetwork,
        opener: Opener,
    ) -> Side | Statistics | None:
        if real is None:
            return None
        if isinstance(real, Published):
            return real.statistics
        keep = bool(set(self._metrics) & {"kid", "prdc"})
        content = real.content()
        assert content is not None
        path = (
            opener.cache / "references" / reference_key(content, network, real.places(), channels)
        )
        start = time.perf_counter()
        side = load_side(path, keep, opener.device)
        if side is not None:
            self._meter.say(f"the features of {real.label} are known from an earlier run")
            self._seconds["real"] = time.perf_counter() - start
            return side
        side = self._pass(real, real.places(), channels, network, opener, "real", keep)
        if not real.skipped or real.skipped == real.count - len(real.places()):
            try:
                save_side(path, side)
            except (OSError, StorageError) as error:  # no reason to lose what has been worked out
                reason = getattr(error, "strerror", None) or error
                self._warnings.append(f"the features of {real.label} cannot be kept: {reason}")
            # Read back, since strides and alignment decide the last bits of later products.
            side = load_side(path, keep, opener.device) or side
        return side

    def _pass(
        self,
        source: Source,
        places: np.ndarray,
        channels: int,
        network: FeatureNetwork,
        opener: Opener,
        name: str,
        keep: bool,
    ) -> Side:
        start = time.perf_counter()
        self._meter.begin(f"{name}: {source.label}", len(places))
        side = summarize(
            source,
            places,
            channels,
            network,
            opener.device,
            opener.cache / "temporary",
            keep or len(places) <= _FEW,
            name == "fake" and "is" in self._metrics,
            self._meter.advance,
        )
        self._seconds[name] = time.perf_counter() - start
        return side

    def _measure(self, real: Side | Statistics | None, fake: Side) -> dict[str, Measured]:
        start = time.perf_counter()
        found = {}
        for name in self._metrics:
            self._meter.begin(f"computing {name}")
            found[name] = measure(name, real, fake, self._settings)
        self._seconds["metrics"] = time.perf_counter() - start
        return found


def _notes(source: Source | Published | None, side: Side | Statistics | None) -> Iterator[str]:
    """What a person should know of one side, whether it was looked at now or in an earlier run."""
    if not isinstance(source, Source):
        return
    yield from source.notes
    if source.skipped:
        broken = "; ".join(getattr(source, "broken_names", list)())
        yield f"{source.skipped} broken images in {source.label} were left out: {broken}"
    if isinstance(side, Side) and side.remark:
        yield f"{source.label}: {side.remark}, and what is measured on them says little"


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


def _dataset_key(bound: Bound | None, root: Path, extractor: Any) -> str:
    """As trials have it, so that a classifier trained for them is found again."""
    if bound is None or extractor.resizes:
        return ""
    data = bound.component.load("train", root)
    return content_hash(data) if isinstance(data, ImageData) else bound.spec
