"""Results and histories as pandas frames."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ganbench.components.column import Column
from ganbench.store.arrow import rows_to_table
from ganbench.store.columns import Columns, describe_frame, installed
from ganbench.store.display_names import named, read_names
from ganbench.store.later_settings import with_later_settings
from ganbench.store.measurements import measured_values
from ganbench.store.results_table import current_table
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import (
    AXES,
    EVALUATION,
    FINGERPRINT,
    HISTORY_COLUMNS,
    ROW_COLUMNS,
    as_text,
)

_ORDER = [*AXES, "seed", "trial"]
_PROTOCOLS_WITHOUT_LOST_MODES = ("1", "2")
_DTYPES = {
    pa.string(): pd.StringDtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


@dataclass(frozen=True)
class Results:
    """A frame and the problems of the files that it is from.

    :ivar problems: a sentence for each file that was left out.
    :ivar names: spec -> name of the components that have one.
    """

    frame: pd.DataFrame
    problems: list[str]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> pd.DataFrame:
        """The frame for people: with the names of components in place of their specs."""
        return named(self.frame, self.names)


def load_results(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The results of a run: one row per trial that has ended, also while the run goes on.

    The columns of the contract come first, in order and with one dtype each (string, Int64, float64,
    boolean); rows are sorted by architecture, loss, dataset, regularizer, augmentation and seed.
    A damaged file is left out with a warning.

    :raises UsageError: if ``path`` is not a run folder.
    """
    return _warned(read_results(path))


def load_history(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The evaluations of a run: one row per trial and tick, ``trial`` first.

    A damaged file is left out with a warning.

    :raises UsageError: if ``path`` is not a run folder.
    """
    return _warned(read_history(path))


def read_results(path: str | os.PathLike[str]) -> Results:
    """`load_results` with problems as a list in place of warnings."""
    run = RunFolder(path).open()
    problems: list[str] = []
    columns = run.columns(problems)
    table = current_table(run, problems)
    frame = to_frame(table.sort_by([(name, "ascending") for name in _ORDER]))
    frame = with_later_settings(_with_identities(run, _with_current_verdicts(frame)))
    frame = with_rates(_with_measurements(run, frame, problems))
    found = _described(frame, columns, ROW_COLUMNS, problems)
    return Results(found, problems, read_names(run.grid_file))


def read_history(path: str | os.PathLike[str]) -> Results:
    """`load_history` with problems as a list in place of warnings."""
    problems: list[str] = []
    records: list[dict[str, Any]] = []
    run = RunFolder(path).open()
    for trial in run.trials():
        records += trial.read_history(problems)
    frame = to_frame(rows_to_table(records, HISTORY_COLUMNS, known=()))
    columns = run.columns(problems)
    return Results(_described(frame, columns, HISTORY_COLUMNS, problems), problems)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A pandas frame with the dtypes string, Int64, float64 and boolean."""
    frame: pd.DataFrame = table.replace_schema_metadata().to_pandas(types_mapper=_DTYPES.get)
    return frame


def with_rates(frame: pd.DataFrame) -> pd.DataFrame:
    """Add ``steps_per_second``, the inverse of the time of a step, if any is known."""
    times = frame["step_ms"].to_numpy("float64", na_value=math.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(times > 0, 1000 / times, math.nan)
    if np.isnan(rates).all():
        return frame
    return frame.assign(steps_per_second=pd.Series(rates, index=frame.index, dtype="float64"))


def _described(
    frame: pd.DataFrame, columns: Columns, contract: Sequence[Column], problems: list[str]
) -> pd.DataFrame:
    """The frame with described columns, those of the contract first, then those of metrics.

    The installed metrics may describe what the run does not, as in older runs.
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
    """The numbers in the column of a metric; text in it is a problem."""
    found = pd.to_numeric(values, errors="coerce").astype("float64")
    if found.isna().sum() > values.isna().sum():
        problems.append(f"column {values.name} holds text in place of numbers, which was left out")
    return found


def _with_current_verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Rename verdicts: the first protocols called ``collapsed`` what is ``degraded`` now."""
    old = frame["protocol"].isin(_PROTOCOLS_WITHOUT_LOST_MODES) & (frame["verdict"] == "collapsed")
    return frame.assign(verdict=frame["verdict"].mask(old, "degraded")) if old.any() else frame


def _with_identities(run: RunFolder, frame: pd.DataFrame) -> pd.DataFrame:
    """Take what decides the meaning of numbers from trial.json, for rows without these columns."""
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


def _identity(run: RunFolder, trial: str) -> dict[str, str | None]:
    identity = run.trial(trial).read_identity() or {}
    evaluation, dataset = identity.get("evaluation"), identity.get("dataset")
    content = dataset.get("fingerprint") if isinstance(dataset, dict) else None
    return {
        EVALUATION: as_text(evaluation) if isinstance(evaluation, dict) else None,
        FINGERPRINT: content if isinstance(content, str) and content else None,
    }


def _with_measurements(run: RunFolder, frame: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """Add later measurements of finished trials where the rows have no number."""
    found = [measured_values(run.trial(trial)) for trial in frame["trial"]]
    ways: dict[str, set[str]] = {}
    for name, way in (item for _, own in found for item in own.items()):
        ways.setdefault(name, set()).add(way)
    problems += [
        f"column {name} was measured in {len(several)} ways, with other code or settings of its metric: "
        "measure all trials again to compare them by it"
        for name, several in ways.items()
        if len(several) > 1
    ]
    later = pd.DataFrame([values for values, _ in found], frame.index, dtype="float64")
    for name in later.columns.intersection(frame.columns):
        known = pd.to_numeric(frame[name], errors="coerce").astype("float64")
        later[name] = known.where(frame[name].notna(), later[name])
    return frame.assign(**{name: later[name] for name in sorted(map(str, later))})


def _warned(results: Results) -> pd.DataFrame:
    for problem in results.problems:
        warnings.warn(problem, stacklevel=3)
    return results.frame
