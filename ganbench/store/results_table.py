"""results.parquet: all rows of a run in one file, and which of them still hold.

The file carries the digest of its content and the stamp of every row.json that it is made of.
Readers take a row from its own file wherever that file is newer. Nothing here imports pandas.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import itertools
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ganbench.base.errors import reason
from ganbench.base.files import dump_json, read_bytes, write_atomically
from ganbench.store.arrow import join, rows_to_table, with_contract_types
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import ROW_FORMAT

_META, _META_DIGEST = b"ganbench", b"ganbench-digest"
_MARK, _BLANK = b"sha256 of the file with zeros here: ", b"0" * 64

Stamps = dict[str, list[int]]


def current_table(run: RunFolder, problems: list[str]) -> pa.Table:
    """All rows of a run, those of row.json files that are newer than the table included."""
    kept = _kept(*_stored(run, problems))
    current = set(kept["trial"].to_pylist())
    with _no_collection():
        return join(kept, rows_to_table(_fresh_rows(run, current, problems)))


def read_rows(run: RunFolder, columns: Sequence[str], problems: list[str]) -> list[dict[str, Any]]:
    """Some columns of the results, for readers that want an answer at once.

    :param columns: ``trial`` and others; a row may lack a column that was never written.
    :param problems: gets a sentence for each file that was left out.
    """
    table, holds = _stored(run, problems)
    rows: list[dict[str, Any]] = []
    if table is not None:  # no filter of Arrow's: making one would import pandas
        chosen = table.select([name for name in columns if name in table.column_names])
        rows = list(itertools.compress(chosen.to_pylist(), holds))
    fresh = _fresh_rows(run, {row["trial"] for row in rows}, problems)
    return rows + [{name: row.get(name) for name in columns} for row in fresh]


def refresh_table(run: RunFolder) -> None:
    """Bring results.parquet up to date with all row.json files; only newer files are read.

    :raises StorageError: if it cannot be written.
    """
    # Before reading: what changes meanwhile will differ.
    stamps = {trial.id: stamp for trial in run.trials() if (stamp := trial.row_stamp()) is not None}
    table, holds = _stored(run, [])
    kept = _kept(table, holds)
    newer = stamps.keys() - set(kept["trial"].to_pylist())
    if table is not None and all(holds) and not newer:
        return
    fresh = [row for trial in sorted(newer) if (row := run.trial(trial).read_row()) is not None]
    write_table(run, join(kept, rows_to_table(fresh)), stamps)


def write_table(run: RunFolder, table: pa.Table, stamps: Stamps) -> None:
    """Write results.parquet.

    :param stamps: the state of every row.json that the rows are from.
    :raises StorageError: if it cannot be written.
    """
    meta = dump_json({"row_format": ROW_FORMAT, "stamps": stamps}, indent=None)
    sink = pa.BufferOutputStream()
    metadata = {_META: meta.encode(), _META_DIGEST: _MARK + _BLANK}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), sink)
    write_atomically(run.table_file, _sealed(sink.getvalue().to_pybytes()))


def read_table(run: RunFolder) -> tuple[pa.Table, Stamps]:
    """The table in results.parquet and the stamps of the files that it is made of.

    :raises ValueError: if it is damaged, or of a later version.
    :raises FileNotFoundError: if the file does not exist.
    """
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
            raise ValueError("it has no digest; the next run rewrites it")
        columns = {name: table[name] for name in table.column_names}
        return pa.table(with_contract_types(columns)), meta["stamps"]
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
        raise ValueError(reason(error)) from None


def _stored(run: RunFolder, problems: list[str]) -> tuple[pa.Table | None, list[bool]]:
    """The table in results.parquet, if there is any, and which of its rows still hold.

    A row holds while its row.json is the file that it was made of. A row that never had a file of
    its own holds. All rows hold if somebody kept the table and removed the trials.
    """
    try:
        table, stamps = read_table(run)
    except FileNotFoundError:
        return None, []
    except ValueError as error:
        problems.append(f"{run.table_file} is damaged and was left out: {error}")
        return None, []
    if not run.trials_dir.is_dir():
        return table, [True] * table.num_rows
    folders = set(run.trial_ids())
    return table, [
        (run.trial(trial).row_stamp() if trial in folders else None) == stamps.get(trial)
        for trial in table["trial"].to_pylist()
    ]


def _kept(table: pa.Table | None, holds: list[bool]) -> pa.Table:
    """The rows that hold."""
    return rows_to_table([]) if table is None else table.filter(pa.array(holds, type=pa.bool_()))


def _fresh_rows(
    run: RunFolder, current: Collection[str], problems: list[str]
) -> Iterator[dict[str, Any]]:
    """The rows of all trials but the current ones, from their row.json files."""
    found = (trial.read_row(problems) for trial in run.trials() if trial.id not in current)
    return (row for row in found if row is not None)


def _sealed(content: bytes) -> bytes:
    """A file with the digest of everything in it but the digest itself."""
    start = content.rindex(_MARK + _BLANK) + len(_MARK)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:start] + digest + content[start + len(digest) :]


def _is_intact(content: bytes) -> bool | None:
    """Whether a file is as it was written; None without a digest."""
    place = content.rfind(_MARK)
    if place < 0:
        return None
    start, end = place + len(_MARK), place + len(_MARK) + len(_BLANK)
    blank = content[:start] + _BLANK + content[end:]
    return hashlib.sha256(blank).hexdigest().encode() == content[start:end]


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the garbage collector: looking through thousands of rows costs an eighth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
