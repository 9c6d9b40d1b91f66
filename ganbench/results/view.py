"""A table as people read it: chosen columns as text, the best values marked, reasons beneath.

Terminal, Markdown, LaTeX and HTML draw the same view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ganbench.results.formatting import better, header, is_number, plain, span, texts
from ganbench.results.schema import AXES, STATUSES
from ganbench.results.selection import (
    check_columns,
    default_columns,
    in_order,
    is_by_cell,
    with_outcome,
)
from ganbench.results.summary import RANGED
from ganbench.results.summary import by_cell as summarize

if TYPE_CHECKING:
    import pandas as pd

#: What must be equal for numbers to be compared.
_COMPARABLE = ("dataset", "extractor", "budget", "protocol")


#: Where most are as good as can be, and being so wins nothing.
_UNRIVALLED = ("fd_drift", "d_sat")


@dataclass(frozen=True)
class ViewColumn:
    """One column of text.

    :ivar best: for each line, whether it is the best of its data set.
    """

    name: str
    header: str
    numeric: bool
    cells: list[str]
    best: list[bool]

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
    """

    frame: pd.DataFrame
    columns: list[ViewColumn]
    notes: list[Note]
    captions: list[str]

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
) -> View:
    """The view of a results frame.

    :param columns: names of columns; those that say something by default.
    :param sort: the column to sort by, best first; data set and Fréchet distance by default.
    :raises UnknownNameError: for a column that does not exist.
    """
    table = readable(summarize(results) if by_cell else results)
    table = in_order(table, sort)
    names = check_columns(table, columns) if columns else default_columns(table)
    shown = [
        ViewColumn(
            name, header(name), is_number(table[name]), texts(table[name]), _best(table, name)
        )
        for name in names
    ]
    captions = _captions(results) if any("fd" in name for name in names) else []
    return View(table, shown, [*failures(results), *skipped(results)], captions)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Without skipped cells; with ``outcome`` or ranges; speeds only of trials that ran alone."""
    if is_by_cell(frame):
        table = frame[frame["reason"].isna()]
        ranges = {
            f"{metric}_range": _range(table, metric)
            for metric in RANGED
            if f"{metric}_median" in frame.columns
        }
        return table.assign(**ranges)
    table = frame[frame["status"] != "skipped"]
    alone = table["exclusive"].fillna(False).astype(bool)
    speeds = {name: table[name].where(alone) for name in ("images_per_second", "step_ms")}
    return with_outcome(table.assign(**speeds))


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
    if not better(name) or name in _UNRIVALLED or not is_number(table[name]) or len(table) < 2:
        return [False] * len(table)
    values = table[name].astype("float64").replace([float("inf"), float("-inf")], float("nan"))
    if "status" in table.columns:
        values = values.where(table["status"] == "ok")
    groups = values.groupby(
        [table[key] for key in _COMPARABLE if key in table.columns], dropna=False
    )
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


def _captions(results: pd.DataFrame) -> list[str]:
    """Which features the Fréchet distances are of, by data set."""
    pairs = results.loc[results["extractor"].notna(), ["dataset", "extractor"]].drop_duplicates()
    by_features: dict[str, list[str]] = {}
    for dataset, extractor in pairs.itertuples(index=False):
        by_features.setdefault(plain(extractor), []).append(plain(dataset))
    return [f"{', '.join(names)}: metrics on {found}" for found, names in by_features.items()]


def _reason(error: object, otherwise: str) -> str:
    return plain(error) if _present(error) and str(error).strip() else otherwise


def _present(value: object) -> bool:
    import pandas as pd

    return value is not None and value is not pd.NA and value == value
