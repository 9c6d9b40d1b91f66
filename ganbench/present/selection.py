"""The columns of a table and their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.baseline import EFFECT
from ganbench.analysis.groups import SETTINGS, several_budgets
from ganbench.analysis.metrics import RATES, SPEED, UPDATES, better_known
from ganbench.analysis.summary import cell_columns
from ganbench.base.errors import UnknownNameError, did_you_mean
from ganbench.base.suggestions import same_thing
from ganbench.store.columns import Columns, columns_of
from ganbench.store.primary import primaries, suffixed
from ganbench.store.schema import AXES, EVALUATION, FINGERPRINT, JSON_COLUMNS, mapping

#: The columns of a trial besides its metrics, those of a cell, and those of costs.
_OF_TRIALS = ("seed", "outcome")
_OF_CELLS = ("n", "failed", "verdicts")
#: The costs that a table of cells on paper has no room for.
_NOT_ON_PAPER = ("train_seconds", "peak_memory_mb")
_COSTS = (*RATES, *_NOT_ON_PAPER)
#: The settings a person can read at a glance.
_LONG_SETTINGS = ("cell", FINGERPRINT, EVALUATION, "settings", "providers")
_SHORT_SETTINGS = [name for name in SETTINGS if name not in _LONG_SETTINGS]


def default_columns(frame: pd.DataFrame, *, paper: bool = False) -> list[str]:
    """The columns for people: components, then what tells trials apart.

    A column is left out if it is empty, or if no line has a regularizer or augmentation. Another
    name of the primary metric (FID) replaces it where both are the same.

    :param paper: whether the table is for a page, where each metric stands with its interval.
    """
    cells = is_by_cell(frame)
    wanted = [*(_OF_CELLS if cells else _OF_TRIALS), *_metrics(frame, curves=not paper), *_COSTS]
    if paper and cells:
        wanted = [name for name in wanted if name not in _NOT_ON_PAPER]
    there = [name for name in wanted if name in frame.columns and frame[name].notna().any()]
    if UPDATES in there and _one_step(frame):
        there.remove(UPDATES)
    replaced = {name for name, other in primary_columns(frame).items() if other != name}
    return [*_shown_axes(frame), *_told_apart(frame), *(n for n in there if n not in replaced)]


def first_to_go(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The columns that a narrow table drops, the first to go first."""
    leading = set(primary_columns(frame)) | set(primary_columns(frame).values())
    first = primaries(frame)
    late = [in_cells(frame, suffixed(primary, "best")) for primary in first]
    metrics = {in_cells(frame, column.name) for column in columns_of(frame).measured}
    rest = [name for name in names if name in metrics and name not in leading]
    rest = [*(name for name in reversed(rest) if name not in late), *late]
    return ["peak_memory_mb", "train_seconds", *rest, SPEED, "failed"]


def primary_columns(frame: pd.DataFrame) -> dict[str, str]:
    """The columns of the primary metrics, each with the column that stands in for it.

    That is the better known name of the same numbers: a Fréchet distance on the features of the
    standard network is called FID.
    """
    found = better_known(frame).items()
    return {in_cells(frame, name): in_cells(frame, other) for name, other in found}


def in_cells(frame: pd.DataFrame, metric: str) -> str:
    """The name of the column that holds a metric: its median, in a frame of cells."""
    median = f"{metric}_median"
    return median if is_by_cell(frame) and median in frame.columns else metric


def known_of(frame: pd.DataFrame) -> Columns:
    """Descriptions of the columns of a frame of trials or of cells."""
    known = columns_of(frame)
    return cell_columns(known) if is_by_cell(frame) else known


