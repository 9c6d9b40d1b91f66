"""How often intervals hold a known truth; docs/statistics.md has the figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from ganbench.analysis.statistics.aggregates import LEAST_FOR_IQM, Statistic
from ganbench.analysis.statistics.intervals import intervals
from ganbench.analysis.statistics.paired import improvement, paired_effect, risk_difference

#: 95 % are wanted; of 2,000 samples the share itself varies by 0.5 points.
NEAR = (0.93, 0.985)


def assert_near(hits: np.ndarray) -> None:
    assert NEAR[0] <= float(np.mean(hits)) <= NEAR[1]


@pytest.mark.parametrize(
    ("statistic", "count"),
    [
        (statistic, count)
        for statistic in ("mean", "median", "iqm")
        for count in (3, 5, 10)
        if statistic != "iqm" or count >= LEAST_FOR_IQM
    ],
)
@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_one_cell_of_log_normal_values(statistic: Statistic, count: int, sigma: float) -> None:
    samples = np.random.default_rng(0).lognormal(1.0, sigma, (2000, count))
    lows, highs = intervals(list(samples), statistic, scale="log")
    assert_near((lows <= math.e) & (math.e <= highs))


@pytest.mark.parametrize("count", [3, 5, 10])
def test_a_median_of_skewed_or_heavy_tailed_values(count: int) -> None:
    random = np.random.default_rng(1)
    for samples, truth in (
        (random.gamma(2, 1, (2000, count)), scipy.stats.gamma(2).median()),
        (random.standard_t(3, (2000, count)), 0.0),
        (random.beta(2, 18, (2000, count)), scipy.stats.beta(2, 18).median()),
    ):
        lows, highs = intervals(list(samples), "median")
        assert_near((lows <= truth) & (truth <= highs))


def test_a_percentile_bootstrap_would_not_do() -> None:
    """The reason for another way: with three values it cannot leave their range."""
    samples = np.random.default_rng(2).normal(size=(2000, 3))
    held = (samples.min(axis=1) <= 0) & (samples.max(axis=1) >= 0)
    assert np.mean(held) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("blocks", [1, 3])
def test_paired_differences(count: int, blocks: int) -> None:
    random = np.random.default_rng(3)
    sigmas, effects = np.linspace(0.1, 0.4, blocks), np.linspace(-0.3, 0.5, blocks)
    draws = random.normal(effects[:, None], sigmas[:, None], (700, blocks, count))
    found = [paired_effect([*draw]).interval for draw in draws]
    assert_near(np.array([not i.excludes(effects.mean()) for i in found]))


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [2, 4, 8])
@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("shared", [False, True])
def test_blocks_of_different_spread(blocks: int, count: int, shared: bool) -> None:
    random = np.random.default_rng(4)
    sigmas, middles = np.linspace(0.1, 0.5, blocks), np.linspace(-0.3, 0.5, blocks)
    draws = random.normal(middles[:, None], sigmas[:, None], (1500, blocks, count))
    seeds = [range(count)] * blocks if shared else None
    found = [paired_effect([*draw], seeds).interval for draw in draws]
    assert_near(np.array([not i.excludes(middles.mean()) for i in found]))


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 4, 5, 10])
@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_probability_of_improvement(blocks: int, count: int) -> None:
    random = np.random.default_rng(5)
    for probability in (0.5, 0.75, 0.9):
        for spread in (1.0, 3.0):
            shift = scipy.stats.norm.ppf(probability) * math.hypot(1, spread)
            a = random.normal(-shift, 1, (1000, blocks, count))
            b = random.normal(0, spread, (1000, blocks, count))
            found = [improvement([*x], [*y]).interval for x, y in zip(a, b, strict=True)]
            held = np.mean([i.low <= probability <= i.high for i in found])
            assert held >= 0.93  # Wilson's is never short, and often a little wide


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [6, 10, 20])
@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.3, 0.1), (0.5, 0.5), (0.6, 0.1)])
def test_risk_differences(pairs: int, a: float, b: float) -> None:
    random = np.random.default_rng(6)
    draws = random.random((2000, 2, pairs)) < np.array([[a], [b]])
    found = [risk_difference(*draw).interval for draw in draws]
    assert np.mean([i.low <= a - b <= i.high for i in found]) >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 6, 10, 20])
def test_medians_of_seeds_that_sometimes_fail(count: int) -> None:
    random = np.random.default_rng(7)
    values = random.normal(size=(2000, count))
    values[random.random((2000, count)) < 0.2] = math.inf
    truth = scipy.stats.norm.ppf(0.5 / 0.8)  # the median, failures counted
    lows, highs = intervals(list(values), "median")
    held = (lows <= truth) & (truth <= highs)
    assert np.mean(held) >= 0.92
