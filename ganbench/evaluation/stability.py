"""Summaries of a trial's curves: drift, collapse, roughness, saturation.

The threshold of decay lies in a gap: in the public logs of 54 GAN trainings the last distance was
at most 1.30 times the best in 36, and at least 1.57 times in 18. The other thresholds are choices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.components.column import Column

NEVER_LEARNED = 0.5  # best / before training, above which nothing was learned
DEGRADED = 1.5  # last / best, above which quality was lost
BEYOND_NOISE = 3.0  # standard deviations of a difference, which a rise must exceed
LOST = 0.5  # of the best recall, coverage or number of modes, under which modes were lost
LEAST_SHARE = 0.1  # of a best recall or coverage that can be lost

_SMALLEST = 1e-12  # ratios and logarithms need more than 0, but equal sets are at 0
_ROUNDING = 1e-8  # of the value at tick 0: smaller values are rounding errors
_NOTICED = 0.01  # of the value at tick 0: a smaller rise from a best of zero is no loss
_DISTANCE = Column("fd", better="lower", scale="log")


def stability(
    images: npt.ArrayLike,
    fd: npt.ArrayLike,
    column: Column = _DISTANCE,
    *,
    fresh: float = math.nan,
    noise: float = math.nan,
    modes: Sequence[npt.ArrayLike] = (),
) -> dict[str, Any]:
    """Summarize the curve of the primary metric over training, mostly a Fréchet distance.

    With P for the column's name, ``fd`` by default:

    - ``P_best``: the best value over all ticks, tick 0 included;
    - ``P``: the last one;
    - ``P_drift``: last / best, or best / last where higher is better: at least 1; NaN where the
      column's scale is not ``log``;
    - ``P_auc``: mean of ln P over images (trapezoid), in nats: low for fast learners; of P itself
      where its scale is not ``log``;
    - ``P_rough``: mean absolute step of the same between the ticks of the second half of the images;
    - ``verdict``: the first that holds of ``diverged`` (a value is not finite), ``never-learned``
      (best / tick 0 > 0.5), ``collapsed`` (a series of ``modes`` ends under half of its best),
      ``degraded`` (drift > 1.5, or without a drift half of the gain lost; by more than the
      evaluation's noise) and ``stable``.

    Unknown values are NaN. If a value is not finite (or None), ``P_best`` is the best finite one, and
    drift, area and roughness are missing. With fewer than two ticks, everything except ``P_best`` and
    ``P`` is missing, and the verdict is None unless the trial diverged.
    Roughness needs two ticks in the second half. Values below 1e-8 of tick 0, or below 1e-12, count
    as zero: logarithms take that bound for them. A drift from or to zero is missing, and a curve
    whose best is zero is ``degraded`` if it ends above a hundredth of tick 0.

    :param images: real images seen at each tick, never falling; tick 0 is before training.
    :param fd: the primary metric at each tick.
    :param column: of the metric.
    :param fresh: the best tick's value on samples that did not take part in choosing it.
    :param noise: standard deviation of the value over new samples of the same generator; where it is
        known, the last value must be worse than the fresh best by more than 3 deviations of the
        difference of two such values.
    :param modes: at each tick, recall, coverage or numbers of modes.
    :raises ValueError: for sequences of different lengths, or images that fall or are not finite.
    """
    seen, values = _checked(images, fd, column.name)
    result = _ends(values, column)
    if not np.isfinite(values).all():
        result["verdict"] = "diverged"
    elif len(values) >= 2:
        result |= _judged(seen, values, column, fresh, noise, modes)
    return result


def _checked(images: npt.ArrayLike, fd: npt.ArrayLike, name: str) -> tuple[np.ndarray, np.ndarray]:
    seen, values = _series(images, "images"), _series(fd, name)
    if len(seen) != len(values):
        raise ValueError(f"images and {name} differ in length: {len(seen)} and {len(values)}")
    if not np.isfinite(seen).all() or (np.diff(seen) < 0).any():
        raise ValueError("images must be finite and must not fall")
    return seen, values


def _ends(values: np.ndarray, column: Column) -> dict[str, Any]:
    """The best and the last value; the other columns are missing."""
    finite = values[np.isfinite(values)]
    best = finite.max if column.better == "higher" else finite.min
    missing = dict.fromkeys(
        (f"{column.name}_{part}" for part in ("drift", "auc", "rough")), math.nan
    )
    return {
        f"{column.name}_best": float(best()) if len(finite) else math.nan,
        column.name: float(values[-1]) if len(values) else math.nan,
        **missing,
        "verdict": None,
    }


def _judged(
    seen: np.ndarray,
    values: np.ndarray,
    column: Column,
    fresh: float,
    noise: float,
    modes: Sequence[npt.ArrayLike],
) -> dict[str, Any]:
    """Drift, area, roughness and verdict of a finite curve."""
    smallest = max(_SMALLEST, _ROUNDING * abs(float(values[0])))
    logs = np.log(np.maximum(values, smallest))
    # Where higher is better, the inverse is a distance: only ratios count.
    worse = -logs if column.better == "higher" else logs
    rise = _rise(values, column, fresh)
    best = float(values.max() if column.better == "higher" else values.min())
    drift, lost = _drift(values, column, best, rise, smallest)
    drawn = logs if column.scale == "log" else values
    return {
        f"{column.name}_drift": drift,
        **_area_and_roughness(column.name, seen, drawn),
        "verdict": _verdict(worse, lost, rise, noise, modes),
    }


def _area_and_roughness(name: str, seen: np.ndarray, values: np.ndarray) -> dict[str, float]:
    found = {}
    span = float(seen[-1] - seen[0])
    if span > 0:
        area = np.sum(np.diff(seen) * (values[1:] + values[:-1]) / 2)
        found[f"{name}_auc"] = float(area) / span
    second_half = values[seen >= seen[0] + span / 2]
    if len(second_half) >= 2:
        found[f"{name}_rough"] = float(np.abs(np.diff(second_half)).mean())
    return found


def _drift(
    values: np.ndarray, column: Column, best: float, rise: float, smallest: float
) -> tuple[float, bool]:
    """How much worse the last value is than the best, and whether it counts as degraded.

    Ratios need a ``log`` scale, and values above ``smallest``. On other scales, the loss of half of
    the gain since tick 0 counts.
    """
    first, last = float(values[0]), float(values[-1])
    if column.scale != "log":
        return math.nan, rise > LOST * abs(first - best)
    if max(last, best) <= smallest:
        return 1.0, False
    if min(last, best) <= smallest:
        return math.nan, rise > _NOTICED * abs(first)
    drift = best / last if column.better == "higher" else last / best
    return drift, drift > DEGRADED


def _rise(values: np.ndarray, column: Column, fresh: float) -> float:
    """The difference between the last value and the best, positive if worse."""
    higher = column.better == "higher"
    best = fresh if math.isfinite(fresh) else float(values.max() if higher else values.min())
    return best - float(values[-1]) if higher else float(values[-1]) - best


def _verdict(
    worse: np.ndarray,
    lost: bool,
    rise: float,
    noise: float,
    modes: Sequence[npt.ArrayLike],
) -> str:
    if float(np.exp(worse.min() - worse[0])) > NEVER_LEARNED:
        return "never-learned"
    learned = worse <= worse.min() + math.log(DEGRADED)
    if any(_lost(_series(series, "modes"), learned) for series in modes):
        return "collapsed"
    beyond = not math.isfinite(noise) or rise > BEYOND_NOISE * math.sqrt(2) * noise
    return "degraded" if lost and beyond else "stable"


def _lost(series: np.ndarray, learned: np.ndarray) -> bool:
    """Whether a share or number of modes ends under half of its best, at the last two ticks.

    The best is that of the ticks of good quality: before training, recall can be high by accident.
    """
    if len(series) != len(learned) or not np.isfinite(series).all():
        return False
    at = int(np.flatnonzero(learned)[np.argmax(series[learned])])
    best, after = float(series[at]), series[at + 1 :][-2:]
    return bool(best >= LEAST_SHARE and len(after) and (after < LOST * best).all())


def training_statistics(
    d_auc: npt.ArrayLike, g_grad: npt.ArrayLike, d_grad: npt.ArrayLike
) -> dict[str, float]:
    """Summarize what was recorded at every step.

    The last tenth is rounded up and has at least two steps, if possible. A series that is empty, or
    not finite there, gives NaN.

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
    """The last tenth of a series; empty if a value in it is not finite."""
    tail = series[-max(2, math.ceil(len(series) / 10)) :]
    return tail if np.isfinite(tail).all() else tail[:0]


def _variation(tail: np.ndarray) -> float:
    largest = float(np.abs(tail).max()) if len(tail) >= 2 else 0.0
    if largest == 0:
        return math.nan
    scaled = tail / largest  # squares of huge norms would overflow
    mean = float(scaled.mean())
    return float(scaled.std()) / mean if mean != 0 else math.nan
