"""Which columns and which order a table has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.errors import UnknownNameError, did_you_mean
from ganbench.results.comparability import EVALUATION, FINGERPRINT, marked
from ganbench.results.formatting import better
from ganbench.results.schema import AXES
from ganbench.results.summary import SETTINGS, outcomes

if TYPE_CHECKING:
    import pandas as pd

#: What a person is shown of trials and of cells, where it is there.
TRIAL_COLUMNS = (
    "seed", "outcome", "fd", "fd_best", "fid", "is_mean", "kid_mean", "precision", "recall",
    "class_fd_mean", "class_accuracy", "l1", "psnr", "ssim", "modes", "high_quality",
    "fd_drift", "images_per_second", "train_seconds", "peak_memory_mb",
)  # fmt: skip
CELL_COLUMNS = (
    "n", "failed", "verdicts", "fd_median", "fd_best_median", "fid_median", "is_mean_median",
    "kid_mean_median", "precision_median", "recall_median", "class_fd_mean_median",
    "class_accuracy_median", "l1_median", "psnr_median", "ssim_median", "modes_median",
    "high_quality_median", "images_per_second", "train_seconds", "peak_memory_mb",
)  # fmt: skip
#: What a table of cells on paper has no room for.
_NOT_ON_PAPER = ("fd_best_median", "train_seconds", "peak_memory_mb")
#: The settings a person can read at a glance.
_LONG_SETTINGS = ("cell", FINGERPRINT, EVALUATION, "settings", "providers")
_SHORT_SETTINGS = [name for name in SETTINGS if name not in _LONG_SETTINGS]


def default_columns(frame: pd.DataFrame, *, paper: bool = False) -> list[str]:
    """The columns for people: components, then what tells trials apart, without what says nothing.

    A regularizer or an augmentation that all lack is left out, and so is an empty column; ``fid``
    stands in for ``fd`` where both are the same.

    :param paper: whether the table is for a page, where each metric stands with its interval.
    """
    wanted = CELL_COLUMNS if is_by_cell(frame) else TRIAL_COLUMNS
    chosen = [*_shown_axes(frame), *_told_apart(frame)]
    chosen += [name for name in wanted if name in frame.columns and frame[name].notna().any()]
    metrics = ("fd_median",) if is_by_cell(frame) else ("fd",)
    if all(_same(frame, name, name.replace("fd", "fid")) for name in metrics):
        chosen = [name for name in chosen if name not in metrics]
    if paper and is_by_cell(frame):
        chosen = [name for name in chosen if name not in _NOT_ON_PAPER]
    return chosen


def check_columns(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The names, where a cell's ``fd`` may stand for ``fd_median``.

    :raises UnknownNameError: for a column that the frame lacks.
    """
    found = []
    for name in (name.strip() for name in names):
        known = next((n for n in (name, f"{name}_median") if n in frame.columns), None)
        if known is None:
            raise UnknownNameError(
                f"no column {name!r}{did_you_mean(name, map(str, frame.columns))}"
            )
        found.append(known)
    return found


def with_outcome(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of trials with the column ``outcome``: the verdict, or the status if it is not ok."""
    if is_by_cell(frame) or "outcome" in frame.columns:
        return frame
    return frame.assign(outcome=outcomes(frame))


#: The column of a view with settings that differ between lines of equal components.
DIFFERS = "differs"


def with_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """With the column ``differs``: which settings tell a line from others of equal components.

    Without it where there are none.
    """
    texts = marked(frame, AXES)
    there = texts != ""
    return frame.assign(**{DIFFERS: texts.where(there)}) if there.any() else frame


def in_order(frame: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Sorted by a column, the best first and missing values last; ``dataset``, then fd by default.

    What failed has no quality: it comes after what has one.

    :raises UnknownNameError: for a column that the frame lacks.
    """
    quality = "fd_median" if is_by_cell(frame) else "fd"
    names = ["dataset", quality] if by is None else check_columns(frame, [by])
    table = frame
    keys, ascending = [], []
    for number, name in enumerate(names):
        values = frame[name]
        if better(name) and "status" in frame.columns:
            values = values.where(frame["status"] == "ok")
        table = table.assign(**{f"_sort {number}": values})
        keys.append(f"_sort {number}")
        ascending.append(better(name) != "higher")
    table = table.sort_values(keys, ascending=ascending, na_position="last", kind="stable")
    return table.drop(columns=keys).reset_index(drop=True)


def is_by_cell(frame: pd.DataFrame) -> bool:
    """Whether the frame is one of cells rather than of trials."""
    return "status" not in frame.columns


def _shown_axes(frame: pd.DataFrame) -> list[str]:
    optional = ("regularizer", "augmentation")
    return [
        name
        for name in AXES
        if name not in optional or not (frame[name].fillna("none") == "none").all()
    ]


def _told_apart(frame: pd.DataFrame) -> list[str]:
    """Settings that differ between lines of equal components."""
    there = [name for name in _SHORT_SETTINGS if name in frame.columns]
    if not len(frame):
        return []
    if not is_by_cell(frame) and there:
        variants = frame.groupby(list(AXES), sort=False, dropna=False)[there].nunique().max()
        there = [name for name in there if variants[name] > 1]
    return [*there, *([DIFFERS] if DIFFERS in frame.columns else [])]


def _same(frame: pd.DataFrame, name: str, other: str) -> bool:
    if name not in frame.columns or other not in frame.columns:
        return False
    pair = frame[[name, other]].dropna(how="all")
    return len(pair) > 0 and bool((pair[name] == pair[other]).all())
