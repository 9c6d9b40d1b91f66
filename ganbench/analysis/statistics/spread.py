"""How much a statistic of n values would vary: its bootstrap variance, for many groups at once.

In a bootstrap sample of n values only the ranks that were drawn matter, so a statistic that weights
ordered values has the bootstrap variance ``x' C x``: x the ordered values, C the covariance of the
weights that the ranks get, the same for every group of n values (Hutson and Ernst 2000 give it in
closed form; here it is the covariance over the replicates). For the mean it is known without drawing.

The bootstrap's variance is biased where n is small: by (n - 1) / n for the mean, and much more for
a median of three. `Spread` holds the factor that makes it right on average for normal values and the
degrees of freedom that its own variation corresponds to, both found by simulation with a fixed seed.

Where many groups vary about alike, `moderated` pulls the variance of each towards that of all of them,
the more the less they differ (Smyth 2004, *Linear models and empirical Bayes methods for assessing
differential expression in microarray experiments*, sections 3 and 6): variances are taken to be drawn
from a scaled inverse chi-squared law, whose prior variance and degrees of freedom are found from the
mean and the variance of the groups' log variances.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from ganbench.analysis.statistics.aggregates import Statistic, weights

REPLICATES = 2000
_SIMULATED = 20_000
_MOST_NUMBERS = 2_000_000  # that a simulation holds at once


@dataclass(frozen=True)
class Spread:
    """The variance of a statistic of n values.

    :ivar weights: of the ordered values, (n,).
    :ivar form: the matrix C with the factor for small n in it, (n, n).
    :ivar freedom: degrees of freedom of the variance.
    :ivar unit: the variance of the statistic where values are normal with variance 1.
    """

    weights: np.ndarray
    form: np.ndarray
    freedom: float
    unit: float

    def estimates(self, ordered: np.ndarray) -> np.ndarray:
        """The statistic of each row of ordered values, (groups, n) -> (groups,)."""
        return np.asarray(ordered @ self.weights)

    def variances(self, ordered: np.ndarray) -> np.ndarray:
        """The variance of that statistic for each row, (groups, n) -> (groups,)."""
        centered = ordered - ordered.mean(axis=1, keepdims=True)
        return np.asarray(((centered @ self.form) * centered).sum(axis=1)).clip(min=0.0)


@functools.lru_cache(maxsize=256)
def spread(statistic: Statistic, count: int, seed: int = 0, replicates: int = REPLICATES) -> Spread:
    """The spread of a statistic of ``count`` values, at least two."""
    share = weights(statistic, count)
    if statistic == "mean":
        form = (np.eye(count) - 1 / count) / (count * (count - 1))
        return Spread(share, form, count - 1.0, 1 / count)
    form = _bootstrap_form(share, seed, replicates)
    factor, freedom, unit = _calibration(share, form)
    return Spread(share, factor * form, freedom, unit)


def _bootstrap_form(share: np.ndarray, seed: int, replicates: int) -> np.ndarray:
    """The covariance of what each ordered value counts in a bootstrap sample's statistic."""
    count = len(share)
    random = np.random.Generator(np.random.PCG64(seed))
    ranks = np.sort(random.integers(0, count, (replicates, count)), axis=1)
    drawn = np.zeros((replicates, count))
    np.add.at(drawn, (np.arange(replicates)[:, None], ranks), share[None])
    centered = drawn - drawn.mean(axis=0)
    return np.asarray(centered.T @ centered / replicates)


def _calibration(share: np.ndarray, form: np.ndarray) -> tuple[float, float, float]:
    """The factor and the degrees of freedom that fit normal values, and the variance of theirs."""
    count = len(share)
    random = np.random.Generator(np.random.PCG64(count))
    groups = max(100, min(_SIMULATED, _MOST_NUMBERS // count))
    ordered = np.sort(random.standard_normal((groups, count)), axis=1)
    variances = Spread(share, form, 0.0, 0.0).variances(ordered)
    estimates = ordered @ share
    unit = float(estimates @ estimates) / groups
    freedom = float(2 * variances.mean() ** 2 / variances.var())
    return unit / float(variances.mean()), freedom, unit


#: The least variance, as a share of the median: zero has no logarithm.
_LEAST = 1e-5


def moderated(
    variances: np.ndarray, freedoms: np.ndarray, most: float = math.inf
) -> tuple[np.ndarray, np.ndarray]:
    """The variances of groups, pulled towards what they share, and their degrees of freedom.

    :param variances: of each group, unbiased, (groups,); ``freedoms`` their degrees of freedom.
    :param most: degrees of freedom that all groups together have; their sum bounds it.
    """
    most = min(most, float(freedoms.sum()))
    raised = np.maximum(variances, _LEAST * np.median(variances))
    if len(variances) < 2 or not (raised > 0).all():
        return variances, freedoms
    prior, shared = _prior(raised, freedoms)
    if math.isinf(prior):
        return np.full(len(variances), shared), np.full(len(variances), most)
    total = prior + freedoms
    return (prior * shared + freedoms * variances) / total, np.minimum(total, most)


def _prior(variances: np.ndarray, freedoms: np.ndarray) -> tuple[float, float]:
    """Degrees of freedom and variance of the law that the groups' variances are drawn from."""
    from scipy.special import digamma, polygamma

    half = freedoms / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    beyond = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if beyond <= 0:  # they differ no more than variances of so few values do
        return math.inf, float((freedoms * variances).sum() / freedoms.sum())
    prior = 2 * _inverse_trigamma(beyond)
    return prior, float(np.exp(logs.mean() + digamma(prior / 2) - math.log(prior / 2)))


def _inverse_trigamma(value: float) -> float:
    """Newton's method on 1 / trigamma, which is convex (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    found = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, found))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, found))
        found += step
        if abs(step) < 1e-10 * found:
            break
    return found
