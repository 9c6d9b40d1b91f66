"""What the columns of a run mean, by what the run says of itself.

Metrics and data sets describe the columns that they fill. A run keeps the descriptions in its
``columns.json``, and a frame carries them in its ``attrs``, so that whoever reads it needs no plugin.
What is not described there, as in older runs, is what the installed metrics say.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, get_args

from ganbench.components.column import Better, Column, DType, Scale
from ganbench.errors import UsageError
from ganbench.results.curve_columns import curve_columns, derived_columns
from ganbench.results.files import dump_json, load_json
from ganbench.results.primary import PRIMARY
from ganbench.results.schema import CORE, HISTORY_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from ganbench.registry.lookup import Registry

#: Version of columns.json; a reader leaves alone what a later version wrote.
COLUMNS_FORMAT = 1

#: What two descriptions of one column must agree in, for its numbers to mean the same.
DECIDING = ("better", "scale", "unit")
_ATTRIBUTE = "columns"
_HISTORY = {column.name: column for column in HISTORY_COLUMNS if column.meaning}
_TYPES = {field.name: field.type for field in fields(Column)}
_CHOICES = {"dtype": get_args(DType), "scale": get_args(Scale), "better": (None, *get_args(Better))}


class Columns(Mapping[str, Column]):
    """Columns by name, in order. It never changes, and so a copy is the thing itself."""

    def __init__(self, columns: Iterable[Column] = ()) -> None:
        self._columns = {column.name: column for column in columns}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __hash__(self) -> int:
        return hash(tuple(self._columns.values()))

    def __deepcopy__(self, memo: object) -> Columns:
        return self

    def __repr__(self) -> str:
        return f"Columns({', '.join(self)})"

    def named(self, name: str) -> Column:
        """The column; without a description, a column that has a name and nothing else."""
        return self.get(name) or Column(name)

    @functools.cached_property
    def text(self) -> str:
        """As JSON, the content of columns.json."""
        listed = [asdict(column) for column in self.values()]
        return dump_json({"format": COLUMNS_FORMAT, "columns": listed}) + "\n"

    @functools.cached_property
    def whole(self) -> Columns:
        """With the columns that every run has: the core's first, those of histories last."""
        return Columns(CORE.values()).and_others(self).and_others(_HISTORY)

    @functools.cached_property
    def measured(self) -> tuple[Column, ...]:
        """Those that metrics and data sets fill."""
        return tuple(c for c in self.values() if not _is_core(c.name))

    def and_others(self, others: Mapping[str, Column]) -> Columns:
        """These, and of the others those that are not among them."""
        return Columns([*self.values(), *(c for name, c in others.items() if name not in self)])


def columns_of(frame: pd.DataFrame) -> Columns:
    """All that is known of the columns of trials or of histories, those of the core first.

    :param frame: of trials, or any that was made of one; without descriptions of its own it has those
        of what is installed.
    """
    said = frame.attrs.get(_ATTRIBUTE)
    if isinstance(said, str):
        return _parsed(said).whole
    return (said if isinstance(said, Columns) else installed()).whole


def describe_frame(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The frame, which carries the descriptions from now on: as text, which Parquet keeps too."""
    frame.attrs[_ATTRIBUTE] = columns.text
    return frame


def load_columns(text: str | bytes) -> Columns:
    """The content of columns.json; raises ValueError that says what is wrong with it."""
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
    """The known columns with new ones; a newer label or meaning replaces an older one.

    :param where: the file that the known ones are from, for the message.
    :raises UsageError: for a name of the core, or one that means something else already.
    """
    found = dict(known)
    for column in new:
        if _is_core(column.name):
            raise UsageError(
                f"column {column.name!r} is one that every run has: a metric's needs another name"
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
    """What the metrics say that are installed here, with what follows from it."""
    from ganbench.registry.lookup import default_registry

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
    """A column from its record; what a later version may add is left out."""
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
