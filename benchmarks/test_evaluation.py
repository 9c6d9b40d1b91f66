"""``ganbench eval`` beside torch-fidelity's command, on the same folders of PNG files."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture
from random_inception import write_random_weights

from benchmarks.measuring import median_seconds
from ganbench.testing.speed.device import bench_device

pytestmark = pytest.mark.benchmark(group="evaluation of folders")

_FIDELITY = (
    "from ganbench.base.vision import import_torchvision; import_torchvision()\n"
    "from torch_fidelity.fidelity import main; main()"
)
_KID_SUBSETS = 20


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("reference", ["fresh", "cached"])
def test_inception(benchmark: BenchmarkFixture, tmp_path: Path, reference: str) -> None:
    """FD, IS and KID from start to end, with and without a cached real side.

    The weights are random, which take as long as the published ones.
    """
    images = 2000 if bench_device().type == "cuda" else 100
    if benchmark.disabled:
        images = 12  # only whether it works
    real, fake = (_images(tmp_path / name, images, seed) for name, seed in (("r", 1), ("f", 2)))
    weights = write_random_weights(tmp_path / "weights.pth")
    ours = _ours(tmp_path, real, fake, weights, images // 2, reference == "cached")
    theirs = _theirs(tmp_path, real, fake, weights, images // 2, reference == "cached")
    seconds, found = [], []

    def beside() -> None:
        start = time.perf_counter()
        found.append(theirs())
        seconds.append(time.perf_counter() - start)

    if reference == "cached":
        ours()
        theirs()
    if benchmark.disabled:
        beside()
    document = benchmark.pedantic(ours, setup=None if benchmark.disabled else beside, rounds=3)
    metrics, expected = document["metrics"], found[-1]
    assert metrics["fd"] == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    assert metrics["cs_mean"] == pytest.approx(expected["inception_score_mean"], rel=1e-6)
    median = median_seconds(benchmark)
    if median is not None:
        theirs_median = statistics.median(seconds)
        benchmark.extra_info |= {
            "images": images,
            "torch_fidelity_seconds": theirs_median,
            "ratio": median / theirs_median,
        }


def _ours(
    folder: Path, real: Path, fake: Path, weights: Path, size: int, cached: bool
) -> Callable[[], dict[str, dict[str, float]]]:
    numbers = itertools.count()

    def run() -> dict[str, dict[str, float]]:
        cache = folder / ("cache" if cached else f"cache-{next(numbers)}")
        document: dict[str, dict[str, float]] = _run(
            [
                *("-m", "ganbench", "eval", "--real", str(real), "--fake", str(fake), "--json"),
                *("--metrics", "fd,is,kid", "--device", bench_device().type),
                *("--extractor", f'inception-v3-compat[weights="{weights}"]'),
                *("--set", f"kid_subsets={_KID_SUBSETS}", "--set", f"kid_subset_size={size}"),
            ],
            GANBENCH_CACHE=str(cache),
        )
        return document

    return run


def _theirs(
    folder: Path, real: Path, fake: Path, weights: Path, size: int, cached: bool
) -> Callable[[], dict[str, float]]:
    device = ["--gpu", "0"] if bench_device().type == "cuda" else ["--cpu"]
    cache = ["--cache-root", str(folder / "theirs"), "--input2-cache-name", "real"]

    def run() -> dict[str, float]:
        found: dict[str, float] = _run(
            [
                *("-W", "ignore", "-c", _FIDELITY, *device, "--json", "--fid", "--isc", "--kid"),
                *("--input1", str(fake), "--input2", str(real)),
                *("--feature-extractor", "inception-v3-compat"),
                *("--feature-extractor-weights-path", str(weights)),
                *("--kid-subsets", str(_KID_SUBSETS), "--kid-subset-size", str(size)),
                *(cache if cached else ["--no-cache"]),
            ]
        )
        return found

    return run


def _run(arguments: list[str], **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return json.loads(done.stdout)


def _images(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    random = np.random.RandomState(seed)
    for number in range(count):
        blocks = np.kron(random.rand(4, 4, 3) * 200 + 20 * seed, np.ones((8, 8, 1)))
        pixels = (blocks + random.randn(32, 32, 3) * 20).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:05}.png")
    return folder
