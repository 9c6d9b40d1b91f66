"""The view of a results frame, of trials or of cells: what it shows, and which values it marks."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict, Unpack

import pandas as pd

from ganbench.analysis.baseline import EFFECT, Baseline, against, baseline_columns
from ganbench.analysis.comparability import row_differences
from ganbench.analysis.frame_tools import widened
from ganbench.analysis.groups import Groups, group
from ganbench.analysis.larger_budgets import at_largest_budget
from ganbench.analysis.metrics import RATES, SPEED, ran_alone
from ganbench.analysis.summary import by_cell, outcomes
from ganbench.analysis.tied_with_best import COMPARABLE, comparable, kind_titles, tied_with_best
from ganbench.components.column import Column
from ganbench.present.footnotes import (
    baseline_footnote,
    bold_footnote,
    failures,
    past_footnote,
    skipped,
    table_footnotes,
)
from ganbench.present.numbers import is_number, texts
from ganbench.present.selection import (
    DIFFERS,
    check_columns,
    default_columns,
    first_to_go,
    in_cells,
    in_order,
    is_by_cell,
    known_of,
    primary_columns,
)
from ganbench.present.view import View, ViewColumn, text_column
from ganbench.store.columns import columns_of, titled, worded
from ganbench.store.primary import primaries, suffixed
from ganbench.store.schema import AXES


class TableOptions(TypedDict, total=False):
    """What a table of results shows.

    ``by_cell``: one line per cell in place of one per trial. ``columns``: names of columns; by default
    those that say something. ``sort``: the column to sort by, best first; data set and primary metric
    by default. ``shared_spread``: whether cells are taken to vary alike over seeds, see
    `summary.by_cell`. ``baseline``: what the cells are compared with.
    """

    by_cell: bool
    columns: Sequence[str] | None
    sort: str | None
    shared_spread: bool
    baseline: Baseline | None


def exact(results: pd.DataFrame, **options: Unpack[TableOptions]) -> pd.DataFrame:
    """The frame for CSV, JSON and Parquet: nothing rounded, all columns by default.

    :raises UnknownNameError: for an unknown column.
    """
    table = results
    if options.get("by_cell"):
        groups = group(at_largest_budget(results))
        table = by_cell(groups, shared_spread=options.get("shared_spread", False))
        if (baseline := options.get("baseline")) is not None:
            table = widened(table, against(groups, baseline))
    table = in_order(table, options.get("sort"))
    if not (columns := options.get("columns")):
        return table
    table = with_outcome(table)
    return table[check_columns(table, columns)]


def make_view(
    results: pd.DataFrame, *, paper: bool = False, **options: Unpack[TableOptions]
) -> View:
    """The view of a results frame.

    :param paper: whether it is for a page rather than a terminal.
    :raises UnknownNameError: for an unknown column.
    """
    shared = options.get("shared_spread", False)
    columns, sort = options.get("columns"), options.get("sort")
    every = results
    if options.get("by_cell"):
        results = at_largest_budget(results)
    groups = group(results) if options.get("by_cell") else None
    summary = None if groups is None else by_cell(groups, shared_spread=shared)
    baseline, effects = options.get("baseline"), dict[str, Column]()
    if groups is not None and summary is not None and baseline is not None:
        summary = widened(summary, against(groups, baseline))
        effects = baseline_columns(groups)
    table = readable(results if summary is None else summary)
    names = check_columns(table, columns) if columns else default_columns(table, paper=paper)
    expendable = first_to_go(table, names)
    sort = None if sort is None else check_columns(table, [sort])[0]  # before hidden columns
    if groups is not None and summary is not None and len(table):  # pandas would lengthen it
        table = widened(table, cell_marks(groups, summary, names, shared))
    table = in_order(table, sort)
    leading = set(names) if columns else {*(p := primary_columns(table)), *p.values(), EFFECT}
    known = known_of(table).and_others({**range_columns(table), **effects})
    samples = _samples(results)
    shown = [_column(table, known.named(name), leading, samples) for name in names]
    measured = {in_cells(table, column.name) for column in columns_of(results).measured}
    numbers = [estimate for column in shown for estimate in column.estimates or ()]
    speeds = not columns or SPEED in names
    footnotes = table_footnotes(
        results, summary, names, not measured.isdisjoint(names), numbers, speeds
    )
    footnotes += past_footnote(every, results)
    if baseline is not None:
        footnotes.append(baseline_footnote(effects[EFFECT], baseline.label))
    bold = any(any(column.best) for column in shown if column.estimates)
    marks = bold_footnote(summary) if bold and summary is not None else ""
    return View(table, shown, [*failures(results), *skipped(results)], footnotes, marks, expendable)


def _samples(results: pd.DataFrame) -> str:
    """The number of samples of all trials; empty where they differ in it."""
    if "extractor" not in results.columns:
        return ""
    numbers = results["extractor"].dropna().str.extract(r":(\d+)/", expand=False).dropna().unique()
    return f"{int(numbers[0]):,}" if len(numbers) == 1 else ""


def _column(
    table: pd.DataFrame, column: Column, leading: Collection[str], samples: str
) -> ViewColumn:
    """A column of text.

    :param leading: names of columns that are shown with their intervals.
    :param samples: their number: the title of a distance that it biases names it.
    """
    name = column.name
    stem = name.removesuffix("_median")
    ends = (f"{stem}_low", f"{stem}_high")
    has_ends = is_by_cell(table) and set(ends) <= set(table.columns)
    pairs, tied = table.get(f"{PAIR} {name}"), table.get(f"{TIED} {name}")
    biased = column.floor and column.scale == "log" and "@" not in name  # by the number of samples
    found = text_column(
        table,
        column,
        ends=ends if has_ends else None,
        both=None if pairs is None else pairs.tolist(),
        bracketed=name in leading,
        best=best_trials(table, column) if tied is None else tied.tolist(),
        title=titled(column) + (f", N = {samples}" if samples and biased else ""),
    )
    if not has_ends and name == "failed" and "n" in table.columns:
        cells = [f"{k}/{n}" for k, n in zip(table[name], table["n"], strict=True)]
        return replace(found, cells=cells)
    return found


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without skipped cells, with ``outcome`` or ranges, and speeds of lone trials only."""
    if is_by_cell(frame):
        table = frame[frame["reason"].isna()]
        ranges = {
            f"{column.name}_range": _range(table, column)
            for column in columns_of(frame).measured
            if f"{column.name}_min" in frame.columns
        }
        return _with_differences(table.assign(**ranges))
    table = frame[frame["status"] != "skipped"]
    alone = ran_alone(table)
    speeds = {name: table[name].where(alone) for name in (SPEED, "step_ms")}
    return _with_differences(with_outcome(table.assign(**speeds)))


