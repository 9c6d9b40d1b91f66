"""A table as people read it: chosen columns as text, the best values marked, reasons beneath.

Terminal, Markdown, LaTeX and HTML draw the same view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ganbench.results.captions import (
    feature_captions,
    interval_captions,
    measurement_captions,
    speed_captions,
)
from ganbench.results.estimates import Estimate, estimates, floats
from ganbench.results.formatting import better, described, header, is_number, plain, span, texts
from ganbench.results.groups import Groups, group
from ganbench.results.origins import origin_captions
from ganbench.results.rivals import COMPARABLE, MEANING, comparable, contending, kind_titles, rivals
from ganbench.results.schema import AXES, STATUSES
from ganbench.results.selection import (
    check_columns,
    default_columns,
    in_order,
    is_by_cell,
    with_differences,
    with_outcome,
)
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL
from ganbench.results.summary import METRICS, RANGED, scale, summarize

if TYPE_CHECKING:
    import pandas as pd

#: Where most are as good as can be, and being so wins nothing.
_UNRIVALLED = ("fd_drift", "d_sat")
#: What is shown with its interval unless columns are asked for.
_LEADING = ("fd_median", "fid_median")
#: Hidden columns: those whose names begin so (whether it is among the best, and the values of two
#: seeds), what can be compared with what, and what that is called.
_RIVAL, _PAIR, KIND, TITLE = "_rival", "_pair", "_kind", "_title"


@dataclass(frozen=True)
class ViewColumn:
    """One column of text.

    :ivar best: for each line, whether it is the best of its data set, or as good as the best.
    :ivar unit: of its numbers, or empty.
    :ivar estimates: for each line, the number and its interval, for formats that set both; None
        where the column has no intervals.
    """

    name: str
    header: str
    numeric: bool
    cells: list[str]
    best: list[bool]
    unit: str = ""
    estimates: list[Estimate] | None = None

    @cached_property
    def longest(self) -> int:
        """Characters of the longest cell."""
        return max(map(len, self.cells), default=0)


@dataclass(frozen=True)
class Note:
    """Why something has no numbers: a label, the reason, and whom it concerns."""

    label: str
    reason: str
    concerns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class View:
    """A table of text.

    :ivar frame: what the lines were made of, in their order.
    :ivar notes: failed trials and skipped cells with their reasons.
    :ivar captions: sentences that the numbers cannot be read without.
    :ivar marks: a sentence on what it means that a number is marked; empty where none is.
    """

    frame: pd.DataFrame
    columns: list[ViewColumn]
    notes: list[Note]
    captions: list[str]
    marks: str = ""

    @property
    def lines(self) -> list[list[str]]:
        """The cells, line by line."""
        return [list(line) for line in zip(*(c.cells for c in self.columns), strict=True)]


def make_view(
    results: pd.DataFrame,
    *,
    by_cell: bool = False,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    paper: bool = False,
) -> View:
    """The view of a results frame.

    :param columns: names of columns; those that say something by default.
    :param sort: the column to sort by, best first; data set and Fréchet distance by default.
    :param paper: whether it is for a page rather than a terminal.
    :raises UnknownNameError: for a column that does not exist.
    """
    import pandas as pd

    groups = group(results) if by_cell else None
    summary = None if groups is None else summarize(groups)
    table = readable(results if summary is None else summary)
    names = check_columns(table, columns) if columns else default_columns(table, paper=paper)
    sort = None if sort is None else check_columns(table, [sort])[0]  # before hidden columns
    if groups is not None and summary is not None and len(table):  # pandas would lengthen it
        kinds = {
            KIND: pd.Series(comparable(groups)),
            TITLE: pd.Series(kind_titles(groups), dtype="string"),
        }
        table = table.assign(**_rivals(groups, summary, names), **_pairs(groups, names), **kinds)
    table = in_order(table, sort)
    shown = [_column(table, name, in_full=columns is not None) for name in names]
    captions = feature_captions(results) if any("fd" in name for name in names) else []
    captions += measurement_captions(results)
    if summary is not None:
        estimates_ = [estimate for column in shown for estimate in column.estimates or ()]
        captions += interval_captions(
            summary, any(e.low for e in estimates_), any(e.both for e in estimates_)
        )
        captions += speed_captions(results) if "images_per_second" in names else []
    captions += origin_captions(results)
    bold = any(any(column.best) for column in shown if column.estimates)
    few = f"; cells of fewer than {LEAST_SEEDS} seeds are never bold" if _some_few(summary) else ""
    marks = MEANING.format(level=100 * LEVEL, few=few) if bold else ""
    return View(table, shown, [*failures(results), *skipped(results)], captions, marks)


def _column(table: pd.DataFrame, name: str, in_full: bool) -> ViewColumn:
    """A column of text.

    :param in_full: with its interval, which only the first quality has otherwise.
    """
    series, about = table[name], described(name)
    unit = about.unit if about else ""
    stem = name.removesuffix("_median")
    ends = [f"{stem}_low", f"{stem}_high"]
    found, cells = None, texts(series)
    if is_by_cell(table) and all(end in table.columns for end in ends):
        numbers = (floats(series), floats(table[ends[0]]), floats(table[ends[1]]))
        pairs = table.get(f"{_PAIR} {name}")
        found = estimates(name, *numbers, None if pairs is None else pairs.tolist())
        whole = in_full or name in _LEADING
        cells = [
            estimate.bracketed() if whole or estimate.both else cell
            for estimate, cell in zip(found, cells, strict=True)
        ]
    elif name == "failed" and "n" in table.columns:
        cells = [f"{k}/{n}" for k, n in zip(series, table["n"], strict=True)]
    hidden = f"{_RIVAL} {name}"
    best = table[hidden].tolist() if hidden in table.columns else _best(table, name)
    numeric = is_number(series)
    return ViewColumn(name, header(name), numeric, cells, best, unit if numeric else "", found)


def _rivals(
    groups: Groups, summary: pd.DataFrame, names: Iterable[str]
) -> dict[str, pd.Series[bool]]:
    """For each metric, whether a cell is the best or cannot be told from it, as hidden columns."""
    import pandas as pd

    return {
        f"{_RIVAL} {name}": pd.Series(rivals(groups, summary, metric, scale(metric)))
        for name in names
        if (metric := _summed_up(name)) and metric not in _UNRIVALLED
    }


def _pairs(groups: Groups, names: Iterable[str]) -> dict[str, pd.Series[Any]]:
    """For each metric, the values of the cells that have two, as hidden columns."""
    import pandas as pd

    return {
        f"{_PAIR} {name}": pd.Series(groups.pairs(metric), dtype=object)
        for name in names
        if (metric := _summed_up(name))
    }


def _some_few(summary: pd.DataFrame | None) -> bool:
    """Whether some cells have too few seeds to be marked, while others have more."""
    if summary is None:
        return False
    counts = summary["n"][summary["n"] > 0]
    return bool(len(counts) and counts.min() < LEAST_SEEDS <= counts.max())


def _summed_up(name: str) -> str:
    """The metric of which a column holds the medians of cells; empty for another column."""
    metric = name.removesuffix("_median")
    medians = metric in METRICS and metric != name
    return metric if medians or name == "images_per_second" else ""


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Without skipped cells; with ``outcome`` or ranges; speeds only of trials that ran alone."""
    if is_by_cell(frame):
        table = frame[frame["reason"].isna()]
        ranges = {
            f"{metric}_range": _range(table, metric)
            for metric in RANGED
            if f"{metric}_median" in frame.columns
        }
        return with_differences(table.assign(**ranges))
    table = frame[frame["status"] != "skipped"]
    alone = table["exclusive"].fillna(False).astype(bool)
    speeds = {name: table[name].where(alone) for name in ("images_per_second", "step_ms")}
    return with_differences(with_outcome(table.assign(**speeds)))


