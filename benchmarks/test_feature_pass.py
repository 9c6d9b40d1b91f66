"""The feature pass of extractors that need no download."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from random_inception import write_random_weights

import ganbench as gb
from benchmarks.measuring import record_rate, synchronized
from ganbench.evaluation.features import Passed, run_pass
from ganbench.evaluation.recorded_network import recorded
from ganbench.evaluation.sources import TensorSource

pytestmark = pytest.mark.benchmark(timer=synchronized, group="feature pass")


@pytest.mark.parametrize("extractor", ["pixels", "small-cnn[steps=30]"])
def test_digits(
    benchmark: BenchmarkFixture, device: torch.device, tmp_path: Path, extractor: str
) -> None:
    digits = gb.get("dataset", "digits")
    real = digits.load("train", tmp_path)
    context = gb.ExtractorContext(
        real.spec,
        lambda split: digits.load(split, tmp_path),
        "",
        tmp_path,
        device,
        lambda line: None,
    )
    network = gb.get("extractor", extractor).prepare(context)
    images = real.images.to(device)
    passed = benchmark.pedantic(_pass, (network, images), rounds=20, warmup_rounds=2)
    assert len(passed.sets[0].features) == len(images)
    benchmark.extra_info["batch_size"] = network.batch_size
    record_rate(benchmark, "images_per_second", len(images))


@pytest.mark.slow
def test_inception(benchmark: BenchmarkFixture, device: torch.device, tmp_path: Path) -> None:
    """With random weights, which take as long as the published ones; arranged as in evaluations."""
    spec = gb.DataSpec(3, 32, 32)
    weights = write_random_weights(tmp_path / "random.pth")
    context = gb.ExtractorContext(spec, _no_data, "", tmp_path, device, lambda line: None)
    network = gb.get("extractor", f'inception-v3-compat[weights="{weights}"]').prepare(context)
    assert network.faster is not None
    network = recorded(network.faster(), device)
    random, count = torch.Generator().manual_seed(0), 16 if device.type == "cpu" else 4096
    images = torch.randint(256, (count, *spec.shape), generator=random, dtype=torch.uint8)
    images = images.to(device)
    passed = benchmark.pedantic(_pass, (network, images), rounds=5, warmup_rounds=1)
    assert passed.sets[0].features.shape == (count, 2048)
    record_rate(benchmark, "images_per_second", len(images))


def _pass(network: gb.FeatureNetwork, images: torch.Tensor) -> Passed:
    source = TensorSource("images", images)
    keep = {"features", "class_logits"}
    return run_pass(source, source.places(), source.channels, [network], keep, images.device)


def _no_data(split: str) -> gb.ImageData:
    raise AssertionError("the network needs no data")
