"""The columns that every run has: their meaning, order and type, and settings as JSON.

Rows may carry more columns, which metrics and data sets describe themselves (`columns`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ganbench.base.files import decode, encode
from ganbench.components.column import Better, Column, DType

#: Version of row.json and results.parquet; a reader leaves alone what a later version wrote.
ROW_FORMAT = 1


def _cost(
    name: str, dtype: DType, unit: str, meaning: str, label: str, better: Better | None = None
) -> Column:
    return Column(name, dtype, unit, meaning, better, "log", cost=True, label=label)


def _measured(*names: str) -> tuple[Column, ...]:
    """Columns of every run whose meaning the metrics that fill them state."""
    return tuple(map(Column, names))


def _number(name: str, meaning: str, label: str = "") -> Column:
    return Column(name, meaning=meaning, label=label)


def _share(name: str, meaning: str, label: str, better: Better | None = None) -> Column:
    return Column(name, meaning=meaning, better=better, scale="share", label=label)


_IMAGES = "real images shown to the discriminator"
_LOGITS = "chance that a real logit beats a fake one"
_MEAN = "mean since the last tick"

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
    _cost("steps", "Int64", "steps", "generator updates that were made", "steps"),
    _cost("images", "Int64", "images", _IMAGES, _IMAGES),
    _cost("train_seconds", "float64", "s", "time spent in steps, without evaluation and warm-up",
          "training time"),
    _cost("eval_seconds", "float64", "s", "time spent on evaluation", "evaluation time"),
    _cost("wall_seconds", "float64", "s", "time from the trial's start to its end", "whole time"),
    _cost("images_per_second", "float64", "images/s", "real images of a step over its time",
          "real images per second", "higher"),
    _cost("step_ms", "float64", "ms", "time of one step: the median over all, in stretches",
          "time of a step", "lower"),
    _cost("peak_memory_mb", "float64", "MiB",
          "largest memory in use on the device in training; on the CPU, of the whole process",
          "peak memory", "lower"),
    _cost("generator_params", "Int64", "parameters", "trainable parameters of the generator",
          "generator parameters"),
    _cost("discriminator_params", "Int64", "parameters", "trainable ones of the discriminator",
          "discriminator parameters"),
    Column("extractor", "string", "", "features that metrics use: network, sample counts, split"),
    *_measured("fd", "fd_best", "fid", "cs_mean", "cs_std", "is_mean", "is_std", "kid_mean", "kid_std",
               "precision", "recall", "density", "coverage"),
    Column("verdict", "string", "", "what the curve says about the training; see below"),
    *_measured("fd_drift", "fd_auc", "fd_rough"),
    _share("d_auc", f"{_LOGITS}, last tenth of steps", "discriminator AUC"),
    _share("d_sat", "share of steps in which that chance was over 0.99",
           "share of steps with AUC > 0.99", "lower"),
    _number("g_grad_cv", "variation of the generator's gradient norm, last tenth"),
    _number("d_grad_cv", "variation of the discriminator's gradient norm, last tenth"),
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
)  # fmt: skip

#: Columns that the core may add; a table shows those that exist.
EXTRA_COLUMNS: tuple[Column, ...] = (
    Column("cell", "string", "", "hash of everything in the trial's identity but the seed"),
    Column("resolved_architecture", "string", "", "the architecture with `auto` options resolved"),
    Column("budget", "string", "", "when training stops, such as `200000img`"),
    _cost("steps_per_second", "float64", "steps/s",
          "generator updates in the time of one step; computed when results are read",
          "generator updates per second", "higher"),
    _cost("eval_peak_memory_mb", "float64", "MiB", "the same in evaluations",
          "peak memory of evaluations", "lower"),
    Column("attempts", "Int64", "", "how often the trial was started"),
    Column("threads", "Int64", "",
           "CPU threads of the trial; on the CPU its last bits depend on them"),
    Column("replicas", "Int64", "", "processes that trained it together, each on a device of its own"),
    Column("extended_from", "string", "",
           "the trial of a smaller budget that this one went on from (`--extend`)"),
    Column("init", "string", "", "the trial or file whose weights it started from (`--init`)"),
    Column("deterministic", "boolean", "",
           "whether every operation gives equal bits in equal runs, as far as torch knows"),
    Column("nondeterministic", "string", "", "the operations that do not, as torch names them"),
    Column("executor", "string", "",
           "how steps were done: `graph`, replayed as one CUDA graph each, or `eager`"),
    Column("executor_reason", "string", "", "why steps were eager, or what was not compiled"),
    _cost("warmup_seconds", "float64", "s",
          "time of steps on trial, which load kernels and prove recordings, and are taken back",
          "warm-up time"),
    _cost("compile_seconds", "float64", "s", "time that torch.compile took", "compile time"),
    Column("data_fingerprint", "string", "", "the data set's statement about its content"),
    Column("evaluation", "string", "", "evaluation settings, as JSON"),
    Column("evaluation_id", "string", "",
           "hash of all that decides what the metrics mean; it differs where numbers do not compare"),
    Column("unmeasured", "string", "", "metrics whose code failed, each with the reason, as JSON"),
    Column("samples_note", "string", "",
           "what makes the samples no result, whatever the verdict: `constant`, `noise` or `copies`, "
           "with the reason"),
    Column("features_note", "string", "", "why the extractor's features cannot carry a ranking"),
    Column("sources", "string", "", "hash of each component's code, as JSON, or `unknown`"),
    Column("settings", "string", "", "training settings, as JSON"),
    Column("setting_sources", "string", "", "where each setting came from, as JSON"),
)  # fmt: skip

HISTORY_COLUMNS: tuple[Column, ...] = (
    Column("trial", "string", "", "the trial's id"),
    Column("tick", "Int64", "", "number of the evaluation; 0 is before training"),
    Column("images", "Int64", "images", "real images shown to the discriminator so far"),
    Column("steps", "Int64", "steps", "generator updates so far"),
    Column("train_seconds", "float64", "s", "time spent training so far"),
    *_measured("fd", "cs_mean", "kid_mean", "precision", "recall", "density", "coverage"),
    _number("d_loss", f"the discriminator's loss, {_MEAN}", "discriminator loss"),
    _number("g_loss", f"the generator's loss, {_MEAN}", "generator loss"),
    _share("d_auc", f"{_LOGITS} since the last tick", "discriminator AUC"),
    _number("g_grad_norm", f"the generator's gradient norm, {_MEAN}", "generator gradient norm"),
    _number("d_grad_norm", f"the discriminator's gradient norm, {_MEAN}",
            "discriminator gradient norm"),
)  # fmt: skip

#: The columns whose specs name a cell.
AXES = ("architecture", "loss", "dataset", "regularizer", "augmentation")

STATUSES: dict[str, str] = {
    "ok": "trained to the end of its budget",
    "diverged": "a loss, gradient or weight became non-finite: a result, not an error",
    "error": "an exception ended it",
    "crashed": "its process died",
    "oom": "it ran out of memory",
    "timeout": "it took longer than it was given",
    "interrupted": "it has not ended, for the reason in `error`; the next run continues it",
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
    "never-learned": "the best primary distance is more than half of that before training",
    "collapsed": "recall, coverage or the number of modes ends under half of its best",
    "degraded": "the last primary distance is more than 1.5 times the best, by more than its noise",
    "stable": "none of these",
}

#: The type of a column's values in Python; `coerce` says which others a column takes.
PLAIN: dict[DType, type] = {"string": str, "Int64": int, "float64": float, "boolean": bool}

#: The columns of rows by name, without those that metrics describe.
CORE: Mapping[str, Column] = {
    column.name: column for column in (*ROW_COLUMNS, *EXTRA_COLUMNS) if column.meaning
}
INT64 = 2**63


def coerce(value: Any, dtype: DType) -> Any:
    """``value`` as a column of this type holds it; None is missing, as is NaN outside of floats.

    A text column may hold mappings and lists: structured text.

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


def fit(name: str, value: Any, dtypes: Mapping[str, DType]) -> Any:
    """A value as its column holds it, unchanged for an unknown column; raises TypeError."""
    if name not in dtypes:
        return value
    try:
        return coerce(value, dtypes[name])
    except TypeError as error:
        raise TypeError(f"column {name}: {error}") from None


def python_value(value: Any) -> Any:
    """Numpy's scalars and the like as Python's, non-finite numbers kept."""
    return value if isinstance(value, (float, str)) else decode(encode(value))


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


#: Column: a data set's own statement about its content.
FINGERPRINT = "data_fingerprint"
#: Column: the evaluation settings.
EVALUATION = "evaluation"
#: Columns that hold settings.
JSON_COLUMNS = (EVALUATION, "settings")


def mapping(text: Any) -> dict[str, Any]:
    """The settings that a column holds; empty for anything else than a JSON object."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def as_text(settings: Mapping[str, Any]) -> str:
    """Settings as a column holds them: equal texts for equal settings."""
    return json.dumps(settings, sort_keys=True)
