"""What an evaluation gives beside the metrics, and what it makes possible."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import ganbench as gb
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.sources import TensorSource
from ganbench.evaluation.stability import stability
from ganbench.execution.resources import EvaluationPlan, Resources
from ganbench.grid.metrics import bind_metrics
from ganbench.grid.settings import resolve_evaluation
from ganbench.registry import default_registry
from ganbench.testing.plugins import installed

SIGMA = 0.2


class Normal(gb.Dataset):
    """Points of a normal distribution, more of them for training."""

    extractor = "pixels"
    splits = ("train", "test")
    n: int = 4000
    test_shift: float = 0.0

    def spec(self, root):
        return gb.DataSpec(4, 1, 1, kind="points")

    def load(self, split, root):
        count, seed = (self.n, 1) if split == "train" else (1000, 2)
        shift = 0.0 if split == "train" else self.test_shift
        return gb.ImageData(normal(count, torch.Generator().manual_seed(seed), shift))


@gb.hookimpl
def ganbench_datasets(register):
    register("normal", Normal)


def normal(count: int, random: torch.Generator, shift: float = 0.0) -> torch.Tensor:
    return SIGMA * torch.randn(count, 4, 1, 1, generator=random) + shift


def evaluator_of(tmp_path: Path, dataset: str, metrics: list[str], **settings) -> Evaluator:
    registry = default_registry()
    bound = registry.bind("dataset", dataset)
    chosen = resolve_evaluation({"metrics": metrics, **settings})
    plan = EvaluationPlan(
        bound,
        bound.component.spec(tmp_path),
        (registry.bind("extractor", "pixels"),),
        bind_metrics(chosen.metrics, registry, chosen.primary),
        chosen,
    )
    resources = Resources(tmp_path, tmp_path / "cache", torch.device("cpu"), lambda text: None)
    return resources.evaluator(plan)


@pytest.fixture
def on_normal(tmp_path):
    """Makes evaluators on points of a normal distribution."""
    import sys

    with installed(sys.modules[__name__]):
        yield lambda metrics=("fd",), dataset="normal", **settings: evaluator_of(
            tmp_path, dataset, list(metrics), **settings
        )


def source(images: torch.Tensor) -> TensorSource:
    return TensorSource("samples", images)


def at_end(evaluator: Evaluator, images: torch.Tensor) -> dict[str, float]:
    return evaluator.at_end(source(images)).values


def flat(images: torch.Tensor) -> np.ndarray:
    return images.flatten(1).numpy()


def test_the_floor_is_that_of_real_samples_against_the_others(on_normal):
    evaluator = on_normal(("fd", "kid[subset_size=200,subsets=50]"), samples=800)
    random = torch.Generator().manual_seed(3)
    perfect = [at_end(evaluator, normal(800, random)) for _ in range(8)]
    floor = perfect[0]["fd_floor"]
    assert all(found["fd_floor"] == floor for found in perfect)
    fd = [found["fd"] for found in perfect]
    assert min(fd) < floor < max(fd)  # what a perfect generator reaches
    order = np.random.RandomState(2020).permutation(4000)
    real = flat(Normal().load("train", None).images)
    expected = gb.frechet_distance(real[np.sort(order[800:])], real[np.sort(order[:800])])
    assert floor == pytest.approx(expected, rel=1e-6)
    assert abs(perfect[0]["kid_mean_floor"]) < 1e-3
    assert at_end(evaluator, normal(800, random, 1.0))["fd_floor"] == floor


def test_too_few_real_samples_have_no_floor(on_normal):
    found = at_end(on_normal(samples=2001), normal(2001, torch.Generator()))
    assert math.isnan(found.get("fd_floor", math.nan))
    assert math.isfinite(found["fd"])


def test_the_test_split_shows_a_copy_of_the_training_data(on_normal):
    evaluator = on_normal(dataset="normal[n=200]", samples=200)
    train, test = (Normal(n=200).load(split, None).images for split in ("train", "test"))
    picks = torch.randint(200, (200,), generator=torch.Generator().manual_seed(0))
    copied = at_end(evaluator, train[picks])
    assert copied["fd_test"] == pytest.approx(
        gb.frechet_distance(flat(test), flat(train[picks])), rel=1e-6
    )
    fresh = at_end(evaluator, test[:200])
    assert copied["fd"] < fresh["fd"]
    assert copied["fd_test"] > fresh["fd_test"]
    against_test = at_end(on_normal(samples=200, reference_split="test"), train)
    assert "fd_test" not in against_test


def test_what_is_kept_of_other_held_out_samples_is_not_taken(on_normal):
    samples = source(normal(400, torch.Generator().manual_seed(9)))
    near, far, fresh = (
        on_normal(["fd", "ct"], f"normal[{options}]").measurer.measure(samples).values["ct"]
        for options in ("", "test_shift=0.5", "")
    )
    assert far < near == fresh


@pytest.mark.parametrize("shift", [0.0, 0.1], ids=["perfect", "shifted"])
def test_the_noise_is_the_spread_over_new_samples(shift, on_normal):
    evaluator = on_normal(samples=500)
    random = torch.Generator().manual_seed(4)
    values, noise = [], []
    for number in range(300):
        value, deviation = (
            evaluator.of_best(source(normal(500, random, shift)))
            if number < 40
            else (evaluator.at_tick(source(normal(500, random, shift))).values["fd"], math.nan)
        )
        values.append(value)
        noise.append(deviation)
    assert np.nanmean(noise) == pytest.approx(np.std(values), rel=0.25)


def test_samples_that_are_not_finite_have_no_value(on_normal):
    evaluator = on_normal(("fd", "prdc", "modes"))
    images = normal(500, torch.Generator())
    images[3] = math.nan
    for found in (evaluator.at_tick(source(images)).values, at_end(evaluator, images)):
        assert {"fd", "precision"} <= found.keys()
        assert all(math.isnan(value) for value in found.values())
    assert all(map(math.isnan, evaluator.of_best(source(images))))


def test_at_ticks_there_are_only_the_metrics_of_every_tick(on_normal):
    evaluator = on_normal(("fd", "fd-infinity", "prdc"), samples=500)
    samples = normal(500, torch.Generator())
    tick, end = evaluator.at_tick(source(samples)).values, at_end(evaluator, samples)
    assert tick.keys() == {"fd", "fid", "precision", "recall", "density", "coverage"}
    assert end.keys() - tick.keys() == {"fd_infinity", "fd_floor", "fd_test", "fd_noise"}
    assert evaluator.of_ticks(end) == pytest.approx(tick, abs=0, nan_ok=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("samples", [1000, 10_000])
def test_a_perfect_sampler_of_the_ring_is_degraded_in_at_most_5_percent(samples, tmp_path):
    evaluator = evaluator_of(tmp_path, "ring", ["fd", "modes"], samples=samples)
    ring = gb.get("dataset", "ring")
    modes = ring.mixture()
    random = torch.Generator().manual_seed(0)

    def draw() -> TensorSource:
        picks = torch.randint(len(modes.centers), (samples,), generator=random)
        noise = modes.sigma * torch.randn(samples, 2, generator=random)
        return source((modes.centers[picks] + noise).float()[:, :, None, None])

    verdicts, drifts, runs = [], [], 150
    for _ in range(runs):
        ticks = [evaluator.at_tick(draw()).values for _ in range(9)]
        last = evaluator.at_end(draw()).values
        fresh, noise = evaluator.of_best(draw())
        found = stability(
            range(11),
            [0.5, *(tick["fd"] for tick in ticks), last["fd"]],
            evaluator.primary_column,
            fresh=fresh,
            noise=max(noise, last["fd_noise"]),
            modes=[[1, *(tick["modes"] for tick in ticks), last["modes"]]],
        )
        verdicts.append(found["verdict"])
        drifts.append(found["fd_drift"])
    assert np.mean(np.array(drifts) > 1.5) > 0.5  # by the drift alone most would be
    assert verdicts.count("degraded") <= 0.05 * runs
    assert verdicts.count("stable") >= 0.95 * runs
