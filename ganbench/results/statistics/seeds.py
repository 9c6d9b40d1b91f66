"""The seed is the unit: what trials of one seed show in several contexts is one observation.

Trials that share a seed share weights at the start, data order and evaluation noise, whatever context
they were trained in. Differences of one seed are therefore summed up over its contexts first, and
only seeds are counted. Where each context has the same seeds, that is all there is to do; where they
share some, the scores of the seeds (clusters) give the variance: CR2 with the degrees of freedom of
Bell and McCaffrey (2002), *Bias reduction in standard errors for linear regression with multi-stage
samples*, for the mean over contexts of their means. Without any shared seed it is Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganbench.results.statistics.aggregates import LEAST_FOR_IQM, Statistic, median
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL

Seeds = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Sample:
    """One value per seed, and what sums them up.

    :ivar values: (seeds,).
    :ivar freedom: the most degrees of freedom that their spread has.
    :ivar enough: whether they carry an interval.
    """

    values: np.ndarray
    statistic: Statistic
    freedom: float
    enough: bool


def sample(strata: Sequence[np.ndarray], seeds: Seeds | None = None) -> Sample:
    """One value for each seed of contexts (strata), each context weighted alike.

    Where all contexts have the same seeds, a seed's value is its mean over contexts, and seeds are
    summed up by `centre`. Where only some are shared, values are the seeds' scores about the mean, and
    their mean counts. Where a value is infinite, a seed's value is its median over contexts, and the
    median counts; failures of both sides cancel.

    :param seeds: of each value; None where no two contexts share any. Contexts of one value tell no
        spread, so that others speak where there are any.
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
        return Sample(table.mean(axis=0), centre(len(names)), math.inf, enough)
    values, freedom = _scores(table)
    return Sample(values, "mean", freedom, enough)


def centre(count: int) -> Statistic:
    """What sums up so many seeds: the mean of all but a quarter at each end, at least one.

    A seed in four or five that collapses leaves it where it is, and leaves a mean anywhere. Of three
    seeds it is the median; fewer have nothing to leave out.
    """
    return "iqm" if count >= LEAST_FOR_IQM else "median" if count == LEAST_SEEDS else "mean"


def units(seeds: Sequence[Sequence[float]]) -> float:
    """How many independent values the contexts together are worth, each context weighted alike.

    The number of seeds where all contexts share them, that of all values where they share none.
    """
    weight: dict[float, float] = {}
    for own in seeds:
        for seed in own:
            weight[seed] = weight.get(seed, 0.0) + 1 / len(own)
    return sum(weight.values()) ** 2 / sum(value**2 for value in weight.values())


def unseen(count: int, level: float = LEVEL) -> float:
    """The share of seeds that an outcome may befall and yet show in none of ``count`` seeds.

    The upper bound of a share of which nothing was counted: ``1 - (1 - level) ** (1 / count)``.
    """
    return float(1 - (1 - level) ** (1 / count))


def _own(strata: Sequence[np.ndarray]) -> Seeds:
    """Seeds of which no two contexts share any."""
    ends = np.cumsum([len(stratum) for stratum in strata]).tolist()
    return [range(end - len(stratum), end) for stratum, end in zip(strata, ends, strict=True)]


def _medians(table: np.ndarray) -> np.ndarray:
    """The median of each column, of what there is; zero where failures of both sides leave none."""
    found = np.array([median(column[~np.isnan(column)]) for column in table.T])
    return np.where(np.isnan(found), 0.0, found)


def _scores(table: np.ndarray) -> tuple[np.ndarray, float]:
    """Values of seeds whose mean is that of the contexts, with the variance CR2, and its freedom.

    :param table: (contexts, seeds), NaN where a context lacks a seed.
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
    """Bell and McCaffrey's, the less of two: contexts of one seed unrelated, and fully related."""
    number = there.shape[1]
    there = there.astype("float64")
    shares = there / there.sum(axis=1, keepdims=True)
    centred = np.einsum("ks,st->kst", there, np.eye(number)) - np.einsum(
        "ks,kt->kst", there, shares
    )
    parts = reduced[..., None] * centred * there[:, None]  # of a seed's score, by context and value
    spread = parts * np.sqrt(variances)[:, None, None]
    together = spread.sum(axis=0)
    forms = (np.einsum("kst,kut->su", spread, spread), together @ together.T)
    found = [float(np.trace(form) ** 2 / (form**2).sum()) for form in forms if form.any()]
    return min(found, default=math.inf)
