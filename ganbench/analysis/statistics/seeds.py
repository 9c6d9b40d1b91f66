"""The seed is the unit: the trials of one seed in several blocks are one observation.

Trials that share a seed share weights at the start, data order and evaluation noise, whatever block
they were trained in. Differences of one seed are therefore summarized over its blocks first, and
only seeds are counted. That suffices where each block has the same seeds. Where blocks share some
seeds, the scores of the seeds (clusters) give the variance: CR2 with the degrees of freedom of Bell
and McCaffrey (2002), *Bias reduction in standard errors for linear regression with multi-stage
samples*, for the mean over blocks of their means. Without any shared seed it is Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.statistics.aggregates import LEAST_FOR_IQM, Statistic, median
from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL

Seeds = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Sample:
    """One value per seed, and the statistic that summarizes them.

    :ivar values: (seeds,).
    :ivar freedom: the most degrees of freedom that their spread has.
    :ivar enough: whether they carry an interval.
    """

    values: np.ndarray
    statistic: Statistic
    freedom: float
    enough: bool


def sample(strata: Sequence[np.ndarray], seeds: Seeds | None = None) -> Sample:
    """One value for each seed of blocks (strata), each block weighted alike.

    Where all blocks have the same seeds, a seed's value is its mean over blocks, and seeds are
    summarized by `center`. Where only some are shared, values are the seeds' scores about the mean, and
    their mean counts. Where a value is infinite, a seed's value is its median over blocks, and the
    median counts; failures of both sides cancel.

    :param seeds: of each value; None where no two blocks share any. Blocks of one value show
        no spread and are left out where others exist.
    """
    known = _own(strata) if seeds is None else seeds
    several = [number for number, stratum in enumerate(strata) if len(stratum) > 1]
    used = several or range(len(strata))
    strata, known = [strata[number] for number in used], [known[number] for number in used]
    sizes = [len(stratum) for stratum in strata]
    enough = min(sizes, default=0) >= 2 and max(sizes) >= LEAST_SEEDS
    if not sizes or not max(sizes):
        return Sample(np.empty(0), "mean", math.inf, enough)
    names = sorted({seed for own in known for seed in own})
    table = np.full((len(strata), len(names)), math.nan)
    for line, stratum, own in zip(table, strata, known, strict=True):
        line[np.searchsorted(names, own)] = stratum
    if np.isinf(table).any():
        return Sample(_medians(table), "median", math.inf, enough)
    if not np.isnan(table).any():
        return Sample(table.mean(axis=0), center(len(names)), math.inf, enough)
    values, freedom = _scores(table)
    return Sample(values, "mean", freedom, enough)


def center(count: int) -> Statistic:
    """The statistic for so many seeds: the mean of all but a quarter at each end, at least one.

    A seed in four or five that collapses leaves it where it is, and leaves a mean anywhere. Of three
    seeds it is the median; fewer have nothing to leave out.
    """
    return "iqm" if count >= LEAST_FOR_IQM else "median" if count == LEAST_SEEDS else "mean"


def units(seeds: Sequence[Sequence[float]]) -> float:
    """The number of independent values that the blocks are worth, each block weighted alike.

    The number of seeds where all blocks share them, that of all values where they share none.
    """
    weight: dict[float, float] = {}
    for own in seeds:
        for seed in own:
            weight[seed] = weight.get(seed, 0.0) + 1 / len(own)
    return sum(weight.values()) ** 2 / sum(value**2 for value in weight.values())


def unseen(count: int, level: float = LEVEL) -> float:
    """The share of seeds that an event may hit without showing in any of ``count`` seeds.

    The upper bound of a share without any case counted: ``1 - (1 - level) ** (1 / count)``.
    """
    return float(1 - (1 - level) ** (1 / count))


def _own(strata: Sequence[np.ndarray]) -> Seeds:
    """Seeds that no two blocks share."""
    ends = np.cumsum([len(stratum) for stratum in strata]).tolist()
    return [range(end - len(stratum), end) for stratum, end in zip(strata, ends, strict=True)]


def _medians(table: np.ndarray) -> np.ndarray:
    """The median of the known values of each column; zero where failures of both sides leave none."""
    found = np.array([median(column[~np.isnan(column)]) for column in table.T])
    return np.where(np.isnan(found), 0.0, found)


def _scores(table: np.ndarray) -> tuple[np.ndarray, float]:
    """Values of seeds whose mean is that of the blocks, with the variance CR2, and its freedom.

    :param table: (blocks, seeds), NaN where a block lacks a seed.
    """
    there = ~np.isnan(table)
    counts = there.sum(axis=1, keepdims=True)
    means = np.nansum(table, axis=1, keepdims=True) / counts
    residuals = np.where(there, table - means, 0.0)
    reduced = np.sqrt(counts / np.maximum(counts - 1, 1)) / (counts * len(table))
    scores = (reduced * residuals).sum(axis=0)
    number = table.shape[1]
    values = means.mean() + scores * math.sqrt(number * (number - 1))
    variances = (residuals**2).sum(axis=1) / np.maximum(counts[:, 0] - 1, 1)
    return values, _freedom(there, reduced, variances)


def _freedom(there: np.ndarray, reduced: np.ndarray, variances: np.ndarray) -> float:
    """Bell and McCaffrey's, the less of two: blocks of one seed unrelated, and fully related."""
    number = there.shape[1]
    there = there.astype("float64")
    shares = there / there.sum(axis=1, keepdims=True)
    centered = np.einsum("ks,st->kst", there, np.eye(number)) - np.einsum(
        "ks,kt->kst", there, shares
    )
    parts = reduced[..., None] * centered * there[:, None]  # of a seed's score, by block and value
    spread = parts * np.sqrt(variances)[:, None, None]
    together = spread.sum(axis=0)
    forms = (np.einsum("kst,kut->su", spread, spread), together @ together.T)
    found = [float(np.trace(form) ** 2 / (form**2).sum()) for form in forms if form.any()]
    return min(found, default=math.inf)
