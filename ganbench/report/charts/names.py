"""What metrics are called on an axis, and which of them can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.results.formatting import better, described, plain

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {
    "fd": "Fréchet distance",
    "fd_best": "best Fréchet distance",
    "fd_best_fresh": "best Fréchet distance, fresh noise",
    "fid": "FID",
    "cs_mean": "classifier score",
    "is_mean": "Inception score",
    "kid_mean": "kernel distance (MMD²)",
    "fd_drift": "last / best Fréchet distance",
    "fd_auc": "mean ln Fréchet distance",
    "fd_rough": "mean |Δ ln Fréchet distance|",
    "class_fd_mean": "Fréchet distance by class, mean",
    "class_fd_worst": "Fréchet distance by class, worst",
    "reverse_kl": "reverse KL",
    "d_auc": "discriminator AUC",
    "d_sat": "share of steps with AUC > 0.99",
    "d_loss": "discriminator loss",
    "g_loss": "generator loss",
    "d_grad_norm": "discriminator gradient norm",
    "g_grad_norm": "generator gradient norm",
    "images_per_second": "real images per second",
    "step_ms": "time of a step",
    "train_seconds": "training time",
    "peak_memory_mb": "peak memory",
    "generator_params": "generator parameters",
    "discriminator_params": "discriminator parameters",
    "steps_per_second": "steps per second",
    "images": "real images shown to the discriminator",
}
#: What the same number is called on the standard FID network.
_ON_INCEPTION = {
    "fd": "FID",
    "fd_best": "best FID",
    "fd_best_fresh": "best FID, fresh noise",
    "cs_mean": "Inception score",
}
_UNITS = ("s", "ms", "MiB", "dB", "nats")
#: Lower is better for these, though a table of results need not say so.
_COSTS = ("train_seconds", "generator_params", "discriminator_params")
#: Columns that are numbers and measure nothing.
_NO_METRICS = ("seed", "attempts", "batch_size", "tick")
#: Rows' names of what a history has under another.
_IN_HISTORY = {"fid": "fd", "is_mean": "cs_mean"}


def metric_name(metric: str, standard: bool = False) -> str:
    """A metric in words with its unit.

    :param standard: whether the features are those of the standard FID.
    """
    named = _ON_INCEPTION.get(metric) if standard else None
    known = described(metric)
    unit = f" ({known.unit})" if known and known.unit in _UNITS else ""
    return (named or _NAMES.get(metric) or plain(metric).replace("_", " ")) + unit


def direction(metric: str) -> str:
    """``lower``, ``higher`` or empty."""
    if metric == "steps_per_second":
        return "higher"
    return "lower" if metric in _COSTS else better(metric)


def check_metric(frame: pd.DataFrame, metric: str) -> str:
    """The metric, a column of a results frame that holds numbers.

    :raises UsageError: if it is none, or has no value in any row.
    """
    _check(frame, metric, "the results")
    if not bool(frame.loc[frame["status"] == "ok", metric].notna().any()):
        raise UsageError(f"no trial that ended well has a value of {metric!r}{_instead(metric)}")
    return metric


def check_history_metric(history: pd.DataFrame, results: pd.DataFrame, metric: str) -> str:
    """The column of a history that holds the metric; ``fid`` is ``fd`` on the standard features.

    :raises UsageError: if there is none.
    """
    if metric in _IN_HISTORY and metric not in history.columns:
        check_metric(results, metric)
        metric = _IN_HISTORY[metric]
    _check(history, metric, "the histories")
    return metric


def _check(frame: pd.DataFrame, metric: str, where: str) -> None:
    numbers = [
        str(name)
        for name in frame.columns
        if frame[name].dtype.kind in "iuf" and name not in _NO_METRICS
    ]
    if metric in numbers:
        return
    if metric in frame.columns:
        raise UsageError(f"{metric!r} in {where} is no metric; one would be {numbers[0]!r}")
    raise UnknownNameError(f"no metric {metric!r} in {where}{did_you_mean(metric, numbers)}")


def _instead(metric: str) -> str:
    other = _IN_HISTORY.get(metric)
    if other is None:
        return ""
    return f", which is only of the standard Inception features; {other!r} is what others have"
