"""The columns of a table of cells: which metrics are summed up over seeds, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganbench.results.groups import SETTINGS
from ganbench.results.schema import AXES, Column, column
from ganbench.results.statistics.scales import Scale

#: Metrics that are summed up by median, interval, and least and greatest value over seeds.
RANGED = ("fd", "fid", "is_mean", "modes", "high_quality")
#: Metrics that are summed up by median and interval.
MEDIANS = (
    "fd_best", "fd_best_fresh", "cs_mean", "kid_mean", "precision", "recall", "density", "coverage",
    "class_fd_mean", "class_fd_worst", "class_accuracy", "l1", "psnr", "ssim", "reverse_kl",
    "fd_drift", "fd_auc",
)  # fmt: skip
METRICS = (*RANGED, *MEDIANS)
#: Metrics that have a mean and an interquartile mean besides.
AVERAGED = ("fd", "fid")

_SHARES = ("precision", "recall", "coverage", "class_accuracy", "high_quality")
#: What may be negative has no logarithm; the kernel distance is unbiased, and so at times is.
SIGNED = ("kid_mean", "fd_auc", "psnr", "ssim")
_LINEAR = ("modes", *SIGNED)


def scale(metric: str) -> Scale:
    """The scale on which a metric's interval is found: most vary by factors."""
    return "share" if metric in _SHARES else "linear" if metric in _LINEAR else "log"


def statistics_of(metric: str) -> tuple[str, ...]:
    """What the columns of a metric are called behind its name."""
    names: tuple[str, ...] = ("median", "low", "high")
    if metric in AVERAGED:
        names += ("mean", "iqm")
    return (*names, "min", "max") if metric in RANGED else names


_MEANINGS = {
    "median": ("{}, median over seeds", True),
    "low": ("lower end of the interval of that median", False),
    "high": ("upper end of the interval of that median", False),
    "mean": ("{}, mean over seeds: infinite where one failed", True),
    "iqm": ("{}, mean of the middle half over seeds; from four seeds on", True),
    "min": ("the least over seeds", True),
    "max": ("the greatest over seeds", True),
}


def _described(metric: str) -> Iterator[Column]:
    known = column(metric)
    assert known is not None
    for name in statistics_of(metric):
        meaning, ranked = _MEANINGS[name]
        better = known.better if ranked else ""
        text = meaning.format(f"`{metric}`")
        yield Column(f"{metric}_{name}", "float64", known.unit, text, better)


def _columns(metrics: Sequence[str]) -> Iterator[Column]:
    for name in (*AXES, *SETTINGS):
        known = column(name)
        assert known is not None
        told = "" if name in AXES else "; only where cells of equal components differ in it"
        yield Column(name, "string", known.unit, known.meaning + told)
    yield Column("n", "Int64", "trials", "trials that count: neither skipped nor interrupted")
    yield Column("failed", "Int64", "trials", "those of them that did not end `ok`", "lower")
    yield Column("failure_low", "float64", "", "lower end of Wilson's interval of `failed` / `n`")
    yield Column("failure_high", "float64", "", "upper end of Wilson's interval of `failed` / `n`")
    yield Column("interrupted", "Int64", "trials", "others that wait to be finished")
    yield Column("verdicts", "string", "", "how many came to what, such as `stable 2/3, error 1/3`")
    for metric in metrics:
        yield from _described(metric)
    speed = "median over `ok` trials that had their device to themselves"
    yield Column("images_per_second", "float64", "images/s", speed, "higher")
    yield Column("images_per_second_low", "float64", "images/s", "lower end of its interval")
    yield Column("images_per_second_high", "float64", "images/s", "upper end of its interval")
    yield Column("train_seconds", "float64", "s", "median over `ok` trials")
    yield Column("peak_memory_mb", "float64", "MiB", "the largest of all trials", "lower")
    yield Column("interval_level", "float64", "", "confidence of all intervals of the row")
    yield Column("interval_seed", "Int64", "", "seed of their bootstrap")
    yield Column("interval_replicates", "Int64", "", "samples that their bootstrap drew")
    yield Column("reason", "string", "", "why the cell was skipped; it has no statistics")


#: Every column that `by_cell` may have; one for a metric is there where a trial has the metric.
COLUMNS: tuple[Column, ...] = tuple(_columns(METRICS))
