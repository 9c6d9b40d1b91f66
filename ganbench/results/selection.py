"""Which columns and which order a table has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ganbench.errors import UnknownNameError, did_you_mean
from ganbench.results.cell_columns import cell_columns
from ganbench.results.columns import Columns, columns_of
from ganbench.results.comparability import EVALUATION, FINGERPRINT, marked
from ganbench.results.curve_columns import best_of, drift_of
from ganbench.results.primary import primaries
from ganbench.results.schema import AXES
from ganbench.results.summary import SETTINGS, outcomes
from ganbench.results.twins import better_known

if TYPE_CHECKING:
    import pandas as pd

#: What a person is shown of a trial besides its metrics, and what it costs; likewise of a cell.
_OF_TRIALS = ("seed", "outcome")
_OF_CELLS = ("n", "failed", "verdicts")
_COSTS = ("images_per_second", "steps_per_second", "train_seconds", "peak_memory_mb")
#: What a table of cells on paper has no room for.
_NOT_ON_PAPER = ("train_seconds", "peak_memory_mb")
#: The settings a person can read at a glance.
_LONG_SETTINGS = ("cell", FINGERPRINT, EVALUATION, "settings", "providers")
_SHORT_SETTINGS = [name for name in SETTINGS if name not in _LONG_SETTINGS]


def default_columns(frame: pd.DataFrame, *, paper: bool = False) -> list[str]:
    """The columns for people: components, then what tells trials apart, without what says nothing.

    A regularizer or an augmentation that all lack is left out, and so is an empty column; another
    name of the primary metric (FID) stands in for it where both are the same.

    :param paper: whether the table is for a page, where each metric stands with its interval.
    """
    cells = is_by_cell(frame)
    wanted = [*(_OF_CELLS if cells else _OF_TRIALS), *_metrics(frame, curves=not paper), *_COSTS]
    if paper and cells:
        wanted = [name for name in wanted if name not in _NOT_ON_PAPER]
    there = [name for name in wanted if name in frame.columns and frame[name].notna().any()]
    if "steps_per_second" in there and _one_step(frame):
        there.remove("steps_per_second")
    replaced = {name for name, other in twins(frame).items() if other != name}
    return [*_shown_axes(frame), *_told_apart(frame), *(n for n in there if n not in replaced)]


def first_to_go(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Of the columns of a table, those that a narrow one does without, the first to go first."""
    leading = set(twins(frame)) | set(twins(frame).values())
    first = primaries(frame)
    late = [in_cells(frame, best_of(primary)) for primary in first]
    metrics = {in_cells(frame, column.name) for column in columns_of(frame).measured}
    rest = [name for name in names if name in metrics and name not in leading]
    rest = [*(name for name in reversed(rest) if name not in late), *late]
    return ["peak_memory_mb", "train_seconds", *rest, "images_per_second", "failed"]


def twins(frame: pd.DataFrame) -> dict[str, str]:
    """The columns of the primary metrics, and what stands in for each where both are the same.

    A Fréchet distance on the features of the standard network is called FID.
    """
    found = better_known(frame).items()
    return {in_cells(frame, name): in_cells(frame, other) for name, other in found}


def in_cells(frame: pd.DataFrame, metric: str) -> str:
    """The name of the column that holds a metric: its median, in a frame of cells."""
    median = f"{metric}_median"
    return median if is_by_cell(frame) and median in frame.columns else metric


def known_of(frame: pd.DataFrame) -> Columns:
    """What is known of the columns of a frame of trials or of cells."""
    known = columns_of(frame)
    return cell_columns(known) if is_by_cell(frame) else known


def _metrics(frame: pd.DataFrame, curves: bool) -> list[str]:
    """The columns of metrics that people are shown: the primary ones and their best values first.

    How far a trial drifted comes last, and says something of single trials only.

    :param curves: whether the best values are shown of cells, too.
    """
    cells, first = is_by_cell(frame), primaries(frame)
    drifts = [drift_of(primary) for primary in first]
    bests = [best_of(primary) for primary in first]
    others = [column.name for column in columns_of(frame).measured if column.shown]
    leading = [name for primary in first for name in (primary, best_of(primary))]
    names = [*dict.fromkeys(name for name in (*leading, *others) if name not in drifts)]
    names = names if cells else [*names, *drifts]
    hidden = bests if cells and not curves else []
    return [in_cells(frame, name) for name in names if name not in hidden]


def check_columns(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The names, where that of a metric may stand for its median in a table of cells.

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
    """Sorted by a column, the best first and missing values last.

    By default by data set and primary metric.

    What failed has no quality: it comes after what has one.

    :raises UnknownNameError: for a column that the frame lacks.
    """
    import pandas as pd

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


def _one_step(frame: pd.DataFrame) -> bool:
    """Whether a step shows equally many images in all lines, so that one speed tells the other."""
    ratios = (frame["images_per_second"] / frame["steps_per_second"]).dropna()
    return not len(ratios) or bool(ratios.max() <= 1.01 * ratios.min())
