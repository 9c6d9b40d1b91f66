"""Benchmarks of data sets and of what looks at trials: extractors, metrics and callbacks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from ganbench.base.paths import cache_root, data_root
from ganbench.components.callback import Callback
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import Extractor, ExtractorContext
from ganbench.components.metric import FeatureSet, Metric
from ganbench.testing.feature_sets import MadeUpWorld, on_device
from ganbench.testing.made_up_trial import MadeUpTrial
from ganbench.testing.partners import made_up_samples
from ganbench.testing.speed.device import bench_device
from ganbench.testing.speed.workload import ComponentBenchmarks, Work, workload

_ITEMS = 64  # read of a split that does not fit in memory
_TICKS = 10


class DatasetBenchmarks(ComponentBenchmarks):
    """Inherit under a name that begins with Test, and name the data set::

        class TestStripesSpeed(DatasetBenchmarks):
            component = Stripes()

    :cvar root: the data folder; ``$GANBENCH_DATA`` or the user's cache by default.
    """

    component: Dataset
    root: ClassVar[Path | None] = None

    @workload("the training split loaded, and some samples read")
    def loading(self) -> Work:
        root = data_root(self.root)
        first: Any = self.component.load("train", root)
        count = len(first)

        def call() -> None:
            data = self.component.load("train", root)
            if not isinstance(data, ImageData):
                for place in range(0, count, max(1, count // _ITEMS)):
                    data[place]

        return Work(call, count, "images")


class ExtractorBenchmarks(ComponentBenchmarks):
    """Inherit under a name that begins with Test, and name the extractor::

        class TestMyFeaturesSpeed(ExtractorBenchmarks):
            component = MyFeatures()

    :cvar data: the shape of the images, which are made up.
    :cvar count: how many there are; fewer where the network takes fewer at a time.
    :cvar cache: the folder of the weights; ``$GANBENCH_CACHE`` or the user's cache by default.
    """

    component: Extractor
    data: ClassVar[DataSpec] = DataSpec(3, 32, 32, classes=10)
    count: ClassVar[int] = 64
    cache: ClassVar[Path | None] = None

    @workload("the features of a batch")
    def features(self) -> Work:
        device = bench_device()
        network = self.component.prepare(
            ExtractorContext(
                data=self.data,
                load=lambda split: made_up_samples(self.data, self.count, len(split)).to(device),
                dataset_key="made-up",
                cache=self.cache or cache_root(),
                device=device,
                log=lambda sentence: None,
            )
        )
        images = made_up_samples(self.data, min(self.count, network.batch_size)).images.to(device)
        return Work(lambda: network.forward(images), len(images), "images")


class MetricBenchmarks(ComponentBenchmarks):
    """Inherit under a name that begins with Test, and name the metric::

        class TestMyMetricSpeed(MetricBenchmarks):
            component = MyMetric()

    :cvar samples: how many there are on either side; they are made up.
    :cvar features: the number of features of each.
    :cvar shape: (channels, height, width) of the images.
    """

    component: Metric
    samples: ClassVar[int] = 500
    features: ClassVar[int] = 256
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)

    @workload("the reference of real samples")
    def reference(self) -> Work:
        real = self._side(0)
        return Work(lambda: self.component.reference(real), self.samples, "samples")

    @workload("the values of generated samples")
    def values(self) -> Work:
        reference, fake = self.component.reference(self._side(0)), self._side(1)
        return Work(lambda: self.component.compute(fake, reference), self.samples, "samples")

    def _side(self, seed: int) -> FeatureSet:
        points = "modes" in self.component.needs
        world = MadeUpWorld(None if points else self.shape, self.features)
        held_out = world.draw(self.samples, 100) if seed == 0 else None
        return on_device(world.seen(world.draw(self.samples, seed), held_out), bench_device())


class CallbackBenchmarks(ComponentBenchmarks):
    """Inherit under a name that begins with Test, and name the callback::

        class TestJournalSpeed(CallbackBenchmarks):
            component = Journal(path="fd.jsonl")

    It writes into an empty folder, which is the working directory meanwhile.
    """

    component: Callback

    @workload("a trial followed from its start to its row")
    def trial(self) -> Work:
        folder = tempfile.TemporaryDirectory()
        place = Path(folder.name)
        trial = MadeUpTrial(place)
        records = [trial.record(number) for number in range(_TICKS)]
        row, home = trial.row("ok", fd=3.0), Path.cwd()

        def follow() -> None:
            os.chdir(place)
            try:
                self.component.trial_started(trial.identity, trial.folder)
                for record in records:
                    self.component.tick(trial.identity, record)
                self.component.trial_ended(trial.identity, row)
            finally:
                os.chdir(home)

        return Work(follow, _TICKS, "ticks", folder.cleanup)