def _metrics(frame: pd.DataFrame, curves: bool) -> list[str]:
    """The columns of metrics for people: the primary metrics and their best values first.

    The drift comes last, for single trials only.

    :param curves: whether tables of cells show the best values, too.
    """
    cells, first = is_by_cell(frame), primaries(frame)
    drifts = [suffixed(primary, "drift") for primary in first]
    bests = [suffixed(primary, "best") for primary in first]
    others = [column.name for column in columns_of(frame).measured if column.shown]
    leading = [name for pair in zip(first, bests, strict=True) for name in pair]
    names = [*dict.fromkeys(name for name in (*leading, *others) if name not in drifts)]
    names = names if cells else [*names, *drifts]
    hidden = bests if cells and not curves else []
    found = [in_cells(frame, name) for name in names if name not in hidden]
    return [*found[:1], EFFECT, *found[1:]]


def check_columns(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The names; in a table of cells, a metric's name stands for its median.

    :raises UnknownNameError: for an unknown column.
    """
    found = []
    for name in (name.strip() for name in names):
        known = next((n for n in (name, f"{name}_median") if n in frame.columns), None)
        if known is None:
            hint = _within_settings(frame, name) or did_you_mean(name, map(str, frame.columns))
            raise UnknownNameError(f"no column {name!r}{hint}")
        found.append(known)
    return found


def _within_settings(frame: pd.DataFrame, name: str) -> str:
    """Which column holds a setting of this name among others; empty if none does."""
    for column in JSON_COLUMNS:
        texts = frame[column].dropna().unique() if column in frame.columns else ()
        keys = {key for text in texts for key in mapping(text)}
        named = sorted(key for key in keys if key == name or key[1:] == f"_{name}")
        named = named or same_thing(name, keys)
        if named:
            return f"; the column {column!r} holds {' and '.join(named)}, as JSON"
    return ""


#: The column of a view with settings that differ between lines of equal components.
DIFFERS = "differs"


def in_order(frame: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Sort by a column, the best first and missing values last.

    The default is data set and primary metric. Failed trials have no quality and come last.

    :raises UnknownNameError: for an unknown column.
    """
    known = known_of(frame)
    if by is None:
        names = ["dataset", *(in_cells(frame, primary) for primary in primaries(frame))]
        names = [name for name in names if name in frame.columns]
    else:
        names = check_columns(frame, [by])
    keys: dict[str, Any] = {}
    ascending = []
    for number, name in enumerate(names):
        values = frame[name]
        better = known.named(name).better
        if better and "status" in frame.columns:
            values = values.where(frame["status"] == "ok")
        keys[f"_sort {number}"] = values
        ascending.append(better != "higher")
    order = pd.DataFrame(keys, index=frame.index).sort_values(
        [*keys], ascending=ascending, na_position="last", kind="stable"
    )
    return frame.loc[order.index].reset_index(drop=True)


def is_by_cell(frame: pd.DataFrame) -> bool:
    """Whether the frame holds cells rather than trials."""
    return "status" not in frame.columns


def _shown_axes(frame: pd.DataFrame) -> list[str]:
    optional = ("regularizer", "augmentation")
    return [
        name
        for name in AXES
        if name not in optional or not (frame[name].fillna("none") == "none").all()
    ]


def _told_apart(frame: pd.DataFrame) -> list[str]:
    """The settings that differ between lines of equal components, and a budget that differs at all."""
    there = [name for name in _SHORT_SETTINGS if name in frame.columns]
    if not len(frame):
        return []
    if not is_by_cell(frame) and there:
        variants = frame.groupby(list(AXES), sort=False, dropna=False)[there].nunique().max()
        mixed = {"budget"} if several_budgets(frame) else set()
        there = [name for name in there if variants[name] > 1 or name in mixed]
    return [*there, *([DIFFERS] if DIFFERS in frame.columns else [])]


def _one_step(frame: pd.DataFrame) -> bool:
    """Whether a step shows equally many images in all lines, so that one speed suffices."""
    ratios = (frame[SPEED] / frame[UPDATES]).dropna()
    return not len(ratios) or bool(ratios.max() <= 1.01 * ratios.min())
