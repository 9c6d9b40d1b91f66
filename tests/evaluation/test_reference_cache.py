"""What is kept of the real samples: under which key, and what happens where it cannot be."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ganbench as gb
from ganbench.base import tensor_files
from ganbench.evaluation.feature_space import FeatureSpace, kept_parts
from ganbench.evaluation.measurer import Measurer
from ganbench.evaluation.real_features import RealFeatures, RealSettings, metric_digest
from ganbench.evaluation.sources import TensorSource
from ganbench.registry import default_registry
from ganbench.testing.plugins import installed

CPU = torch.device("cpu")
SPECS = ("fd", "kid[subset_size=20,subsets=3]", "prdc[k=3]")
KNOWN_KEY = "ec4081a57cbc89a1932a1c84b3da9d4da39891cf23d83f1a681967b7498d2f1a"
made: list[str] = []


class Counted(gb.Metric):
    """Notes when its reference is made."""

    needs = ("features",)
    columns = (gb.Column("counted", better="lower", meaning="it"),)
    power: int = 1

    def reference(self, real):
        made.append(f"{self.power}")
        mean = real.features.double().mean(0)
        return {"mean": mean, "again": mean, "slice": real.features[:, :2].mT}

    def compute(self, fake, reference):
        value = (fake.features.double().mean(0) - reference["mean"]).norm() ** self.power
        return {"counted": float(value)}


@gb.hookimpl
def ganbench_metrics(register):
    register("counted", Counted)


@pytest.fixture(autouse=True)
def _own():
    made.clear()
    with installed(sys.modules[__name__]):
        yield


def images(seed: int, count: int = 90) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 1, 4, 4), generator=random, dtype=torch.uint8)


def forward(batch: torch.Tensor) -> gb.Features:
    return gb.Features(batch.flatten(1).float() / 255)


def side(cache: Path, specs=SPECS, source=None, network="test", places=None, channels=1):
    bounds = [default_registry().bind("metric", spec) for spec in specs]
    source = source or TensorSource("real", images(1))
    settings = RealSettings(channels, kept_parts(bounds), CPU, cache)
    return RealFeatures(source, gb.FeatureNetwork(network, forward), settings, places=places)


def measured(cache: Path, specs=SPECS) -> dict[str, float]:
    bounds = [default_registry().bind("metric", spec) for spec in specs]
    real = side(cache, specs)
    measurer = Measurer(bounds, [FeatureSpace("test", real.network, real)], 1, CPU)
    found = measurer.measure(TensorSource("fake", images(2, 40)))
    assert not found.failed
    values = found.values | measurer.floors(found)
    return {name: value for name, value in values.items() if value == value}


def files(cache: Path) -> set[str]:
    return {path.name for path in cache.rglob("*.*")}


def test_the_key_is_of_content_network_choice_and_channels(tmp_path):
    other = images(1)
    other[0, 0, 0, 0] += 1
    keys = [
        side(tmp_path).key,
        side(tmp_path, source=TensorSource("real", other)).key,
        side(tmp_path, source=TensorSource("real", images(1), torch.arange(90))).key,
        side(tmp_path, network="other").key,
        side(tmp_path, places=np.arange(80)).key,
        side(tmp_path, places=np.arange(10, 90)).key,
        side(tmp_path, channels=3).key,
    ]
    assert len(set(keys)) == len(keys)
    assert side(tmp_path, source=TensorSource("another name", images(1))).key == keys[0]
    assert side(tmp_path / "elsewhere", ("fd",)).key == keys[0]  # metrics share the features


def on(device: str, arithmetic: str, cache: Path) -> RealFeatures:
    settings = RealSettings(1, frozenset(), torch.device(device), cache)
    network = gb.FeatureNetwork("test", forward, arithmetic=arithmetic)
    return RealFeatures(TensorSource("real", images(1)), network, settings)


def test_the_key_names_the_kind_of_device_and_its_arithmetic(tmp_path):
    cpu, gpu, other, rounded = (
        on(device, arithmetic, tmp_path).key
        for device, arithmetic in (
            *(("cpu", "fp32"), ("cuda:0", "fp32"), ("cuda:1", "fp32")),
            ("cuda:0", "tf32"),
        )
    )
    assert cpu == side(tmp_path).key == KNOWN_KEY  # what earlier versions have cached stays valid
    assert len({cpu, gpu, rounded}) == 3
    assert gpu == other


def test_a_metrics_reference_is_of_its_options_recipe_and_code(monkeypatch):
    registry = default_registry()
    plain = registry.bind("metric", "counted")
    digests = [metric_digest(plain), metric_digest(registry.bind("metric", "counted[power=2]"))]
    assert metric_digest(registry.bind("metric", "counted[power=1]")) == digests[0]
    with monkeypatch.context() as patch:
        patch.setattr(Counted, "recipe", 2)
        digests.append(metric_digest(plain))
    with monkeypatch.context() as patch:
        patch.setitem(vars(plain.info), "source", "edited")
        digests.append(metric_digest(plain))
    assert metric_digest(plain) == digests[0]
    assert len(set(digests)) == 4


def test_a_reference_is_made_once_and_again_for_other_options(tmp_path):
    first = measured(tmp_path, ("counted",))
    assert made == ["1"]
    assert measured(tmp_path, ("counted",)) == first
    assert made == ["1"]
    measured(tmp_path, ("counted[power=2]",))
    assert made == ["1", "2"]


@pytest.mark.parametrize("damage", ["absent", "cut", "empty", "text"])
def test_what_is_damaged_is_made_again_with_the_same_bits(damage, tmp_path):
    specs = (*SPECS, "counted")
    first = measured(tmp_path, specs)
    paths = sorted(path for path in tmp_path.rglob("*.*"))
    assert {path.suffix for path in paths} == {".safetensors", ".json"}
    for path in paths:
        content = path.read_bytes()
        if damage == "absent":
            path.unlink()
        else:
            parts = {"cut": content[: len(content) // 2], "empty": b"", "text": b"no tensors"}
            path.write_bytes(parts[damage])
    assert measured(tmp_path, specs) == first


@pytest.mark.parametrize("block", ["cache", "references"])
def test_a_cache_that_cannot_be_written_gives_the_same_bits(block, tmp_path):
    first = measured(tmp_path / "good", (*SPECS, "counted"))
    cache = tmp_path / "bad"
    if block == "cache":
        cache.write_text("a file")
    else:
        cache.mkdir()
        (cache / "references").write_text("a file")
    for _ in range(2):
        assert measured(cache, (*SPECS, "counted")) == first
    real = side(cache)
    _ = real.samples.features
    assert [w.partition(":")[0] for w in real.warnings] == ["cannot cache the features of real"]


def test_a_cache_that_can_be_read_only_is_read(tmp_path, monkeypatch):
    first = measured(tmp_path, ("counted",))
    before = files(tmp_path)

    def refuse(*_args, **_kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tensor_files, "save_file", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    assert measured(tmp_path, ("counted",)) == first
    assert made == ["1"]
    assert measured(tmp_path, ("counted", "fd"))["counted"] == first["counted"]
    assert files(tmp_path) == before


def _measure_into(cache: Path, barrier, queue) -> None:
    barrier.wait()
    queue.put(measured(cache))


def test_two_processes_at_once_find_the_same_and_leave_a_whole_cache(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(2), context.Queue()
    arguments = (tmp_path, barrier, queue)
    processes = [context.Process(target=_measure_into, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert found[0] == found[1] == measured(tmp_path)
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]


def test_a_reference_keeps_no_second_copy_of_the_features(tmp_path):
    real = side(tmp_path)
    kid = default_registry().bind("metric", "kid")
    assert real.reference(kid)["features"] is real.samples.features
    (stored,) = tmp_path.rglob("metric-*")
    assert stored.stat().st_size < real.samples.features.nbytes / 4
    again = side(tmp_path)
    assert again.reference(kid)["features"] is again.samples.features


def test_parts_that_no_metric_asked_for_are_made_when_one_does(tmp_path):
    assert side(tmp_path, ("fd",)).samples.moments.n == 90
    assert not list(tmp_path.rglob("features.safetensors"))
    later = side(tmp_path)
    assert torch.equal(later.samples.features, forward(images(1)).features)
    assert list(tmp_path.rglob("features.safetensors"))


def test_what_the_samples_lack_is_not_looked_for_again(tmp_path):
    passed = []

    def watched(batch):
        passed.append(len(batch))
        return forward(batch)

    for number in range(2):
        real = side(tmp_path, ("fd", "class-fd"))
        real.network = gb.FeatureNetwork("test", watched)
        for part in ("labels", "class_logits", "labels"):
            with pytest.raises(LookupError, match=part.partition("_")[2] or part):
                getattr(real.samples, part)
        assert sum(passed) == 90, number
