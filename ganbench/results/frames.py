"""Results as pandas frames."""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.results.columns import Columns, describe_frame, installed
from ganbench.results.comparability import EVALUATION, FINGERPRINT, as_text
from ganbench.results.measurements import measured_values
from ganbench.results.schema import AXES, HISTORY_COLUMNS, ROW_COLUMNS
from ganbench.results.store import RunFolder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ganbench.components.column import Column

_ORDER = [*AXES, "seed", "trial"]
_PROTOCOLS_WITHOUT_LOST_MODES = ("1", "2")


@dataclass(frozen=True)
class Results:
    """A frame and what was wrong with the files that it is from.

    :ivar problems: a sentence for each file that was left out.
    """

    frame: pd.DataFrame
    problems: list[str]


def load_results(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The results of a run: one row per trial that has ended, also while the run goes on.

    The columns of the contract come first, in order and with one dtype each (string, Int64, float64,
    boolean); rows are sorted by architecture, loss, dataset, regularizer, augmentation and seed.
    A damaged file is left out with a warning.

    :raises UsageError: if there is no run at ``path``.
    """
    return _warned(read_results(path))


def load_history(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The evaluations of a run: one row per trial and tick, ``trial`` first.

    A damaged file is left out with a warning.

    :raises UsageError: if there is no run at ``path``.
    """
    return _warned(read_history(path))


def read_results(path: str | os.PathLike[str]) -> Results:
    """`load_results`, with problems as a list in place of warnings."""
    import pyarrow as pa

    from ganbench.results.arrow import join, rows_to_table, to_frame

    run = RunFolder(path).open()
    problems: list[str] = []
    table, holds = _from_table(run, problems)
    kept = rows_to_table([]) if table is None else table.filter(pa.array(holds, type=pa.bool_()))
    current = set(kept["trial"].to_pylist())
    columns = run.columns(problems)
    with _no_collection():
        fresh = (trial.read_row(problems) for trial in run.trials() if trial.id not in current)
        whole = join(kept, rows_to_table(row for row in fresh if row is not None))
    frame = to_frame(whole.sort_by([(name, "ascending") for name in _ORDER]))
    whole_rows = _with_identities(run, _renamed(frame))
    frame = with_rates(_with_measurements(run, whole_rows, problems))
    return Results(_described(frame, columns, ROW_COLUMNS, problems), problems)


def _described(
    frame: pd.DataFrame, columns: Columns, contract: Sequence[Column], problems: list[str]
) -> pd.DataFrame:
    """With its columns described, those of the contract first, then those of metrics.

    What the run does not describe, as of trials from before it did, the installed metrics may.
    """
    numeric = [str(name) for name in frame if frame[name].dtype.kind in "iuf"]
    if any(name not in columns.whole for name in numeric if frame[name].notna().any()):
        columns = columns.and_others(installed())
    there = [column for column in columns.measured if column.name in frame]
    other = [c.name for c in there if c.name not in numeric or c.dtype != frame[c.name].dtype]
    frame = frame.assign(**{name: _numbers(frame[name], problems) for name in other})
    names = [column.name for column in (*contract, *there)]
    return describe_frame(frame[[*dict.fromkeys([*names, *frame])]], columns)


def _numbers(values: pd.Series[Any], problems: list[str]) -> pd.Series[Any]:
    """The numbers among the values of a metric, which has no others."""
    import pandas as pd

    found = pd.to_numeric(values, errors="coerce").astype("float64")
    if found.isna().sum() > values.isna().sum():
        problems.append(f"column {values.name} holds text in place of numbers, which was left out")
    return found


def with_rates(frame: pd.DataFrame) -> pd.DataFrame:
    """With the column ``steps_per_second``, generator updates over training time, if any is known."""
    import pandas as pd

    steps = frame["steps"].astype("Float64").to_numpy("float64", na_value=math.nan)
    seconds = frame["train_seconds"].to_numpy("float64", na_value=math.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(seconds > 0, steps / seconds, math.nan)
    if np.isnan(rates).all():
        return frame
    return frame.assign(steps_per_second=pd.Series(rates, index=frame.index, dtype="float64"))


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """With the verdicts of today: the first protocols called ``collapsed`` what is ``degraded`` now."""
    old = frame["protocol"].isin(_PROTOCOLS_WITHOUT_LOST_MODES) & (frame["verdict"] == "collapsed")
    return frame.assign(verdict=frame["verdict"].mask(old, "degraded")) if old.any() else frame


def _with_identities(run: RunFolder, frame: pd.DataFrame) -> pd.DataFrame:
    """With what decides the meaning of numbers, from trial.json for rows of before these columns."""
    import pandas as pd

    lacking = frame[EVALUATION].isna() if EVALUATION in frame else pd.Series(True, frame.index)
    if not lacking.any():
        return frame
    known = [_identity(run, trial) if lacks else {}
             for trial, lacks in zip(frame["trial"], lacking, strict=True)]  # fmt: skip
    for name in (EVALUATION, FINGERPRINT):
        said = frame[name] if name in frame else [pd.NA] * len(frame)
        values = [identity.get(name) or old for identity, old in zip(known, said, strict=True)]
        column = pd.array(values, dtype="string")
        if not column.isna().all():
            frame = frame.assign(**{name: column})
    return frame


def _with_measurements(run: RunFolder, frame: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """With what was measured of finished trials later, where the rows have no number."""
    import pandas as pd

    found: dict[str, dict[str, float]] = {}
    ways: dict[str, set[str]] = {}
    for trial in frame["trial"]:
        found[str(trial)], own = measured_values(run.trial(trial))
        for name, way in own.items():
            ways.setdefault(name, set()).add(way)
    problems += [
        f"column {name} was measured in {len(several)} ways, with other code or settings of its metric: "
        "measure all trials again to compare them by it"
        for name, several in ways.items()
        if len(several) > 1
    ]
    new: dict[str, pd.Series[Any]] = {}
    for name in sorted({name for values in found.values() for name in values}):
        later = pd.Series(
            [found[str(trial)].get(name, math.nan) for trial in frame["trial"]],
            index=frame.index,
            dtype="float64",
        )
        if name in frame:
            known = pd.to_numeric(frame[name], errors="coerce").astype("float64")
            later = known.where(frame[name].notna(), later).astype("float64")
        new[name] = later
    return frame.assign(**new) if new else frame


def _identity(run: RunFolder, trial: str) -> dict[str, str | None]:
    identity = run.trial(trial).read_identity() or {}
    evaluation, dataset = identity.get("evaluation"), identity.get("dataset")
    content = dataset.get("fingerprint") if isinstance(dataset, dict) else None
    return {
        EVALUATION: as_text(evaluation) if isinstance(evaluation, dict) else None,
        FINGERPRINT: content if isinstance(content, str) and content else None,
    }


def read_rows(run: RunFolder, columns: Sequence[str], problems: list[str]) -> list[dict[str, Any]]:
    """Some columns of the results, without pandas: for those who only look, and want it at once.

    :param columns: ``trial`` and others; a row may lack one that was never written.
    :param problems: gets a sentence for each file that was left out.
    """
    table, holds = _from_table(run, problems)
    kept: list[dict[str, Any]] = []
    if table is not None:
        chosen = table.select([name for name in columns if name in table.column_names])
        kept = list(itertools.compress(chosen.to_pylist(), holds))
    current = {row["trial"] for row in kept}
    fresh = (trial.read_row(problems) for trial in run.trials() if trial.id not in current)
    return kept + [{name: row.get(name) for name in columns} for row in fresh if row is not None]


def refresh_table(run: RunFolder) -> None:
    """Write results.parquet anew if row.json files are newer; only these are read.

    :raises StorageError: if it cannot be written.
    """
    import pyarrow as pa

    from ganbench.results.arrow import join, rows_to_table, write_table

    # Before reading: what changes meanwhile will differ.
    stamps = {trial.id: stamp for trial in run.trials() if (stamp := trial.row_stamp()) is not None}
    table, holds = _from_table(run, [])
    kept = rows_to_table([]) if table is None else table.filter(pa.array(holds, type=pa.bool_()))
    newer = stamps.keys() - set(kept["trial"].to_pylist())
    if table is not None and all(holds) and not newer:
        return
    fresh = [row for trial in sorted(newer) if (row := run.trial(trial).read_row()) is not None]
    write_table(run, join(kept, rows_to_table(fresh)), stamps)


def read_history(path: str | os.PathLike[str]) -> Results:
    """`load_history`, with problems as a list in place of warnings."""
    from ganbench.results.arrow import rows_to_table, to_frame

    problems: list[str] = []
    records: list[dict[str, Any]] = []
    run = RunFolder(path).open()
    for trial in run.trials():
        records += trial.read_history(problems)
    frame = to_frame(rows_to_table(records, HISTORY_COLUMNS, known=()))
    columns = run.columns(problems)
    return Results(_described(frame, columns, HISTORY_COLUMNS, problems), problems)


def _from_table(run: RunFolder, problems: list[str]) -> tuple[pa.Table | None, list[bool]]:
    """The content of results.parquet, if there is any, and which of its rows still hold.

    A row holds while its row.json is the one that it was made of. A row that never had a file of
    its own holds, and so do all if somebody kept the table and removed the trials.
    """
    if not run.table_file.exists():
        return None, []
    from ganbench.results.arrow import read_table

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
    ids = table["trial"].to_pylist()
    return table, [_holds(run, trial, stamps, folders) for trial in ids]


def _holds(run: RunFolder, trial: str, stamps: dict[str, list[int]], folders: set[str]) -> bool:
    stamp = run.trial(trial).row_stamp() if trial in folders else None
    return stamp == stamps.get(trial)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Rows are no garbage: looking for it among thousands of them costs an eighth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _warned(results: Results) -> pd.DataFrame:
    for problem in results.problems:
        warnings.warn(problem, stacklevel=3)
    return results.frame
