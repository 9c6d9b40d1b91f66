"""The page's tables: what a reader sees at first, and everything else that its script can show.

A table holds each number twice: as people read it, and exact, for sorting and for CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ganbench.components.column import Column as Described
from ganbench.results.curve_columns import CURVE_ENDS, suffixed
from ganbench.results.formatting import MISSING, is_number, texts
from ganbench.results.primary import primaries
from ganbench.results.schema import AXES
from ganbench.results.selection import DIFFERS, default_columns, in_cells, known_of, twins
from ganbench.results.view import View, ViewColumn, make_view, readable

if TYPE_CHECKING:
    import pandas as pd

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
#: What a person who asks how steadily trials trained wants to see.
_STABILITY = (
    ("seed", "n", "outcome", "verdict", "verdicts"),
    ("d_auc", "d_sat", "g_grad_cv", "d_grad_cv", "fail_images", "failed", "failure_low",
     "failure_high"),
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column of a table.

    :ivar kind: ``text``, ``number``, ``whole`` or ``truth``.
    :ivar texts: as people read them.
    :ivar values: exact; None where there is none.
    :ivar derived: made for reading, and left out of CSV.
    :ivar tones: how each field is coloured; empty if none is.
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
        """What the page's script needs of it; texts that recur are stored once."""
        record: dict[str, Any] = {
            "name": self.name,
            "header": self.header,
            "meaning": self.meaning,
            "kind": self.kind,
            "derived": self.derived,
            "best": [number for number, best in enumerate(self.best) if best],
        }
        if any(self.tones):
            record["tones"] = self.tones
        for key, items in (("texts", self.texts), ("values", self.values)):
            kinds = dict.fromkeys(items)
            if len(kinds) * 3 < len(items):
                codes = {item: code for code, item in enumerate(kinds)}
                record[key] = {"of": [*kinds], "at": [codes[item] for item in items]}
            else:
                record[key] = items
        return record


@dataclass(frozen=True)
class Choice:
    """A list of values to choose a table's rows by."""

    column: str
    label: str
    options: list[str]


@dataclass(frozen=True)
class Table:
    """A table that can be sorted and filtered.

    :ivar defaults: names of the columns that are shown at first.
    :ivar presets: other sets of columns, by name.
    :ivar anchors: for each row, the id of the place in the page that belongs to it, or None.
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
        """How many rows there are."""
        return len(self.anchors)

    def record(self) -> dict[str, Any]:
        """What the page's script needs of it."""
        return {
            "name": self.name,
            "columns": [column.record() for column in self.columns],
            "defaults": self.defaults,
            "presets": self.presets,
            "anchors": self.anchors if any(self.anchors) else [],
        }


def cell_table(view: View, summary: pd.DataFrame) -> Table:
    """One row per cell, those that were skipped last.

    :param view: the readable cells, with all columns.
    :param summary: all cells, see `by_cell`.
    """
    skipped = summary[summary["reason"].notna()]
    return _table("cells", "Cells, summed up over seeds", view, skipped, {})


def trial_table(view: View, results: pd.DataFrame, anchors: Mapping[str, str]) -> Table:
    """One row per trial, those that were skipped last.

    :param view: the readable trials, with all columns.
    :param anchors: ids of places in the page, by trial.
    """
    skipped = results[results["status"] == "skipped"].assign(outcome="skipped")
    exact = results.set_index("trial").loc[view.frame["trial"]]
    names = [name for name in view.frame if name in exact]  # readers see no speed of shared devices
    frame = view.frame.assign(**{str(name): exact[name].array for name in names})
    view = replace(view, frame=frame)
    return _table("trials", "Trials, one line each", view, skipped, anchors)


def whole_view(results: pd.DataFrame, summary: pd.DataFrame | None = None) -> View:
    """The view of all columns that there are.

    :param summary: of the results by cell, for a view of cells.
    """
    frame = readable(results if summary is None else summary)
    return make_view(results, by_cell=summary is not None, columns=[*map(str, frame.columns)])


def tone(outcome: str) -> str:
    """How an outcome is coloured, or several, ``stable 2/3, error 1/3``: good, warn or bad."""
    tones = {_TONES.get(part.split(" ")[0], "bad") for part in outcome.split(", ")}
    return next((t for t in ("good", "bad", "warn") if tones == {t}), "warn")


def _table(
    name: str, caption: str, view: View, skipped: pd.DataFrame, anchors: Mapping[str, str]
) -> Table:
    known, called = known_of(view.frame), twins(view.frame)
    leading = {*called, *called.values()}
    columns = [
        _column(column, known.named(column.name), view.frame, skipped, column.name in leading)
        for column in view.columns
    ]
    names = [column.name for column in columns]
    ids = [*view.frame["trial"], *skipped["trial"]] if "trial" in names else []
    count = len(view.frame) + len(skipped)
    first = default_columns(view.frame) if len(view.frame) else []
    first = [n for n in first if n in names] or [n for n in _LEAST if n in names]
    return Table(
        name=name,
        caption=caption,
        columns=columns,
        defaults=first,
        presets={"Stability": [n for n in _stability(view.frame) if n in names]},
        choices=[*_choices(columns)],
        anchors=[anchors.get(trial) for trial in ids] or [None] * count,
    )


def _stability(frame: pd.DataFrame) -> list[str]:
    """Columns that say how steadily trials trained: how they ended, and their curves."""
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
    """A column of the view with the skipped rows beneath.

    :param leading: whether its intervals stand in its fields, and not in columns of their own.
    """
    here, name = frame[column.name], column.name
    kind = _kind(here)
    rest = len(skipped)
    shown = [
        *_texts(column, about, here, leading),
        *(texts(skipped[name], about) if name in skipped else [MISSING] * rest),
    ]
    if name == "verdicts":  # the reasons are many words, and have a place of their own in the page
        shown[len(here) :] = ["skipped"] * rest
    found = [*here, *(skipped[name] if name in skipped else [None] * rest)]
    return Column(
        name=name,
        header=arrow_joined(column.header),
        meaning=": ".join(filter(None, [about.label, about.meaning])),
        kind=kind,
        texts=shown,
        values=[_value(value, kind) for value in found],
        best=[*column.best, *[False] * rest],
        derived=name in ("outcome", DIFFERS) or name.endswith("_range"),
        tones=[tone(text) for text in shown] if name in _JUDGEMENTS else [],
    )


def _texts(
    column: ViewColumn, about: Described, series: pd.Series[Any], leading: bool
) -> list[str]:
    """Fields as text; intervals stand in columns of their own, but for the first quality."""
    if not column.estimates or leading:
        return column.cells
    pairs = zip(column.estimates, texts(series, about), strict=True)
    return [estimate.bracketed() if estimate.both else text for estimate, text in pairs]


def arrow_joined(text: str) -> str:
    """A header whose arrow stays on the line of its last word."""
    return text.replace(" ↓", "\u00a0↓").replace(" ↑", "\u00a0↑")


def _kind(series: pd.Series[Any]) -> str:
    if is_number(series):
        return "whole" if series.dtype.kind in "iu" else "number"
    return "truth" if series.dtype.kind == "b" else "text"


def _value(value: Any, kind: str) -> Any:
    """An exact value as JSON can hold it; whole numbers beyond its precision as text."""
    import pandas as pd

    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    if kind == "truth":
        return bool(value)
    if kind == "whole":
        return int(value) if abs(int(value)) <= _EXACT_INTEGER else str(int(value))
    return float(value) if kind == "number" else str(value)


def _choices(columns: Sequence[Column]) -> Iterator[Choice]:
    """Components, and what became of trials, where there are several."""
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
