"""Histories as CSV: one line per evaluation tick, numbers written so that they come back exactly.

An empty field is missing; ``nan``, ``inf`` and ``-inf`` are numbers. A column that this version does
not know holds whole numbers, numbers or text: the first that all its fields are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ganbench.components.column import DType
from ganbench.results.files import decode, encode
from ganbench.results.schema import HISTORY_COLUMNS, INT64, coerce

_DTYPES: dict[str, DType] = {column.name: column.dtype for column in HISTORY_COLUMNS}


def dump_history(records: Iterable[Mapping[str, Any]], trial: str) -> str:
    """The text of history.csv: contract columns first, then the union of the others.

    :raises ValueError: for another trial's record.
    :raises TypeError: for a value that does not fit its column.
    """
    lines = [dict(record) for record in records]
    for line in lines:
        if line.setdefault("trial", trial) != trial:
            raise ValueError(f"a record of trial {line['trial']!r} cannot be written to {trial!r}")
    names = list(dict.fromkeys([*_DTYPES, *(name for line in lines for name in line)]))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_field(name, line.get(name)) for name in names] for line in lines)
    return buffer.getvalue()


def load_history(text: str, trial: str) -> list[dict[str, Any]]:
    """The records in history.csv; raises ValueError that says why it is no history of this trial."""
    try:
        names, *lines = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if names[:1] != ["trial"] or len(set(names)) != len(names):
        raise ValueError("its first line does not name the columns")
    for number, line in enumerate(lines, start=1):
        if len(line) != len(names):
            raise ValueError(f"record {number} has {len(line)} fields in place of {len(names)}")
        if line[0] != trial:
            raise ValueError(f"record {number} belongs to trial {line[0]!r}")
    columns = {
        name: _parse(name, [line[position] for line in lines])
        for position, name in enumerate(names)
    }
    missing = dict.fromkeys(_DTYPES)
    return [
        missing | {name: values[number] for name, values in columns.items()}
        for number in range(len(lines))
    ]


def _field(name: str, value: Any) -> str:
    if not isinstance(value, (float, str)):
        value = decode(encode(value))
    if name in _DTYPES:
        try:
            value = coerce(value, _DTYPES[name])
        except TypeError as error:
            raise TypeError(f"column {name}: {error}") from None
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(encode(value))
    return repr(value) if isinstance(value, (int, float)) else str(value)


def _parse(name: str, fields: list[str]) -> list[Any]:
    """The fields of one column as values; raises ValueError for one that does not fit."""
    if name not in _DTYPES:
        return _guess(fields)
    kind: Callable[[str], Any] = {"Int64": int, "float64": float}.get(_DTYPES[name], str)
    try:
        values = [kind(field) if field else None for field in fields]
    except ValueError as error:
        raise ValueError(f"column {name}: {error}") from None
    if kind is int and any(value and not -INT64 <= value < INT64 for value in values):
        raise ValueError(f"column {name}: a whole number has more than 64 bits")
    return values


def _guess(fields: list[str]) -> list[Any]:
    kinds = () if any("_" in field for field in fields) else (int, float)  # 1_0 is no number here
    for kind in kinds:
        try:
            return [kind(field) if field else None for field in fields]
        except ValueError:
            continue
    return [field or None for field in fields]
