"""How often a difference is claimed where there is none; docs/statistics.md has the figures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from made_up_runs import synthetic_frame

from ganbench.analysis.groups import group
from ganbench.analysis.statistics.aggregates import trimmed
from ganbench.analysis.statistics.intervals import intervals
from ganbench.analysis.statistics.paired import paired_effect, risk_difference
from ganbench.analysis.statistics.seeds import units
from ganbench.analysis.summary import by_cell
from ganbench.analysis.tied_with_best import tied_with_best
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.store.columns import columns_of

pytestmark = pytest.mark.slow

#: Of a nominal 5 %.
MOST = 0.07


def related(
    random: np.random.Generator, correlation: float, shape: tuple[int, int, int]
) -> np.ndarray:
    """Standard normal values, (samples, blocks, seeds), that blocks share in part."""
    samples, blocks, seeds = shape
    common = random.normal(size=(samples, 1, seeds))
    own = random.normal(size=(samples, blocks, seeds))
    return math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("count", [3, 5, 10])
def test_blocks_that_share_seeds_are_no_more_seeds(correlation: float, count: int) -> None:
    for blocks in (1, 4, 8, 16):
        draws = related(np.random.default_rng(blocks), correlation, (1500, blocks, count))
        seeds = [range(count)] * blocks
        found = [paired_effect([*draw], seeds) for draw in draws]
        assert np.mean([effect.interval.excludes(0.0) for effect in found]) <= MOST
        assert np.mean([effect.p <= 0.05 for effect in found]) <= MOST


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
@pytest.mark.parametrize(
    "seeds",
    [
        [range(n, n + 3) for n in range(5)],
        [range(3), range(3), range(6), range(6)],
        [range(3 * n, 3 * n + 3) for n in range(4)],
        [[0, 1, 2], [2, 3, 4], [4, 5, 0]],
    ],
    ids=["stairs", "subsets", "apart", "ring"],
)
def test_seeds_that_blocks_share_in_part(correlation: float, seeds: list[range]) -> None:
    draws = related(np.random.default_rng(1), correlation, (1500, len(seeds), 16))
    draws[:, 1] *= 3
    found = [
        paired_effect([values[[*own]] for values, own in zip(draw, seeds, strict=True)], seeds)
        for draw in draws
    ]
    assert np.mean([effect.p <= 0.05 for effect in found]) <= MOST


def without_effect(number: int, frame: pd.DataFrame, correlation: float) -> pd.DataFrame:
    """The frame with an ``fd`` that seeds and blocks decide, and no component.

    Trials of one component and seed are related over blocks.
    """
    shape = [frame[name].nunique() for name in ("architecture", "loss", "seed")]
    random = np.random.default_rng(number)
    draws = related(random, correlation, (shape[1], shape[0], shape[2])).transpose(1, 0, 2)
    hard = random.normal(0, 0.3, (shape[0], 1, shape[2]))
    return frame.assign(fd=np.exp(hard + 0.2 * draws).ravel())


def frame_of(blocks: int, losses: str, seeds: int) -> pd.DataFrame:
    names = [f"x{number}" for number in range(blocks)]
    frame = synthetic_frame(architectures=names, losses=[*losses], seeds=seeds)
    return frame.drop(
        columns=[
            column.name
            for column in columns_of(frame).measured
            if column.name in frame.columns and column.name not in ("fd", "fd_best")
        ]
    )


def test_compare_claims_nothing_of_nothing() -> None:
    frame = frame_of(8, "ab", 3)
    claims = 0
    for number in range(150):
        drawn = without_effect(number, frame, 0.5)
        text = compare(drawn, "a", drawn, "b").sentence()
        claims += any(word in text for word in ("is better by", "more often", "contradict"))
    assert claims <= 14  # more have a chance of 1 %, if each claims with 5 %


@pytest.mark.parametrize("shared", [False, True])
def test_rank_tells_nothing_apart_of_nothing(shared: bool) -> None:
    frame = frame_of(4, "abc", 3)
    drawn = (without_effect(number, frame, 0.5) for number in range(150))
    told = [not rank(each, "loss", shared_spread=shared)["tied"].all() for each in drawn]
    assert sum(told) <= 14


@pytest.mark.parametrize(("losses", "seeds"), [("abc", 3), ("abcdefgh", 5)])
def test_bold_leaves_none_out_where_all_are_equal(losses: str, seeds: int) -> None:
    frame = frame_of(1, losses, seeds)
    left_out = np.zeros(2)
    for number in range(150):
        groups = group(without_effect(number, frame, 0.0))
        table = by_cell(groups)
        for place, shared in enumerate((False, True)):
            left_out[place] += not tied_with_best(
                groups, table, groups.columns["fd"], shared=shared
            ).all()
    assert left_out.max() <= 14


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("blocks", [1, 8])
def test_shares_of_trials_whose_seeds_decide(blocks: int, count: int) -> None:
    """Failures that all blocks of a seed have in common are no more evidence than one."""
    draws = related(np.random.default_rng(2), 0.8, (4000, blocks, count)) < -0.84  # 20 %
    worth = units([range(count)] * blocks)
    found = [
        risk_difference(a.ravel(), b.ravel(), units=worth).interval
        for a, b in zip(draws[::2], draws[1::2], strict=True)
    ]
    assert np.mean([interval.excludes(0.0) for interval in found]) <= MOST


def collapsing(random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Differences of logarithms, of which a fifth are ten times as large a distance."""
    return 0.2 * related(random, 0.5, shape) + math.log(10) * (random.random(shape) < 0.2)


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("blocks", [1, 4, 8])
def test_effects_where_a_fifth_of_the_trials_collapse(blocks: int, count: int) -> None:
    random = np.random.default_rng(3)
    means = np.sort(collapsing(random, (200_000, blocks, 1)).mean(axis=1).ravel())
    cut = len(means) * trimmed(count) // count
    truth = np.median(means) if count == 3 else means[cut : len(means) - cut].mean()
    draws = collapsing(random, (1500, blocks, count))
    found = [paired_effect([*draw], [range(count)] * blocks).interval for draw in draws]
    assert np.mean([i.low <= truth <= i.high for i in found]) >= 0.90


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("sigma", [0.2, 1.0])
def test_effects_of_log_normal_values(count: int, sigma: float) -> None:
    draws = np.random.default_rng(4).normal(0.3, sigma, (3000, count))
    found = [paired_effect([draw]).interval for draw in draws]
    assert np.mean([i.low <= 0.3 <= i.high for i in found]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("shared", [False, True])
def test_medians_of_cells_where_a_fifth_collapse(count: int, shared: bool) -> None:
    random = np.random.default_rng(5)
    truth = float(np.exp(np.median(collapsing(random, (300_000, 1, 1)))))
    held: list[bool] = []
    for _ in range(100):  # tables of twenty cells
        cells = [*np.exp(collapsing(random, (20, 1, count))[:, 0])]
        lows, highs = intervals(cells, "median", scale="log", shared=shared)
        held += ((lows <= truth) & (truth <= highs)).tolist()
    assert np.mean(held) >= 0.90


@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize("cells", [4, 12, 40])
@pytest.mark.parametrize("unequal", [0.0, 0.5])
def test_a_shared_spread_holds_also_where_spreads_differ(
    cells: int, count: int, unequal: float
) -> None:
    random = np.random.default_rng(6)
    held: list[bool] = []
    for _ in range(2400 // cells):
        sigmas = 0.2 * np.exp(unequal * random.normal(size=(cells, 1)))
        values = np.exp(sigmas * random.normal(size=(cells, count)))
        lows, highs = intervals([*values], "median", scale="log", shared=True)
        held += ((lows <= 1) & (highs >= 1)).tolist()
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)
