"""What was run, on what, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ganbench.results.formatting import plain, plain_line
from ganbench.results.schema import STATUSES
from ganbench.results.store import RunFolder

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {
    "architecture": "Architectures",
    "loss": "Losses",
    "dataset": "Data sets",
    "regularizer": "Regularizers",
    "augmentation": "Augmentations",
    "task": "Task",
    "seed": "Seeds",
    "budget": "Budget",
    "batch_size": "Batch size",
    "precision_mode": "Arithmetic",
    "device": "Device",
    "extractor": "Features of the metrics",
    "protocol": "Protocol",
    "ganbench_version": "ganbench",
    "torch_version": "torch",
    "providers": "Providers",
}


def facts(run: RunFolder, results: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Names with values, in the order of the page."""
    yield "Trials", _counted(run, results)
    for name, label in _NAMES.items():
        found = [*results[name].dropna().unique()] if name in results.columns else []
        values = [plain(value) for value in (sorted(found) if name == "seed" else found)]
        if values and values != ["none"]:
            yield label, _listed(values)
    yield from _times(results)


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 20 s`` or ``4.2 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def grid_text(run: RunFolder) -> str:
    """The grid as resolved; empty if its file is not there."""
    try:
        text = run.grid_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(plain_line(line) for line in text.splitlines())


def counts(results: pd.DataFrame) -> dict[str, int]:
    """Trials by status, in the order in which statuses are documented."""
    found = results["status"].value_counts()
    return {status: int(found[status]) for status in STATUSES if status in found}


def _counted(run: RunFolder, results: pd.DataFrame) -> str:
    ended = ", ".join(f"{count} {status}" for status, count in counts(results).items())
    text = f"{len(results)}: {ended}" if len(results) else "none has ended yet"
    waiting = len(_planned(run) - set(results["trial"]))
    return f"{text}; {waiting} more to come" if waiting > 0 else text


def _planned(run: RunFolder) -> set[str]:
    """The trials of the run's newest grid, ended or not; none if that cannot be told."""
    try:
        return set(run.read_plan() or run.trial_ids())
    except (OSError, ValueError):
        return set()


def _times(results: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for name, label in (("train_seconds", "Training time"), ("eval_seconds", "Evaluation time")):
        total = float(results[name].sum())
        if total:
            yield label, f"{duration(total)}, all trials together"
    started = results["started"].dropna()
    if len(started):
        yield "Begun", plain(started.min()).replace("T", " ")


def _listed(values: Sequence[str], most: int = 12) -> str:
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return " · ".join(values[:most]) + more
