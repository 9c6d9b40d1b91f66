"""Rows as Arrow tables: typed columns, results.parquet, and the way to pandas."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ganbench.components.column import Column, DType
from ganbench.results.files import dump_json, read_bytes, write_atomically
from ganbench.results.schema import (
    EXTRA_COLUMNS,
    PLAIN,
    ROW_COLUMNS,
    ROW_FORMAT,
    coerce,
)

if TYPE_CHECKING:
    import pandas as pd

    from ganbench.results.store import RunFolder

_TYPES = {
    "string": pa.string(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
}
_META, _META_DIGEST = b"ganbench", b"ganbench-digest"
_MARK, _BLANK = b"sha256 of the file with zeros here: ", b"0" * 64

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
    for line in dict.fromkeys(map(tuple, lines)):  # most have the same columns
        names.update(dict.fromkeys(line))
    columns_of_values = zip(*(tuple(map(line.get, names)) for line in lines), strict=True)
    arrays = {}
    for name, values in zip(names, columns_of_values if lines else [()] * len(names), strict=True):
        known_type = typed.get(name)
        arrays[name] = _typed(values, known_type) if known_type else _array(values, _guess(values))
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


def write_table(run: RunFolder, table: pa.Table, stamps: Stamps) -> None:
    """Write results.parquet.

    :param stamps: the state of every row.json that the rows are from.
    :raises StorageError: if it cannot be written.
    """
    meta = dump_json({"row_format": ROW_FORMAT, "stamps": stamps}, indent=None)
    write_atomically(run.table_file, _sealed(_parquet(table, meta)))


def read_table(run: RunFolder) -> tuple[pa.Table, Stamps]:
    """The table in results.parquet and the state of the files that it was made of.

    :raises ValueError: if it is damaged, or of a later version.
    :raises FileNotFoundError: if there is none.
    """
    import pyarrow.parquet

    try:
        content = read_bytes(str(run.table_file))
        intact = _is_intact(content)
        if intact is False:  # a reader of Parquet has to trust what it reads
            raise ValueError("its content does not match its digest")
        # Its function `read_table` would import pandas.
        table = pyarrow.parquet.ParquetFile(pa.BufferReader(content)).read()
        meta = json.loads((table.schema.metadata or {}).get(_META, b"{}"))
        if meta.get("row_format", 0) not in range(1, ROW_FORMAT + 1):
            raise ValueError(f"its format is {meta.get('row_format')!r}")
        if intact is None:
            raise ValueError("it has no digest; the next run writes it anew")
        columns = {name: table[name] for name in table.column_names}
        return pa.table(_with_contract_types(columns, table.column_names)), meta["stamps"]
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def _parquet(table: pa.Table, meta: str) -> bytes:
    """A Parquet file with room for the digest of its content."""
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    metadata = {_META: meta.encode(), _META_DIGEST: _MARK + _BLANK}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _sealed(content: bytes) -> bytes:
    """A file with the digest of all that is in it but the digest itself."""
    start = content.rindex(_MARK + _BLANK) + len(_MARK)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:start] + digest + content[start + len(digest) :]


def _is_intact(content: bytes) -> bool | None:
    """Whether a file is as it was written; None if it has no digest."""
    place = content.rfind(_MARK)
    if place < 0:
        return None
    start, end = place + len(_MARK), place + len(_MARK) + len(_BLANK)
    blank = content[:start] + _BLANK + content[end:]
    return hashlib.sha256(blank).hexdigest().encode() == content[start:end]


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


def _typed(values: Sequence[Any], dtype: DType) -> pa.Array:
    """The values of a column that is known; raises TypeError for one that does not fit."""
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
