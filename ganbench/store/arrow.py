"""Rows as Arrow tables with typed columns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ganbench.base.files import dump_json
from ganbench.components.column import Column, DType
from ganbench.store.schema import EXTRA_COLUMNS, PLAIN, ROW_COLUMNS, coerce

_TYPES = {
    "string": pa.string(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
}
_KNOWN = {column.name: _TYPES[column.dtype] for column in (*ROW_COLUMNS, *EXTRA_COLUMNS)}


def rows_to_table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[Column] = ROW_COLUMNS,
    known: Sequence[Column] = EXTRA_COLUMNS,
) -> pa.Table:
    """A table of ``columns`` in order, then the others with the type that holds all values.

    :param known: columns that a row may lack, but that have a type of their own.
    """
    lines = list(rows)
    typed = {column.name: column.dtype for column in (*columns, *known)}
    names = dict.fromkeys([column.name for column in columns])
    for line in dict.fromkeys(map(tuple, lines)):  # most have the same columns
        names.update(dict.fromkeys(line))
    columns_of_values = zip(*(tuple(map(line.get, names)) for line in lines), strict=True)
    arrays = {}
    for name, values in zip(names, columns_of_values if lines else [()] * len(names), strict=True):
        known_type = typed.get(name)
        arrays[name] = _typed(values, known_type) if known_type else _array(values, _guess(values))
    return pa.table(arrays)


def join(first: pa.Table, second: pa.Table) -> pa.Table:
    """Both tables' rows and both tables' columns; where types differ, the type that holds both."""
    columns = {}
    for name in dict.fromkeys([*first.column_names, *second.column_names]):
        parts = [
            table[name] if name in table.column_names else pa.nulls(table.num_rows)
            for table in (first, second)
        ]
        kind = _common([part.type for part in parts if part.null_count < len(part)])
        chunks = [part.cast(kind) for part in parts]
        columns[name] = pa.chunked_array(
            [c for part in chunks for c in getattr(part, "chunks", [part])], type=kind
        )
    return pa.table(with_contract_types(columns))


def with_contract_types(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns, those of the contract and of known extras cast to their types."""
    return {
        name: values.cast(_KNOWN[name]) if name in _KNOWN else values
        for name, values in columns.items()
    }


def _common(types: Sequence[pa.DataType]) -> pa.DataType:
    if not types:
        return pa.float64()
    if all(kind == types[0] for kind in types):
        return types[0]
    numbers = (pa.int64(), pa.float64())
    return pa.float64() if all(kind in numbers for kind in types) else pa.string()


def _guess(values: Sequence[Any]) -> pa.DataType:
    """The type of a column without a description."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return pa.bool_()
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in present):
        return pa.string()
    if any(isinstance(value, float) for value in present) or not present:
        return pa.float64()
    return pa.int64() if all(-(2**63) <= value < 2**63 for value in present) else pa.string()


def _typed(values: Sequence[Any], dtype: DType) -> pa.Array:
    """The values of a known column; raises TypeError for a value that does not fit."""
    if set(map(type, values)) <= {PLAIN[dtype], type(None)}:
        with contextlib.suppress(OverflowError):
            return pa.array(values, type=_TYPES[dtype])
    return _array([coerce(value, dtype) for value in values], _TYPES[dtype])


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        texts: dict[str, str] = {}  # the same structures come again and again
        values = [_text(value, texts) for value in values]
    elif kind == pa.float64():
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, type=kind)


def _text(value: Any, texts: dict[str, str]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    shown = repr(value)
    if not isinstance(value, (bool, list, Mapping)):
        return shown
    if shown not in texts:
        texts[shown] = dump_json(value, indent=None)
    return texts[shown]
