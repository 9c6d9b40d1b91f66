"""The speed of an evaluation: samples, their features, and the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ganbench.components.data import ImageData
from ganbench.evaluation.feature_space import FeatureSpace, kept_parts
from ganbench.evaluation.measurer import Measurer
from ganbench.evaluation.real_features import RealFeatures, RealSettings
from ganbench.evaluation.sampled_source import NOISE, SampledSource
from ganbench.evaluation.sources import TensorSource
from ganbench.execution.selftest.cells import make_cell, make_trainer, table
from ganbench.execution.selftest.extractor import feature_network
from ganbench.execution.selftest.outcome import Outcome, Setting, Speed
from ganbench.execution.selftest.plugin import registry
from ganbench.grid.metrics import bind_metrics
from ganbench.training.trainer import Trainer

_WARM_UP = 20  # samples


@dataclass(frozen=True)
class _Timing:
    """One evaluation.

    :ivar features: seconds of the samples with their features; likewise ``metrics``, and ``real``
        for the real samples.
    :ivar distance: the value of the first metric.
    :ivar weights: of the feature network, in words.
    """

    samples: int
    features: float
    metrics: float
    real: float
    distance: float
    weights: str

    @property
    def seconds(self) -> float:
        return self.features + self.metrics


def evaluation_speed(setting: Setting) -> Outcome:
    """Seconds of an evaluation, the real side apart: it is read once for a data set."""
    entry = {**table()["defaults"], **table()["evaluation"]}
    trainer = make_trainer(make_cell(entry), setting.device)
    trainer.time_steps(1)
    usual = _evaluated(trainer, "extractor", setting)
    speeds = [*_speeds(usual)]
    if setting.cuda:
        speeds += _of_tf32(usual, _evaluated(trainer, "tf32_extractor", setting))
    return Outcome("held", (), tuple(speeds))


def _speeds(usual: _Timing) -> Iterator[Speed]:
    what, samples = "evaluation", f"{usual.samples:,} samples"
    yield Speed(what, "samples and features", usual.features, "s", f"{samples}, {usual.weights}")
    yield Speed(what, "metrics", usual.metrics, "s", ", ".join(table()["evaluation"]["metrics"]))
    rate = f"{usual.samples / usual.seconds:,.0f} samples/s"
    yield Speed(what, "all of it", usual.seconds, "s", rate)
    yield Speed(what, "real side, once", usual.real, "s")


def _of_tf32(usual: _Timing, tf32: _Timing) -> Iterator[Speed]:
    what = "TensorFloat-32 features"
    yield Speed(what, "samples and features", tf32.features, "s", "identity of their own")
    change = abs(tf32.distance - usual.distance) / max(abs(usual.distance), 1e-12)
    name = table()["evaluation"]["metrics"][0]
    yield Speed(what, f"change of {name}", change, "share", usual.weights)


def _evaluated(trainer: Trainer, extractor: str, setting: Setting) -> _Timing:
    """Measure the samples of a generator.

    :param extractor: the key of its spec in the table.
    """
    count = _count(setting)
    measurer, real = _measurer(trainer, extractor, count, setting)
    setting.say(f"{extractor}: real images")
    real_seconds = _seconds(lambda: real.count)
    _measured(measurer, trainer, _WARM_UP)  # computes what metrics know of the real images, too
    setting.say(f"{extractor}: {count:,} samples")
    features, metrics, distance = _measured(measurer, trainer, count)
    weights = "published weights" if real.network.standard_fid else "made-up weights"
    return _Timing(count, features, metrics, real_seconds, distance, weights)


def _count(setting: Setting) -> int:
    if setting.cuda:
        return 10_000 if setting.quick else 50_000
    return 40 if setting.quick else 500


def _measurer(
    trainer: Trainer, extractor: str, count: int, setting: Setting
) -> tuple[Measurer, RealFeatures]:
    data, source = trainer.data.spec, trainer.data.source
    assert isinstance(source, ImageData)
    metrics = bind_metrics(table()["evaluation"]["metrics"], registry())
    network = feature_network(data, extractor, setting)
    how = RealSettings(
        data.channels, kept_parts(metrics), setting.device, setting.folder, most=count
    )
    real = RealFeatures(TensorSource("made-up images", source.images), network, how)
    space = FeatureSpace("", network, real)
    return Measurer(metrics, [space], data.channels, setting.device), real


def _measured(measurer: Measurer, trainer: Trainer, count: int) -> tuple[float, float, float]:
    """Seconds of the samples with their features, those of the metrics, and the first value."""
    began: list[float] = []
    start = time.perf_counter()
    source = SampledSource("self-test", trainer.sampler(), count, NOISE)
    found = measurer.measure(source, about=lambda title: began.append(time.perf_counter()))
    end = time.perf_counter()
    found.check()
    if found.failed:
        raise RuntimeError("; ".join(f"{name}: {why}" for name, why in found.failed.items()))
    return began[0] - start, end - began[0], next(iter(found.values.values()))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
