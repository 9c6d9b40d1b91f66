"""The meaning of a run's columns, and their names for people.

Metrics and data sets describe the columns that they fill. A run keeps the descriptions in its
``columns.json``, and a frame carries them in its ``attrs``, so that readers need no plugin. The
installed metrics describe what is not described there, as in older runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, get_args

from ganbench.base.errors import UsageError
from ganbench.base.files import dump_json, load_json
from ganbench.components.column import Better, Column, DType, Scale
from ganbench.registry.lookup import Registry, default_registry
from ganbench.store.primary import PRIMARY, curve_columns, derived_columns
from ganbench.store.schema import CORE, HISTORY_COLUMNS

if TYPE_CHECKING:
    import pandas as pd
from ganbench.base.text import plain

#: Version of columns.json; a reader leaves alone what a later version wrote.
COLUMNS_FORMAT = 1

#: What two descriptions of one column must agree in for its numbers to mean the same.
DECIDING = ("better", "scale", "unit")
_ATTRIBUTE = "columns"
_HISTORY = {column.name: column for column in HISTORY_COLUMNS if column.meaning}
_TYPES = {field.name: field.type for field in fields(Column)}
_CHOICES = {"dtype": get_args(DType), "scale": get_args(Scale), "better": (None, *get_args(Better))}


class Columns(dict[str, Column]):
    """Columns by name, in order. It never changes, so that a copy is the object itself."""

    def __init__(self, columns: Iterable[Column] = ()) -> None:
        super().__init__((column.name, column) for column in columns)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.values()))

    def __deepcopy__(self, memo: object) -> Columns:
        return self

    def __repr__(self) -> str:
        return f"Columns({', '.join(self)})"

    def named(self, name: str) -> Column:
        """The column; without a description, a column with a name alone."""
        return self.get(name) or Column(name)

    @functools.cached_property
    def text(self) -> str:
        """As JSON, the content of columns.json."""
        listed = [asdict(column) for column in self.values()]
        return dump_json({"format": COLUMNS_FORMAT, "columns": listed}) + "\n"

    @functools.cached_property
    def whole(self) -> Columns:
        """These and the columns of every run: the core's first, those of histories last."""
        return Columns(CORE.values()).and_others(self).and_others(_HISTORY)

    @functools.cached_property
    def measured(self) -> tuple[Column, ...]:
        """The columns that metrics and data sets fill."""
        return tuple(c for c in self.values() if not _is_core(c.name))

    def and_others(self, others: Mapping[str, Column]) -> Columns:
        """These, and the others that are not among them."""
        return Columns([*self.values(), *(c for name, c in others.items() if name not in self)])


def columns_of(frame: pd.DataFrame) -> Columns:
    """Descriptions of all columns of trials or of histories, those of the core first.

    :param frame: of trials, or made from one; the installed metrics describe a frame without
        descriptions.
    """
    said = frame.attrs.get(_ATTRIBUTE)
    if isinstance(said, str):
        return _parsed(said).whole
    return (said if isinstance(said, Columns) else installed()).whole


def describe_frame(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Let the frame carry the descriptions: as text, which Parquet keeps too."""
    frame.attrs[_ATTRIBUTE] = columns.text
    return frame


def load_columns(text: str | bytes) -> Columns:
    """The content of columns.json; raises ValueError with the problem."""
    content = load_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("columns"), list):
        raise ValueError("it has no list of columns")
    version = content.get("format")
    if type(version) is not int or not 1 <= version <= COLUMNS_FORMAT:
        raise NewerFormatError(
            f"its format is {version!r}, and this version reads up to {COLUMNS_FORMAT}"
        )
    return Columns(map(_column, content["columns"]))


class NewerFormatError(ValueError):
    """Columns of a later version, which must not be overwritten."""


def merged(known: Columns, new: Iterable[Column], where: object) -> Columns:
    """The known and the new columns; a newer label or meaning replaces an older one.

    :param where: the file that holds the known columns, for the message.
    :raises UsageError: for a name of the core, or a name that already means something else.
    """
    found = dict(known)
    for column in new:
        if _is_core(column.name):
            raise UsageError(
                f"column {column.name!r} exists in every run: a metric's column needs another name"
            )
        there = found.get(column.name, column)
        for name in DECIDING:
            before, now = getattr(there, name), getattr(column, name)
            if before != now:
                raise UsageError(
                    f"column {column.name!r} has {name}={now!r}, and in {where} {name}={before!r}: "
                    "numbers of one name must mean the same; rename the column, or run into a new "
                    "folder (-o)"
                )
        found[column.name] = column
    return Columns(found.values())


def installed() -> Columns:
    """The columns of the installed metrics, and those that follow from them."""
    return _declared(default_registry())


@functools.lru_cache(maxsize=1)
def _declared(registry: Registry) -> Columns:
    infos = registry.components("metric").values()
    said = [column for info in infos if not info.error for column in info.cls.columns]
    found: dict[str, Column] = {}
    for column in said:
        if isinstance(column, Column) and column.problem() is None and not _is_core(column.name):
            found.setdefault(column.name, column)
    for column in list(found.values()):
        curve = curve_columns(column) if column.name == PRIMARY else ()
        for derived in (*curve, *derived_columns(column)):
            found.setdefault(derived.name, derived)
    return Columns(found.values())


@functools.lru_cache(maxsize=32)
def _parsed(text: str) -> Columns:
    try:
        return load_columns(text)
    except ValueError:  # a frame from elsewhere
        return installed()


def _is_core(name: str) -> bool:
    return name in CORE or name in _HISTORY


def _column(record: object) -> Column:
    """A column from its record, without fields that a later version may add."""
    if not isinstance(record, dict):
        raise ValueError(f"a column is an object, not {record!r}")
    kept = {name: value for name, value in record.items() if name in _TYPES}
    for name, value in kept.items():
        right = isinstance(value, bool if _TYPES[name] == "bool" else str)
        if not (value in _CHOICES[name] if name in _CHOICES else right):
            raise ValueError(f"column {record.get('name')!r} has {name}={json.dumps(value)}")
    if not str(kept.get("name", "")).isprintable() or not kept.get("name"):
        raise ValueError(f"a column has the name {kept.get('name')!r}")
    return Column(**kept)


ARROWS = {"lower": "↓", "higher": "↑"}


def header(column: Column) -> str:
    """A column's name with an arrow for the better direction."""
    return with_arrow(plain(column.name).replace("_", " "), column)


def worded(column: Column) -> str:
    """A column in words, followed by what its name has after an ``@``: features, or weights."""
    name, _, origin = plain(column.name).partition("@")
    words = plain(column.label) or name.replace("_", " ")
    named = (origin.rpartition("_")[0] or origin) in words  # a name may end in that of a statistic
    return words if named else f"{words} on {origin}"


def titled(column: Column) -> str:
    """A column in words, with its unit unless the words name it."""
    words, unit = worded(column), plain(column.unit)
    return words if not unit or unit.split("/")[0] in words.split() else f"{words} ({unit})"


def with_arrow(title: str, column: Column) -> str:
    """A title with the arrow of the better direction."""
    return f"{title} {arrow(column)}".rstrip()


def arrow(column: Column) -> str:
    """The sign of the better direction; empty without one."""
    return ARROWS.get(column.better or "", "")