def with_outcome(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of trials with the column ``outcome``: the verdict, or the status if it is not ok."""
    if is_by_cell(frame) or "outcome" in frame.columns:
        return frame
    return frame.assign(outcome=_with_notes(outcomes(frame), frame))


def _with_notes(words: pd.Series[str], frame: pd.DataFrame) -> pd.Series[str]:
    """The outcomes; ``stable (noise)`` where the samples are no result."""
    if "samples_note" not in frame.columns:
        return words
    kinds = frame["samples_note"].astype("string").str.partition(":")[0]
    return words.where(kinds.isna(), words.astype("string") + " (" + kinds + ")")


def range_columns(frame: pd.DataFrame) -> dict[str, Column]:
    """Descriptions of the columns that `readable` makes from the least and greatest values."""
    return {
        f"{c.name}_range": Column(f"{c.name}_range", "string", c.unit, label=f"{worded(c)}, range")
        for c in columns_of(frame).measured
    }


def _with_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the settings that tell a line from others of equal components, if there are any."""
    differences = row_differences(frame, AXES)
    there = differences != ""
    return frame.assign(**{DIFFERS: differences.where(there)}) if there.any() else frame


def _range(table: pd.DataFrame, column: Column) -> pd.Series[str]:
    """Least to greatest value as text, one number where both are equal: ``12.3 – 14.1``."""
    ends = [table[f"{column.name}_{end}"] for end in ("min", "max")]
    shown = texts(pd.concat(ends), column)
    lines = zip(shown[: len(table)], shown[len(table) :], strict=True)
    ranges = [low if low == high else f"{low} – {high}" for low, high in lines]
    result = pd.Series(ranges, index=table.index, dtype="string")
    return result.where(ends[0].notna())


#: Hidden columns of a table of cells: whether a cell is tied with the best, and the values of two
#: seeds, for each metric; the number of the kind of cells that compare, and the title of that kind.
TIED, PAIR, KIND, TITLE = "_tied", "_pair", "_kind", "_title"


def cell_marks(
    groups: Groups, summary: pd.DataFrame, names: Iterable[str], shared: bool
) -> Mapping[str, pd.Series]:
    """The hidden columns of a table of cells.

    :param names: the columns that the table shows.
    :param shared: whether the cells' spread is taken to be alike.
    """
    metrics = {name: metric for name in names if (metric := _metric(groups, name))}
    uncontested = _uncontested(groups.frame)
    ties = {
        f"{TIED} {name}": pd.Series(tied_with_best(groups, summary, metric, shared=shared))
        for name, metric in metrics.items()
        if metric.better and metric.name not in uncontested
    }
    pairs = {
        f"{PAIR} {name}": pd.Series(groups.pairs(metric.name), dtype=object)
        for name, metric in metrics.items()
    }
    kinds = pd.Series(comparable(groups))
    titles = pd.Series(kind_titles(groups), dtype="string")
    return ties | pairs | {KIND: kinds, TITLE: titles}


def best_trials(table: pd.DataFrame, column: Column) -> list[bool]:
    """Which trials hold the best value among those they compare with; no cell ever does.

    Without a test of seeds, a cell's value is not a claim: see `tied_with_best`.
    """
    name = column.name
    if (
        not column.better
        or name.removesuffix("_median") in _uncontested(table)
        or not is_number(table[name])
        or len(table) < 2
        or is_by_cell(table)
    ):
        return [False] * len(table)
    values = table[name].astype("float64").replace([math.inf, -math.inf], math.nan)
    values = values.where(table["status"] == "ok")
    keys = [key for key in COMPARABLE if key in table.columns]
    groups = values.groupby([table[key] for key in keys], dropna=False)
    extreme = groups.transform("min" if column.better == "lower" else "max")
    contested = groups.transform("nunique") > 1
    return list((values == extreme) & contested)


def _metric(groups: Groups, name: str) -> Column | None:
    """The metric whose medians a column of cells holds; None for another column."""
    metric = groups.columns.get(name.removesuffix("_median"))
    if metric is None or name not in (*RATES, f"{metric.name}_median"):
        return None
    return metric


def _uncontested(frame: pd.DataFrame) -> set[str]:
    """The columns in which most trials reach the best possible value, which wins nothing."""
    return {"d_sat", *(suffixed(name, "drift") for name in primaries(frame))}
