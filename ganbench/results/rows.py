"""Rows as text: what row.json holds, and the checks on the way in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.results.files import decode, dump_json, encode, load_json
from ganbench.results.schema import (
    EXTRA_COLUMNS,
    INT64,
    ROW_COLUMNS,
    ROW_FORMAT,
    STATUSES,
    coerce,
)

_EMPTY: dict[str, Any] = dict.fromkeys(column.name for column in ROW_COLUMNS)
_TYPED = {known.name: known.dtype for known in (*ROW_COLUMNS, *EXTRA_COLUMNS)}
_NUMBERS = [name for name, dtype in _TYPED.items() if dtype == "Int64"]
_MOST_KINDS = 1000

#: Names and types of the values of rows that are right as they stand.
_sound: set[tuple[tuple[str, ...], tuple[type, ...]]] = set()


def dump_row(row: Mapping[str, Any], trial: str) -> str:
    """The text of row.json: every contract column in order, then the others as given.

    :raises ValueError: for another trial's row, or a status that does not exist.
    :raises TypeError: for a value that does not fit its column.
    """
    if row.get("trial", trial) != trial:
        raise ValueError(f"a row of trial {row['trial']!r} cannot be written to {trial!r}")
    if row.get("status") not in STATUSES:
        raise ValueError(f"{row.get('status')!r} is no status; known: {', '.join(STATUSES)}")
    full = _EMPTY | dict(row) | {"trial": trial}
    fitted = {name: _fit(name, _plain(value)) for name, value in full.items()}
    return dump_json({"row_format": ROW_FORMAT, **fitted}) + "\n"


def load_row(text: bytes, trial: str) -> dict[str, Any]:
    """The row in row.json; raises ValueError that says why it is not a row of this trial."""
    content = load_json(text)
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
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
    """Whether a value of this type may hold words for numbers, and so depends on more than that."""
    return name not in _TYPED and kind in (str, list, dict)


def _fitted(content: Mapping[str, Any]) -> dict[str, Any]:
    """The values as their columns hold them; raises ValueError for one that does not fit."""
    row = _EMPTY | dict(content)
    try:
        return {name: _fit(name, _decoded(name, value)) for name, value in row.items()}
    except TypeError as error:
        raise ValueError(str(error)) from None


def _plain(value: Any) -> Any:
    """Numpy's scalars and the like as Python's, non-finite numbers kept."""
    return value if isinstance(value, (float, str)) else decode(encode(value))


def _decoded(name: str, value: Any) -> Any:
    return value if _TYPED.get(name) == "string" else decode(value)


def _fit(name: str, value: Any) -> Any:
    if name not in _TYPED:
        return value
    try:
        return coerce(value, _TYPED[name])
    except TypeError as error:
        raise TypeError(f"column {name}: {error}") from None
