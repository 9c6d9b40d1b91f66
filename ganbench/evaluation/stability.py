"""What a trial's curves say about its training: drift, collapse, roughness, saturation.

The threshold of collapse lies in a gap: in the public logs of 54 GAN trainings the last distance
was at most 1.30 times the best in 36, at least 1.57 times in 18. That of learning is a choice.
"""

from __future__ import annotations

import math
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

NEVER_LEARNED = 0.5  # best / before training, above which nothing was learned
COLLAPSED = 1.5  # last / best, above which quality was lost

_SMALLEST = 1e-12  # ratios and logarithms need more than 0, but equal sets may be at -1e-6


class CurveStatistics(TypedDict):
    """Columns of one trial's quality curve; see `stability`."""

    fd_best: float
    fd: float
    fd_drift: float
    fd_auc: float
    fd_rough: float
    verdict: str | None


def stability(images: npt.ArrayLike, fd: npt.ArrayLike) -> CurveStatistics:
    """Summarize the curve of a Fréchet distance over training.

    - ``fd_best``: the least distance over all ticks, tick 0 included;
    - ``fd``: the last one;
    - ``fd_drift``: last / best, at least 1;
    - ``fd_auc``: mean of ln fd over images (trapezoid), in nats: low for fast learners;
    - ``fd_rough``: mean absolute step of ln fd between the ticks of the second half of the images;
    - ``verdict``: the first that holds of ``diverged`` (a distance is not finite),
      ``never-learned`` (best / tick 0 > 0.5), ``collapsed`` (drift > 1.5) and ``stable``.

    What cannot be told is NaN. Where a distance is not finite (or None), ``fd_best`` is that of the
    finite ones and drift, area and roughness are missing. With fewer than two ticks there is no
    curve: all but ``fd_best`` and ``fd`` are missing, and the verdict is None unless it diverged.
    Roughness needs two ticks in the second half. Distances below 1e-12 count as 1e-12 in ratios and
    logarithms.

    :param images: real images seen at each tick, never falling; tick 0 is before training.
    :param fd: the distance at each tick.
    :raises ValueError: if the two are no sequences of one length, or images fall or are not finite.
    """
    seen, distances = _series(images, "images"), _series(fd, "fd")
    if len(seen) != len(distances):
        raise ValueError(f"images and fd differ in length: {len(seen)} and {len(distances)}")
    if not np.isfinite(seen).all() or (np.diff(seen) < 0).any():
        raise ValueError("images must be finite and must not fall")
    finite = distances[np.isfinite(distances)]
    result = CurveStatistics(
        fd_best=float(finite.min()) if len(finite) else math.nan,
        fd=float(distances[-1]) if len(distances) else math.nan,
        fd_drift=math.nan,
        fd_auc=math.nan,
        fd_rough=math.nan,
        verdict=None,
    )
    if len(finite) < len(distances):
        result["verdict"] = "diverged"
    elif len(distances) >= 2:
        _describe(result, seen, np.maximum(distances, _SMALLEST))
    return result


def _describe(result: CurveStatistics, seen: np.ndarray, distances: np.ndarray) -> None:
    """Fill in what needs a finite curve of two ticks or more."""
    best = float(distances.min())
    logs = np.log(distances)
    result["fd_drift"] = float(distances[-1]) / best
    span = float(seen[-1] - seen[0])
    if span > 0:
        area = np.sum(np.diff(seen) * (logs[1:] + logs[:-1]) / 2)
        result["fd_auc"] = float(area) / span
    second_half = logs[seen >= seen[0] + span / 2]
    if len(second_half) >= 2:
        result["fd_rough"] = float(np.abs(np.diff(second_half)).mean())
    if best / float(distances[0]) > NEVER_LEARNED:
        result["verdict"] = "never-learned"
    else:
        result["verdict"] = "collapsed" if result["fd_drift"] > COLLAPSED else "stable"


def training_statistics(
    d_auc: npt.ArrayLike, g_grad: npt.ArrayLike, d_grad: npt.ArrayLike
) -> dict[str, float]:
    """Summarize what was recorded at every step.

    The last tenth is rounded up and has two steps at least, where there are two. A series that is
    empty, or not finite there, gives NaN.

    :param d_auc: share of pairs in a batch whose real logit beats the fake one, in [0, 1].
    :param g_grad: global norm of the generator's gradient.
    :param d_grad: global norm of the discriminator's gradient. Lengths may differ.
    :returns: ``d_auc``, its mean over the last tenth (0.5 blind, 1 saturated); ``d_sat``, the share
        of all steps above 0.99; ``g_grad_cv`` and ``d_grad_cv``, the population standard deviation
        over the mean in the last tenth, NaN for one step or a zero mean.
    :raises ValueError: if one is not a sequence of numbers.
    """
    auc = _series(d_auc, "d_auc")
    tail = _last_tenth(auc)
    return {
        "d_auc": float(tail.mean()) if len(tail) else math.nan,
        "d_sat": float((auc > 0.99).mean()) if len(auc) else math.nan,
        "g_grad_cv": _variation(_last_tenth(_series(g_grad, "g_grad"))),
        "d_grad_cv": _variation(_last_tenth(_series(d_grad, "d_grad"))),
    }


def _series(values: Any, name: str) -> np.ndarray:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"{name} must be a sequence of numbers, got the shape {series.shape}")
    return series


def _last_tenth(series: np.ndarray) -> np.ndarray:
    """Of the series; empty where a value in it is not finite."""
    tail = series[-max(2, math.ceil(len(series) / 10)) :]
    return tail if np.isfinite(tail).all() else tail[:0]


def _variation(tail: np.ndarray) -> float:
    largest = float(np.abs(tail).max()) if len(tail) >= 2 else 0.0
    if largest == 0:
        return math.nan
    scaled = tail / largest  # squares of huge norms would overflow
    mean = float(scaled.mean())
    return float(scaled.std()) / mean if mean != 0 else math.nan