def failures(results: pd.DataFrame) -> list[Note]:
    """Trials that did not end well, and those that wait to be finished."""
    failed = results[~results["status"].isin(["ok", "skipped", "interrupted"])]
    notes = [
        Note(
            plain(line["status"]), _reason(line["error"], STATUSES[line["status"]]), [line["trial"]]
        )
        for line in failed[["status", "error", "trial"]].to_dict("records")
    ]
    waiting = results.loc[results["status"] == "interrupted", "trial"]
    if len(waiting):
        notes.append(Note("interrupted", STATUSES["interrupted"], [plain(i) for i in waiting]))
    return notes


def skipped(results: pd.DataFrame) -> list[Note]:
    """Why cells were skipped; cells with the same reason share a note."""
    reasons: dict[str, dict[str, None]] = {}
    for line in results[results["status"] == "skipped"].to_dict("records"):
        reason = _reason(line["error"], "no reason given")
        reasons.setdefault(reason, {})[cell_label(line[axis] for axis in AXES)] = None
    return [Note("skipped", reason, list(labels)) for reason, labels in reasons.items()]


def cell_label(specs: Iterable[object]) -> str:
    """The specs of a cell that are not ``none``, as one text."""
    return " × ".join(plain(spec) for spec in specs if _present(spec) and spec != "none")


def _best(table: pd.DataFrame, name: str) -> list[bool]:
    """Which lines hold the best value among those they can be compared with."""
    if (
        not better(name)
        or name.removesuffix("_median") in _UNRIVALLED
        or not is_number(table[name])
        or len(table) < 2
    ):
        return [False] * len(table)
    import pandas as pd

    values = table[name].astype("float64").replace([float("inf"), float("-inf")], float("nan"))
    if "status" in table.columns:
        values = values.where(table["status"] == "ok")
    elif KIND in table.columns:
        may_be = contending(table["n"].to_numpy("int64"), table[KIND].to_numpy("int64"))
        values = values.where(pd.Series(may_be, index=table.index))
    keys = [KIND] if KIND in table.columns else [k for k in COMPARABLE if k in table.columns]
    groups = values.groupby([table[key] for key in keys], dropna=False)
    extreme = groups.transform("min" if better(name) == "lower" else "max")
    contested = groups.transform("nunique") > 1
    return list((values == extreme) & contested)


def _range(table: pd.DataFrame, metric: str) -> pd.Series[str]:
    """Least to greatest value as text, with the decimals of the median."""
    import pandas as pd

    ends = [table[f"{metric}_{end}"] for end in ("min", "max")]
    joined = pd.concat(ends).rename(f"{metric}_median")
    shown = texts(joined)
    ranges = span(shown[: len(table)], shown[len(table) :])
    result = pd.Series(ranges, index=table.index, dtype="string")
    return result.where(ends[0].notna())


def _reason(error: object, otherwise: str) -> str:
    return plain(error) if _present(error) and str(error).strip() else otherwise


def _present(value: object) -> bool:
    import pandas as pd

    return value is not None and value is not pd.NA and value == value
