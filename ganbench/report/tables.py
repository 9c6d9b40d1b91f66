"""The page's tables: the columns that a reader sees at first, and those that its script can show.

A table holds each number twice: as text for readers, and exact, for sorting and for CSV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from ganbench.components.column import Column as Described
from ganbench.present.numbers import MISSING, is_number, texts
from ganbench.present.results_view import make_view, readable
from ganbench.present.selection import DIFFERS, default_columns, in_cells, known_of, primary_columns
from ganbench.present.view import View, ViewColumn
from ganbench.store.primary import CURVE_ENDS, primaries, suffixed
from ganbench.store.schema import AXES

_TONES = {
    "ok": "good",
    "stable": "good",
    "collapsed": "warn",
    "degraded": "warn",
    "never-learned": "warn",
    "interrupted": "warn",
    "skipped": "warn",
}
_JUDGEMENTS = ("outcome", "verdict", "verdicts", "status")
_LEAST = (*AXES[:3], "seed", "outcome", "verdicts")
_EXACT_INTEGER = 2**53
#: The columns about steady training, before and behind those of the curves.
_STABILITY = (
    ("seed", "n", "outcome", "verdict", "verdicts"),
    ("d_auc", "d_sat", "g_grad_cv", "d_grad_cv", "fail_images", "failed", "failure_low",
     "failure_high"),
)  # fmt: skip


class Column(NamedTuple):
    """One column of a table.

    :ivar kind: ``text``, ``number``, ``whole`` or ``truth``.
    :ivar values: exact; None for a missing value.
    :ivar derived: whether it is for readers only, and left out of CSV.
    :ivar tones: the tone of each field, which decides its color; empty for a column without tones.
    """

    name: str
    header: str
    meaning: str
    kind: str
    texts: list[str]
    values: list[Any]
    best: list[bool]
    derived: bool
    tones: list[str]

    @property
    def numeric(self) -> bool:
        """Whether it sorts as numbers do."""
        return self.kind in ("number", "whole")

    def record(self) -> dict[str, Any]:
        """What the page's script needs."""
        return self._asdict() | {
            "texts": _packed(self.texts),
            "values": _packed(self.values),
            "best": [number for number, best in enumerate(self.best) if best],
            "tones": self.tones or None,
        }


