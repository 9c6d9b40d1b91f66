"""Rows as Arrow tables: typed columns, results.parquet, and the way to pandas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet

from ganbench.results.files import dump_json, write_atomically
from ganbench.results.schema import EXTRA_COLUMNS, ROW_COLUMNS, ROW_FORMAT, Column, coerce

if TYPE_CHECKING:
    import pandas as pd

    from ganbench.results.store import RunFolder

_TYPES = {
    "string": pa.string(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
}
_META = b"ganbench"

Stamps = dict[str, list[int]]


def rows_to_table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[Column] = ROW_COLUMNS,
    known: Sequence[Column] = EXTRA_COLUMNS,
) -> pa.Table:
    """A table of ``columns`` in order, then the others, which get the type that holds all values.

    :param known: columns that need not be there, but have a type of their own.
    """
    lines = list(rows)
    typed = {column.name: column.dtype for column in (*columns, *known)}
    names = dict.fromkeys([column.name for column in columns])
    for line in lines:
        names.update(dict.fromkeys(line))
    arrays = {}
    for name in names:
        values = [line.get(name) for line in lines]
        if name in typed:
            values = [coerce(value, typed[name]) for value in values]
            arrays[name] = _array(values, _TYPES[typed[name]])
        else:
            arrays[name] = _array(values, _guess(values))
    return pa.table(arrays)


def join(first: pa.Table, second: pa.Table) -> pa.Table:
    """Both tables' rows and both tables' columns; where types differ, the one that holds both."""
    names = list(dict.fromkeys([*first.column_names, *second.column_names]))
    columns = {}
    for name in names:
        parts = [
            table[name] if name in table.column_names else pa.nulls(table.num_rows)
            for table in (first, second)
        ]
        kind = _common([part.type for part in parts if part.null_count < len(part)])
        chunks = [part.cast(kind) for part in parts]
        columns[name] = pa.chunked_array(
            [c for part in chunks for c in getattr(part, "chunks", [part])], type=kind
        )
    return pa.table(_with_contract_types(columns, names))


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A pandas frame with the dtypes string, Int64, float64 and boolean."""
    import pandas as pd

    dtypes = {pa.string(): pd.StringDtype(), pa.int64(): pd.Int64Dtype()}
    dtypes[pa.bool_()] = pd.BooleanDtype()
    frame: pd.DataFrame = table.replace_schema_metadata().to_pandas(types_mapper=dtypes.get)
    return frame


def write_table(run: RunFolder, rows: Iterable[Mapping[str, Any]] | None) -> None:
    """Write results.parquet, with the state of every row.json that its rows are from."""
    stamps: Stamps = {}
    for trial in run.trials():
        stamp = trial.row_stamp()  # before reading: what changes meanwhile will differ
        if stamp is not None:
            stamps[trial.id] = stamp
    table = rows_to_table(run.rows() if rows is None else rows)
    meta = dump_json({"row_format": ROW_FORMAT, "stamps": stamps}, indent=None)
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table.replace_schema_metadata({_META: meta.encode()}), sink)
    write_atomically(run.table_file, sink.getvalue().to_pybytes())


def read_table(run: RunFolder) -> tuple[pa.Table, Stamps]:
    """The table in results.parquet and the state of the files that it was made of.

    :raises ValueError: if it is damaged, or of a later version.
    :raises FileNotFoundError: if there is none.
    """
    try:
        table = pyarrow.parquet.read_table(pa.BufferReader(run.table_file.read_bytes()))
        meta = json.loads((table.schema.metadata or {}).get(_META, b"{}"))
        if meta.get("row_format", 0) not in range(1, ROW_FORMAT + 1):
            raise ValueError(f"its format is {meta.get('row_format')!r}")
        columns = {name: table[name] for name in table.column_names}
        return pa.table(_with_contract_types(columns, table.column_names)), meta["stamps"]
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def _with_contract_types(columns: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The columns, those of the contract and of known extras cast to their types."""
    typed = {column.name: _TYPES[column.dtype] for column in (*ROW_COLUMNS, *EXTRA_COLUMNS)}
    return {
        name: columns[name].cast(typed[name]) if name in typed else columns[name] for name in names
    }


def _common(types: Sequence[pa.DataType]) -> pa.DataType:
    if not types:
        return pa.float64()
    if all(kind == types[0] for kind in types):
        return types[0]
    numbers = (pa.int64(), pa.float64())
    return pa.float64() if all(kind in numbers for kind in types) else pa.string()


def _guess(values: Sequence[Any]) -> pa.DataType:
    """The type of a column that nobody described."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return pa.bool_()
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in present):
        return pa.string()
    if any(isinstance(value, float) for value in present) or not present:
        return pa.float64()
    return pa.int64() if all(-(2**63) <= value < 2**63 for value in present) else pa.string()


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        values = [_text(value) for value in values]
    elif kind == pa.float64():
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, type=kind)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, list, Mapping)):
        return dump_json(value, indent=None)
    return repr(value)
