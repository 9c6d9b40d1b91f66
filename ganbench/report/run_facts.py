"""Facts about a run: its components, settings, device and duration."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ganbench.analysis.larger_budgets import is_past
from ganbench.base.text import duration, plain, plain_line
from ganbench.store.display_names import ATTRIBUTE
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import STATUSES

_MOST_LISTED = 12
#: What the page calls columns of the results.
NAMES = {
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
    for name, label in NAMES.items():
        found = [*results[name].dropna().unique()] if name in results.columns else []
        values = [plain(value) for value in (sorted(found) if name == "seed" else found)]
        if values and values != ["none"]:
            more = [f"and {len(values) - _MOST_LISTED} more"] * (len(values) > _MOST_LISTED)
            yield label, " ".join([" · ".join(values[:_MOST_LISTED]), *more])
    names = results.attrs.get(ATTRIBUTE, {})
    if names:
        yield "Names", " · ".join(f"{plain(name)} = {plain(spec)}" for name, spec in names.items())
    for name, label in (("train_seconds", "Training time"), ("eval_seconds", "Evaluation time")):
        total = _together(results, name)
        if total:
            yield label, f"{duration(total)}, all trials together"
    started = results["started"].dropna()
    if len(started):
        yield "Begun", plain(started.min()).replace("T", " ")


def _together(results: pd.DataFrame, name: str) -> float:
    """The sum of a time; a trial that went on from another one holds that one's time too."""
    times = results[name].astype("float64").fillna(0.0)
    bases = results.get("extended_from", pd.Series(dtype="string")).dropna()
    known = times.groupby(results["trial"]).max()
    return float(times.sum() - known.reindex(bases).sum())


def grid_text(run: RunFolder) -> str:
    """The grid as resolved; empty without its file."""
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
    past = int(is_past(results).sum())
    text += f"; {past} of them went on to a larger budget" if past else ""
    try:
        waiting = {*(run.read_plan() or run.trial_ids())} - {*results["trial"]}
    except (OSError, ValueError):  # the plan of the run's newest grid is not readable
        return text
    return f"{text}; {len(waiting)} more to come" if waiting else text