class Choice(NamedTuple):
    """A list of values that narrow a table down."""

    column: str
    label: str
    options: list[str]


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and filtered.

    :ivar defaults: names of the columns that are shown at first.
    :ivar presets: other sets of columns, by name.
    :ivar anchors: for each row the id of its place in the page, or None.
    """

    name: str
    caption: str
    columns: list[Column]
    defaults: list[str]
    presets: dict[str, list[str]]
    choices: list[Choice]
    anchors: list[str | None]

    @property
    def shown(self) -> list[Column]:
        """The columns that are shown at first."""
        by_name = {column.name: column for column in self.columns}
        return [by_name[name] for name in self.defaults]

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.anchors)

    def record(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {
            "name": self.name,
            "columns": [column.record() for column in self.columns],
            "defaults": self.defaults,
            "presets": self.presets,
            "anchors": self.anchors,
        }


def cell_table(view: View, summary: pd.DataFrame) -> Table:
    """One row per cell of a `whole_view`; skipped cells, from ``summary``, come last."""
    skipped = summary[summary["reason"].notna()]
    return _table("cells", "Cells, summed up over seeds", view, skipped, {})


def trial_table(view: View, results: pd.DataFrame, anchors: Mapping[str, str]) -> Table:
    """One row per trial of a `whole_view`; skipped trials come last.

    :param anchors: ids of places in the page, by trial.
    """
    skipped = results[results["status"] == "skipped"].assign(outcome="skipped")
    exact = results.set_index("trial").loc[view.frame["trial"]]
    # The view hides speeds of shared devices, and the exact values have them.
    names = [name for name in view.frame if name in exact]
    frame = view.frame.assign(**{str(name): exact[name].array for name in names})
    return _table("trials", "Trials, one line each", replace(view, frame=frame), skipped, anchors)


def whole_view(results: pd.DataFrame, summary: pd.DataFrame | None = None) -> View:
    """The view of all columns.

    :param summary: of the results by cell, for a view of cells.
    """
    frame = readable(results if summary is None else summary)
    return make_view(results, by_cell=summary is not None, columns=[*map(str, frame.columns)])


def tone(outcome: str) -> str:
    """The tone of one outcome or of several, ``stable 2/3, error 1/3``: good, warn or bad."""
    tones = {_TONES.get(part.split(" ")[0], "bad") for part in outcome.split(", ")}
    return next((t for t in ("good", "bad", "warn") if tones == {t}), "warn")


def _table(
    name: str, caption: str, view: View, skipped: pd.DataFrame, anchors: Mapping[str, str]
) -> Table:
    known, called = known_of(view.frame), primary_columns(view.frame)
    leading = {*called, *called.values()}
    columns = [
        _column(column, known.named(column.name), view.frame, skipped, column.name in leading)
        for column in view.columns
    ]
    names = [column.name for column in columns]
    ids = [*view.frame["trial"], *skipped["trial"]] if "trial" in names else []
    first = default_columns(view.frame) if len(view.frame) else []
    first = [n for n in first if n in names] or [n for n in _LEAST if n in names]
    return Table(
        name=name,
        caption=caption,
        columns=columns,
        defaults=first,
        presets={"Stability": [n for n in _stability(view.frame) if n in names]},
        choices=[*_choices(columns)],
        anchors=[anchors.get(trial) for trial in ids] or [None] * (len(view.frame) + len(skipped)),
    )


def _packed(items: list[Any]) -> list[Any] | dict[str, list[Any]]:
    """The items, with those that recur stored once."""
    kinds = {item: code for code, item in enumerate(dict.fromkeys(items))}
    if len(kinds) * 3 >= len(items):
        return items
    return {"of": [*kinds], "at": [kinds[item] for item in items]}


def _stability(frame: pd.DataFrame) -> list[str]:
    """Columns about steady training: how trials ended, and their curves."""
    of_curve = [
        in_cells(frame, suffixed(primary, end) if end else primary)
        for primary in primaries(frame)
        for end in ("", *CURVE_ENDS)
    ]
    before, behind = _STABILITY
    return [*AXES[:3], *before, *of_curve, *behind]


def _column(
    column: ViewColumn,
    about: Described,
    frame: pd.DataFrame,
    skipped: pd.DataFrame,
    leading: bool,
) -> Column:
    """A column of the view with the skipped rows below.

    :param leading: whether its fields show intervals, which have columns of their own otherwise.
    """
    here, name, shown = frame[column.name], column.name, column.cells
    kind, rest = _kind(here), len(skipped)
    if column.estimates and not leading:
        pairs = zip(column.estimates, texts(here, about), strict=True)
        shown = [estimate.bracketed() if estimate.both else text for estimate, text in pairs]
    below, values = [MISSING] * rest, [None] * rest
    if name in skipped:
        below, values = texts(skipped[name], about), [*skipped[name]]
    if name == "verdicts":  # the page has the long reasons elsewhere
        below = ["skipped"] * rest
    shown = [*shown, *below]
    return Column(
        name=name,
        header=re.sub(" (?=[↓↑])", "\u00a0", column.header),  # the arrow stays with its word
        meaning=": ".join(filter(None, [about.label, about.meaning])),
        kind=kind,
        texts=shown,
        values=[_value(value, kind) for value in (*here, *values)],
        best=[*column.best, *[False] * rest],
        derived=name in ("outcome", DIFFERS) or name.endswith("_range"),
        tones=[tone(text) for text in shown] if name in _JUDGEMENTS else [],
    )


def _kind(series: pd.Series[Any]) -> str:
    if is_number(series):
        return "whole" if series.dtype.kind in "iu" else "number"
    return "truth" if series.dtype.kind == "b" else "text"


def _value(value: Any, kind: str) -> Any:
    """An exact value as JSON can hold it; whole numbers beyond its precision as text."""
    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    if kind == "truth":
        return bool(value)
    if kind == "whole":
        return int(value) if abs(int(value)) <= _EXACT_INTEGER else str(int(value))
    return float(value) if kind == "number" else str(value)


def _choices(columns: Sequence[Column]) -> Iterator[Choice]:
    """Components and outcomes of trials, if there are several."""
    for column in columns:
        if column.name in AXES:
            options = dict.fromkeys(text for text in column.texts if text != MISSING)
        elif column.name in ("outcome", "verdicts"):
            parts = (part for text in column.texts for part in text.split(", "))
            options = dict.fromkeys(part.split(" ")[0] for part in parts if part != MISSING)
        else:
            continue
        if len(options) > 1:
            name = "outcome" if column.name == "verdicts" else column.name
            yield Choice(column.name, name, sorted(options))
