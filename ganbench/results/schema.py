"""The columns of results and of histories: the one place that says what a number means.

Rows may carry more columns than these: components add their own (a data set's statistics), and the
core may add some in later versions. The columns here are always there, in this order, with this type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: Version of row.json and results.parquet; a reader leaves alone what a later version wrote.
ROW_FORMAT = 1

DType = Literal["string", "Int64", "float64", "boolean"]
Better = Literal["lower", "higher", ""]


@dataclass(frozen=True)
class Column:
    """One column.

    :ivar dtype: the pandas dtype.
    :ivar unit: of the number, or empty.
    :ivar meaning: one line for documentation.
    :ivar better: which direction is better, or empty where neither is.
    """

    name: str
    dtype: DType
    unit: str
    meaning: str
    better: Better = ""


ROW_COLUMNS: tuple[Column, ...] = (
    Column("trial", "string", "", "the trial's id, which is also the name of its folder"),
    Column("architecture", "string", "", "spec of the architecture, as the grid names it"),
    Column("loss", "string", "", "spec of the loss"),
    Column("dataset", "string", "", "spec of the data set"),
    Column("regularizer", "string", "", "specs of the regularizers, joined by `+`, or `none`"),
    Column("augmentation", "string", "", "specs of the augmentations, joined by `+`, or `none`"),
    Column("task", "string", "", "what the architecture does, such as `unconditional`"),
    Column("seed", "Int64", "", "the trial's seed; trials that share a seed are paired"),
    Column("status", "string", "", "how the trial ended; see below"),
    Column("error", "string", "", "why it did not end well, or why the cell was skipped"),
    Column("steps", "Int64", "steps", "generator updates that were made"),
    Column("images", "Int64", "images", "real images shown to the discriminator"),
    Column("train_seconds", "float64", "s", "time spent training, evaluation excluded"),
    Column("eval_seconds", "float64", "s", "time spent on evaluation"),
    Column("wall_seconds", "float64", "s", "time from the trial's start to its end"),
    Column("images_per_second", "float64", "images/s", "images over training time", "higher"),
    Column("step_ms", "float64", "ms", "training time of one step", "lower"),
    Column("peak_memory_mb", "float64", "MiB", "largest memory in use on the device", "lower"),
    Column("generator_params", "Int64", "parameters", "trainable parameters of the generator"),
    Column("discriminator_params", "Int64", "parameters", "trainable ones of the discriminator"),
    Column("extractor", "string", "", "features that metrics use: network, sample counts, split"),
    Column("fd", "float64", "", "Fréchet distance at the last tick, on those features", "lower"),
    Column("fd_best", "float64", "", "least Fréchet distance over all ticks", "lower"),
    Column("fid", "float64", "", "`fd`, only where the features are the standard FID's", "lower"),
    Column(
        "cs_mean", "float64", "", "classifier score: exp of the mean KL, mean of splits", "higher"
    ),
    Column("cs_std", "float64", "", "standard deviation of the classifier score over splits"),
    Column("is_mean", "float64", "", "Inception score: `cs_mean`, only on Inception", "higher"),
    Column("is_std", "float64", "", "`cs_std`, only on the standard Inception network"),
    Column("kid_mean", "float64", "", "kernel distance (squared MMD), mean of subsets", "lower"),
    Column(
        "kid_std",
        "float64",
        "",
        "standard deviation of the kernel distance over subsets; missing where the subsets of a side "
        "are all its samples, or where there is one subset",
    ),
    Column("precision", "float64", "", "share of fakes within the real manifold", "higher"),
    Column("recall", "float64", "", "share of real samples within the fake manifold", "higher"),
    Column("density", "float64", "", "how densely fakes lie where real samples are", "higher"),
    Column("coverage", "float64", "", "share of real samples with a fake near by", "higher"),
    Column("verdict", "string", "", "what the curve says about the training; see below"),
    Column("fd_drift", "float64", "", "last over best Fréchet distance, 1 at best", "lower"),
    Column("fd_auc", "float64", "nats", "mean of ln `fd` over images: low for fast ones", "lower"),
    Column("fd_rough", "float64", "nats", "mean step of ln `fd` in the second half", "lower"),
    Column(
        "d_auc", "float64", "", "chance that a real logit beats a fake one, last tenth of steps"
    ),
    Column("d_sat", "float64", "", "share of steps in which that chance was over 0.99", "lower"),
    Column("g_grad_cv", "float64", "", "variation of the generator's gradient norm, last tenth"),
    Column(
        "d_grad_cv", "float64", "", "variation of the discriminator's gradient norm, last tenth"
    ),
    Column("fail_images", "Int64", "images", "images seen when the trial diverged"),
    Column("batch_size", "Int64", "images", "real images in one discriminator update"),
    Column("precision_mode", "string", "", "arithmetic of the networks: `fp32`, `tf32` or `bf16`"),
    Column("device", "string", "", "the device that trained"),
    Column("exclusive", "boolean", "", "whether the trial had the device to itself"),
    Column("started", "string", "", "when the trial began, ISO 8601, UTC"),
    Column("ganbench_version", "string", "", "version of ganbench"),
    Column("torch_version", "string", "", "version of torch"),
    Column("providers", "string", "", "distribution and version of every component"),
    Column("protocol", "string", "", "version of what the numbers mean; never mix two"),
)

#: Columns that the core or its data sets may add; a table shows those that are there.
EXTRA_COLUMNS: tuple[Column, ...] = (
    Column("cell", "string", "", "hash of everything in the trial's identity but the seed"),
    Column("resolved_architecture", "string", "", "the architecture with `auto` options settled"),
    Column("budget", "string", "", "when training stops, such as `200000img`"),
    Column("fd_best_fresh", "float64", "", "`fd` of the best tick on fresh noise", "lower"),
    Column(
        "class_fd_mean", "float64", "", "`fd` class by class, mean; mind samples a class", "lower"
    ),
    Column("class_fd_worst", "float64", "", "`fd` class by class, the worst; likewise", "lower"),
    Column(
        "class_accuracy", "float64", "", "share of fakes classified as what was asked for", "higher"
    ),
    Column("l1", "float64", "", "mean difference from the right image, 0 to 1; pairs", "lower"),
    Column("psnr", "float64", "dB", "peak signal-to-noise ratio of pairs, mean", "higher"),
    Column("ssim", "float64", "", "structural similarity of pairs, mean", "higher"),
    Column("modes", "float64", "modes", "modes of a mixture that the samples reach", "higher"),
    Column("high_quality", "float64", "", "share of samples close to a mode", "higher"),
    Column("reverse_kl", "float64", "nats", "KL of the samples' modes from the true ones", "lower"),
    Column("attempts", "Int64", "", "how often the trial was started"),
    Column("data_fingerprint", "string", "", "the data set's own word for its content"),
    Column("evaluation", "string", "", "evaluation settings, as JSON"),
    Column("sources", "string", "", "hash of each component's code, as JSON, or `unknown`"),
    Column("settings", "string", "", "training settings, as JSON"),
    Column("setting_sources", "string", "", "where each setting came from, as JSON"),
)

HISTORY_COLUMNS: tuple[Column, ...] = (
    Column("trial", "string", "", "the trial's id"),
    Column("tick", "Int64", "", "number of the evaluation; 0 is before training"),
    Column("images", "Int64", "images", "real images shown to the discriminator so far"),
    Column("steps", "Int64", "steps", "generator updates so far"),
    Column("train_seconds", "float64", "s", "time spent training so far"),
    Column("fd", "float64", "", "Fréchet distance on the extractor's features", "lower"),
    Column("cs_mean", "float64", "", "classifier score", "higher"),
    Column("kid_mean", "float64", "", "kernel distance (squared MMD)", "lower"),
    Column("precision", "float64", "", "share of fakes within the real manifold", "higher"),
    Column("recall", "float64", "", "share of real samples within the fake manifold", "higher"),
    Column("density", "float64", "", "how densely fakes lie where real samples are", "higher"),
    Column("coverage", "float64", "", "share of real samples with a fake near by", "higher"),
    Column("d_loss", "float64", "", "the discriminator's loss, mean since the last tick"),
    Column("g_loss", "float64", "", "the generator's loss, mean since the last tick"),
    Column("d_auc", "float64", "", "chance that a real logit beats a fake one since the last tick"),
    Column("g_grad_norm", "float64", "", "the generator's gradient norm, mean since the last tick"),
    Column("d_grad_norm", "float64", "", "the discriminator's gradient norm, likewise"),
)

#: The columns whose specs name a cell.
AXES = ("architecture", "loss", "dataset", "regularizer", "augmentation")

STATUSES: dict[str, str] = {
    "ok": "trained to the end of its budget",
    "diverged": "a loss, gradient or weight became non-finite: a result, not an error",
    "error": "an exception ended it",
    "crashed": "its process died",
    "oom": "it ran out of memory",
    "timeout": "it took longer than it was given",
    "interrupted": "stopped on request, or its data was gone; the next run goes on with it",
    "skipped": "the cell cannot work; the reason is in `error`",
}
#: What a rerun leaves alone.
FINISHED = frozenset(STATUSES) - {"interrupted"}
#: What makes a run end with exit code 1.
FAILURES = frozenset({"error", "crashed", "oom", "timeout"})
#: What counts as a result of training.
ENDED_WELL = frozenset({"ok", "diverged"})

VERDICTS: dict[str, str] = {
    "diverged": "something became non-finite",
    "never-learned": "the best `fd` is more than half of that before training",
    "collapsed": "the last `fd` is more than 1.5 times the best",
    "stable": "none of these",
}

#: The type of a column's values in Python; `coerce` settles what else it takes.
PLAIN: dict[DType, type] = {"string": str, "Int64": int, "float64": float, "boolean": bool}

_KNOWN = {column.name: column for column in (*ROW_COLUMNS, *EXTRA_COLUMNS)}
INT64 = 2**63


def column(name: str) -> Column | None:
    """What is known of a row's column; None for one that a component brought along."""
    return _KNOWN.get(name)


def coerce(value: Any, dtype: DType) -> Any:
    """``value`` as a column of this type holds it; None, or NaN where there is no NaN, is missing.

    Mappings and lists may stand in a text column: they are structured text.

    :raises TypeError: for a value of another type.
    """
    if value is None or (dtype != "float64" and isinstance(value, float) and math.isnan(value)):
        return None
    if dtype == "string":
        if isinstance(value, (str, Mapping, list)):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    elif dtype == "boolean":
        if isinstance(value, bool):
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        return _real(value) if dtype == "float64" else _integer(value)
    raise TypeError(f"expected {dtype}, got {value!r}")


def _real(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise TypeError("expected a number, got one that is too large") from None


def _integer(value: float) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise TypeError(f"expected a whole number, got {value!r}")
    if not -INT64 <= value < INT64:
        raise TypeError(f"expected a whole number of 64 bits, got {value!r}")
    return int(value)
