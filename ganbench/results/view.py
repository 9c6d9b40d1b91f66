"""A table as people read it: chosen columns as text, the best values marked, reasons beneath.

Terminal, Markdown, LaTeX and HTML draw the same view.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ganbench.components.column import Column
from ganbench.results.captions import (
    feature_captions,
    interval_captions,
    measurement_captions,
    protocol_captions,
    speed_captions,
)
from ganbench.results.columns import columns_of
from ganbench.results.curve_columns import drift_of
from ganbench.results.estimates import Estimate, estimates, floats
from ganbench.results.formatting import arrow, header, is_number, plain, span, texts, titled, worded
from ganbench.results.groups import Groups, group
from ganbench.results.metrics import SPEED, UPDATES
from ganbench.results.origins import origin_captions
from ganbench.results.primary import primaries
from ganbench.results.rivals import COMPARABLE, MEANING, comparable, kind_titles, rivals
from ganbench.results.schema import AXES, STATUSES
from ganbench.results.selection import (
    check_columns,
    default_columns,
    first_to_go,
    in_cells,
    in_order,
    is_by_cell,
    known_of,
    twins,
    with_differences,
    with_outcome,
)
from ganbench.results.statistics.intervals import LEAST_SEEDS, LEVEL
from ganbench.results.summary import summarize
from ganbench.results.training_counts import count_captions
from ganbench.results.verdicts import unseen_text
from ganbench.results.widening import widened

if TYPE_CHECKING:
    import pandas as pd

#: Hidden columns: those whose names begin so (whether it is among the best, and the values of two
#: seeds), what can be compared with what, and what that is called.
_RIVAL, _PAIR, KIND, TITLE = "_rival", "_pair", "_kind", "_title"


@dataclass(frozen=True)
class ViewColumn:
    """One column of text.

    :ivar header: its name, with an arrow that says which direction is better.
    :ivar best: for each line, whether it is the best of its data set, or as good as the best.
    :ivar title: what it is called on paper, in words with the unit and the arrow; the header if empty.
    :ivar estimates: for each line, the number and its interval, for formats that set both; None
        where the column has no intervals.
    """

    name: str
    header: str
    numeric: bool
    cells: list[str]
    best: list[bool]
    title: str = ""
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
    :ivar expendable: the columns that a narrow table does without, the first to go first.
    """

    frame: pd.DataFrame
    columns: list[ViewColumn]
    notes: list[Note]
    captions: list[str]
    marks: str = ""
    expendable: Sequence[str] = ()

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
    shared_spread: bool = False,
) -> View:
    """The view of a results frame.

    :param columns: names of columns; those that say something by default.
    :param sort: the column to sort by, best first; data set and primary metric by default.
    :param paper: whether it is for a page rather than a terminal.
    :param shared_spread: whether cells are taken to vary alike over seeds, see `summary.by_cell`.
    :raises UnknownNameError: for a column that does not exist.
    """
    import pandas as pd

    groups = group(results) if by_cell else None
    summary = None if groups is None else summarize(groups, shared_spread=shared_spread)
    table = readable(results if summary is None else summary)
    names = check_columns(table, columns) if columns else default_columns(table, paper=paper)
    expendable = first_to_go(table, names)
    sort = None if sort is None else check_columns(table, [sort])[0]  # before hidden columns
    if groups is not None and summary is not None and len(table):  # pandas would lengthen it
        kinds = {
            KIND: pd.Series(comparable(groups)),
            TITLE: pd.Series(kind_titles(groups), dtype="string"),
        }
        hidden = _rivals(groups, summary, names, shared_spread)
        table = widened(table, hidden | _pairs(groups, names) | kinds)
    table = in_order(table, sort)
    leading = set(names) if columns else {*twins(table), *twins(table).values()}
    known = known_of(table).and_others(_ranges(table))
    number = _samples(results)
    shown = [_column(table, known.named(name), leading, number) for name in names]
    measured = {in_cells(table, column.name) for column in columns_of(results).measured}
    captions = feature_captions(results) if not measured.isdisjoint(names) else []
    captions += [*protocol_captions(results), *measurement_captions(results)]
    if summary is not None:
        estimates_ = [estimate for column in shown for estimate in column.estimates or ()]
        captions += interval_captions(
            summary, any(e.low for e in estimates_), any(e.both for e in estimates_)
        )
        captions += speed_captions(results) if "images_per_second" in names else []
        captions += count_captions(results)
    captions += origin_captions(results)
    bold = any(any(column.best) for column in shown if column.estimates)
    marks = _meaning(summary) if bold and summary is not None else ""
    notes = [*failures(results), *skipped(results)]
    return View(table, shown, notes, captions, marks, expendable)


def _samples(results: pd.DataFrame) -> str:
    """How many samples all trials were measured with; empty where they differ in it."""
    if "extractor" not in results.columns:
        return ""
    numbers = results["extractor"].dropna().str.extract(r":(\d+)/", expand=False).dropna().unique()
    return f"{int(numbers[0]):,}" if len(numbers) == 1 else ""


