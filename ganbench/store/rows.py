"""Rows and histories as text: what row.json and history.csv hold, checked on the way in and out.

A history has one line per evaluation tick. An empty field is missing; ``nan``, ``inf`` and ``-inf``
are numbers. An unknown column holds whole numbers, numbers or text: the first kind that all its
fields are.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ganbench.base.files import decode, dump_json, encode, load_json
from ganbench.components.column import DType
from ganbench.store.schema import (
    EXTRA_COLUMNS,
    HISTORY_COLUMNS,
    INT64,
    ROW_COLUMNS,
    ROW_FORMAT,
    STATUSES,
    fit,
    python_value,
)

_EMPTY: dict[str, Any] = dict.fromkeys(column.name for column in ROW_COLUMNS)
_TYPED = {known.name: known.dtype for known in (*ROW_COLUMNS, *EXTRA_COLUMNS)}
_NUMBERS = [name for name, dtype in _TYPED.items() if dtype == "Int64"]
_MOST_KINDS = 1000

#: Names and types of the values of rows that are right as they stand.
_sound: set[tuple[tuple[str, ...], tuple[type, ...]]] = set()


def dump_row(row: Mapping[str, Any], trial: str) -> str:
    """The text of row.json: every contract column in order, then the others as given.

    :raises ValueError: for another trial's row, or an unknown status.
    :raises TypeError: for a value that does not fit its column.
    """
    if row.get("trial", trial) != trial:
        raise ValueError(f"a row of trial {row['trial']!r} cannot be written to {trial!r}")
    if row.get("status") not in STATUSES:
        raise ValueError(f"{row.get('status')!r} is not a status; known: {', '.join(STATUSES)}")
    full = _EMPTY | dict(row) | {"trial": trial}
    fitted = {name: fit(name, python_value(value), _TYPED) for name, value in full.items()}
    return dump_json({"row_format": ROW_FORMAT, **fitted}) + "\n"


def load_row(text: bytes, trial: str) -> dict[str, Any]:
    """The row in row.json; raises ValueError, with the reason, if it is not a row of this trial."""
    content = load_json(text)
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    version = content.pop("row_format", None)
    if type(version) is not int or not 1 <= version <= ROW_FORMAT:
        raise ValueError(f"its format is {version!r}, and this version reads up to {ROW_FORMAT}")
    if content.get("trial") != trial:
        raise ValueError(f"it belongs to trial {content.get('trial')!r}")
    status = content.get("status")
    if not isinstance(status, str) or status not in STATUSES:
        raise ValueError(f"its status is {status!r}")
    kinds = tuple(content), tuple(map(type, content.values()))
    if kinds in _sound:  # nearly all rows of a folder look alike, and of thousands each look counts
        row = content
    else:
        row = _fitted(content)
        unchanged = kinds == (tuple(row), tuple(map(type, row.values())))
        if unchanged and len(_sound) < _MOST_KINDS and not any(map(_may_be_coded, *kinds)):
            _sound.add(kinds)
    numbers = [*filter(None, map(row.get, _NUMBERS))]
    if numbers and not -INT64 <= min(numbers) <= max(numbers) < INT64:
        raise ValueError("a whole number has more than 64 bits")
    return row


def _may_be_coded(name: str, kind: type) -> bool:
    """Whether a value of this type may hold words for numbers, so that the type says too little."""
    return name not in _TYPED and kind in (str, list, dict)


def _fitted(content: Mapping[str, Any]) -> dict[str, Any]:
    """The values as their columns hold them; raises ValueError for a value that does not fit."""
    row = _EMPTY | dict(content)
    try:
        return {name: fit(name, _decoded(name, value), _TYPED) for name, value in row.items()}
    except TypeError as error:
        raise ValueError(str(error)) from None


def _decoded(name: str, value: Any) -> Any:
    return value if _TYPED.get(name) == "string" else decode(value)


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
    """The records in history.csv; raises ValueError, with the reason, if they are not this trial's."""
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
    value = fit(name, python_value(value), _DTYPES)
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(encode(value))
    return repr(value) if isinstance(value, (int, float)) else str(value)


def _parse(name: str, fields: list[str]) -> list[Any]:
    """The fields of one column as values; raises ValueError for a field that does not fit."""
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
    kinds = (
        () if any("_" in field for field in fields) else (int, float)
    )  # 1_0 is not a number here
    for kind in kinds:
        try:
            return [kind(field) if field else None for field in fields]
        except ValueError:
            continue
    return [field or None for field in fields]
