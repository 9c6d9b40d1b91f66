"""A spread that is shared over many groups of few values: moderated variances.

Where many groups vary about alike, the variance of each is pulled towards that of all of them, the
more the less they differ (Smyth 2004, *Linear models and empirical Bayes methods for assessing
differential expression in microarray experiments*, sections 3 and 6): variances are taken to be
drawn from a scaled inverse chi-squared law, whose prior variance and degrees of freedom are found
from the mean and the variance of the groups' log variances.
"""

from __future__ import annotations

import math

import numpy as np

#: Of the median variance: what a smaller one is raised to, since nothing has the logarithm of zero.
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