def _column(
    table: pd.DataFrame, column: Column, leading: Collection[str], samples: str = ""
) -> ViewColumn:
    """A column of text.

    :param leading: names of columns that are shown with their intervals.
    :param samples: how many there were: a distance that is biased by their number names it.
    """
    name = column.name
    series = table[name]
    stem = name.removesuffix("_median")
    ends = [f"{stem}_low", f"{stem}_high"]
    found, cells = None, texts(series, column)
    if is_by_cell(table) and all(end in table.columns for end in ends):
        numbers = (floats(series), floats(table[ends[0]]), floats(table[ends[1]]))
        pairs = table.get(f"{_PAIR} {name}")
        found = estimates(column, *numbers, None if pairs is None else pairs.tolist())
        cells = [
            estimate.bracketed() if name in leading or estimate.both else cell
            for estimate, cell in zip(found, cells, strict=True)
        ]
    elif name == "failed" and "n" in table.columns:
        cells = [f"{k}/{n}" for k, n in zip(series, table["n"], strict=True)]
    hidden = f"{_RIVAL} {name}"
    best = table[hidden].tolist() if hidden in table.columns else _best(table, column)
    told = f", N = {samples}" if samples and _biased(column) else ""
    title = f"{titled(column)}{told} {arrow(column)}".rstrip()
    return ViewColumn(name, header(column), is_number(series), cells, best, title, found)


def _biased(column: Column) -> bool:
    """Whether a distance depends on the number of samples; one with a further mark has its own."""
    return column.floor and column.scale == "log" and "@" not in column.name


def _rivals(
    groups: Groups, summary: pd.DataFrame, names: Iterable[str], shared: bool
) -> dict[str, pd.Series[bool]]:
    """For each metric, whether a cell is the best or cannot be told from it, as hidden columns."""
    import pandas as pd

    unrivalled = _unrivalled(groups.frame)
    return {
        f"{_RIVAL} {name}": pd.Series(rivals(groups, summary, metric, shared=shared))
        for name in names
        if (metric := _summed_up(groups, name)) and metric.better and metric.name not in unrivalled
    }


def _pairs(groups: Groups, names: Iterable[str]) -> dict[str, pd.Series[Any]]:
    """For each metric, the values of the cells that have two, as hidden columns."""
    import pandas as pd

    return {
        f"{_PAIR} {name}": pd.Series(groups.pairs(metric.name), dtype=object)
        for name in names
        if (metric := _summed_up(groups, name))
    }


def _meaning(summary: pd.DataFrame) -> str:
    """What bold means, where some cells have too few seeds for it, and what seeds cannot see."""
    counts = summary["n"][summary["n"] > 0]
    few = counts.min() < LEAST_SEEDS
    told = f"; cells of fewer than {LEAST_SEEDS} seeds are never bold" if few else ""
    least = int(counts[counts >= LEAST_SEEDS].min())
    return MEANING.format(level=100 * LEVEL, few=told, unseen=unseen_text(least, LEVEL))


def _summed_up(groups: Groups, name: str) -> Column | None:
    """The metric whose medians a column of cells holds; None for another column."""
    metric = groups.columns.get(name.removesuffix("_median"))
    if metric is None or name not in (SPEED, UPDATES, f"{metric.name}_median"):
        return None
    return metric


def _unrivalled(frame: pd.DataFrame) -> set[str]:
    """The columns in which most trials are as good as can be: being so wins nothing."""
    return {"d_sat", *map(drift_of, primaries(frame))}


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Without skipped cells; with ``outcome`` or ranges; speeds only of trials that ran alone."""
    if is_by_cell(frame):
        table = frame[frame["reason"].isna()]
        ranges = {
            f"{column.name}_range": _range(table, column)
            for column in columns_of(frame).measured
            if f"{column.name}_min" in frame.columns
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


def _best(table: pd.DataFrame, column: Column) -> list[bool]:
    """Which trials hold the best value among those they can be compared with."""
    name = column.name
    if (
        not column.better
        or name.removesuffix("_median") in _unrivalled(table)
        or not is_number(table[name])
        or len(table) < 2
        or is_by_cell(table)  # what has no test of seeds is no claim: see `rivals`
    ):
        return [False] * len(table)

    values = table[name].astype("float64").replace([float("inf"), float("-inf")], float("nan"))
    values = values.where(table["status"] == "ok")
    keys = [key for key in COMPARABLE if key in table.columns]
    groups = values.groupby([table[key] for key in keys], dropna=False)
    extreme = groups.transform("min" if column.better == "lower" else "max")
    contested = groups.transform("nunique") > 1
    return list((values == extreme) & contested)


def _ranges(frame: pd.DataFrame) -> dict[str, Column]:
    """The columns that `readable` makes of the least and the greatest values of metrics."""
    return {
        f"{c.name}_range": Column(f"{c.name}_range", "string", c.unit, label=f"{worded(c)}, range")
        for c in columns_of(frame).measured
    }


def _range(table: pd.DataFrame, column: Column) -> pd.Series[str]:
    """Least to greatest value as text, with the decimals of the median."""
    import pandas as pd

    ends = [table[f"{column.name}_{end}"] for end in ("min", "max")]
    shown = texts(pd.concat(ends), column)
    ranges = span(shown[: len(table)], shown[len(table) :])
    result = pd.Series(ranges, index=table.index, dtype="string")
    return result.where(ends[0].notna())


def _reason(error: object, otherwise: str) -> str:
    return plain(error) if _present(error) and str(error).strip() else otherwise


def _present(value: object) -> bool:
    import pandas as pd

    return value is not None and value is not pd.NA and value == value
