"""The run folder: where a grid, its trials and their results live on disk.

Every file is replaced in one step, so a crash leaves the old one or the new one. What is damaged all
the same (a bad disk, an editor) is reported as a problem and treated as absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ganbench.errors import StorageError, UsageError, did_you_mean
from ganbench.paths import check_path
from ganbench.results import digests
from ganbench.results.attempts import dump_attempt, load_attempts
from ganbench.results.columns import Columns, NewerFormatError, installed, load_columns, merged
from ganbench.results.files import (
    alone,
    append_line,
    decode,
    dump_json,
    load_json,
    make_folder,
    read_bytes,
    remove_temporary_files,
    storage_errors,
    write_atomically,
)
from ganbench.results.history import dump_history, load_history
from ganbench.results.rows import dump_row, load_row

if TYPE_CHECKING:
    from ganbench.components.column import Column

T = TypeVar("T")

#: What belongs to a row and is sealed with it.
_BESIDE_ROWS = ("history.csv", "samples.png", "progress.png")


class TrialFolder:
    """One trial's files.

    The readers return None for what is absent or damaged; for the latter they append a sentence to
    ``problems``, if a list is given. Whatever writes raises `StorageError` if the system refuses.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)  # a text: of ten thousand trials, few need a Path

    @cached_property
    def path(self) -> Path:
        """The folder."""
        return Path(self._path)

    @property
    def id(self) -> str:
        """The trial's id."""
        return self._path.rpartition(os.sep)[2]

    @property
    def trial_json(self) -> Path:
        """The trial's identity."""
        return self.path / "trial.json"

    @property
    def row_json(self) -> Path:
        """The trial's row, there once the trial has ended."""
        return self.path / "row.json"

    @property
    def history_csv(self) -> Path:
        """One line per evaluation tick."""
        return self.path / "history.csv"

    @property
    def samples_png(self) -> Path:
        """Samples from fixed noise."""
        return self.path / "samples.png"

    @property
    def neighbours_png(self) -> Path:
        """Samples at the end, each in a row with the real images nearest to it."""
        return self.path / "neighbours.png"

    @property
    def progress_png(self) -> Path:
        """Samples at the ticks, a row each, the same latent in a column."""
        return self.path / "progress.png"

    @property
    def log_txt(self) -> Path:
        """What the trial printed."""
        return self.path / "log.txt"

    @property
    def checkpoint_dir(self) -> Path:
        """The newest good checkpoint."""
        return self.path / "checkpoint"

    @property
    def attempts_jsonl(self) -> Path:
        """A line for every start and every end of an attempt."""
        return self.path / "attempts.jsonl"

    @property
    def digests_json(self) -> Path:
        """What the files held when the row was written."""
        return self.path / digests.NAME

    def clean(self) -> None:
        """Make ready for an attempt; only for whoever holds the claim on the trial.

        Half-written files of killed processes go, and so do the digests of what an attempt rewrites.
        """
        remove_temporary_files(self.path)
        remove_temporary_files(self.checkpoint_dir)
        digests.unseal(self._path, _BESIDE_ROWS)

    def write_identity(self, identity: Mapping[str, Any]) -> None:
        """Write trial.json."""
        text = dump_json(identity) + "\n"
        make_folder(self.path)
        write_atomically(self.trial_json, text)

    def read_identity(self, problems: list[str] | None = None) -> dict[str, Any] | None:
        """The content of trial.json."""
        return self._read("trial.json", _load_identity, problems, sealed=False)

    def write_row(self, row: Mapping[str, Any]) -> None:
        """Write row.json: the trial has ended. It and the files beside it are sealed by digests.

        :raises ValueError: for another trial's row, or a status that does not exist.
        :raises TypeError: for a value that does not fit its column.
        """
        text = dump_row(row, self.id)
        make_folder(self.path)
        digests.seal_row(self._path, text.encode(), _BESIDE_ROWS)
        write_atomically(self.row_json, text)

    def read_row(self, problems: list[str] | None = None) -> dict[str, Any] | None:
        """The row, with all contract columns; None where a value is missing."""
        return self._read("row.json", lambda text: load_row(text, self.id), problems)

    def write_history(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write history.csv; raises ValueError and TypeError as `write_row` does."""
        text = dump_history(records, self.id)
        make_folder(self.path)
        digests.unseal(self._path, ["history.csv"])
        write_atomically(self.history_csv, text)

    def read_history(self, problems: list[str] | None = None) -> list[dict[str, Any]]:
        """The records, with all contract columns; empty where there is no history."""
        found = self._read(
            "history.csv", lambda text: load_history(text.decode(), self.id), problems
        )
        return found or []

    def append_attempt(self, record: Mapping[str, Any]) -> None:
        """Add a line to attempts.jsonl."""
        line = dump_attempt(record)
        make_folder(self.path)
        append_line(self.attempts_jsonl, line)

    def read_attempts(self, problems: list[str] | None = None) -> list[dict[str, Any]]:
        """The lines of attempts.jsonl; one that a crash cut short is left out."""
        found = self._read("attempts.jsonl", load_attempts, problems, sealed=False)
        if found is None:
            return []
        records, damaged = found
        if damaged and problems is not None:
            lines = ", ".join(map(str, damaged))
            problems.append(f"{self.attempts_jsonl} is damaged in line {lines}")
        return records

    def damaged(self) -> list[str]:
        """A sentence for each file that is not what it was when the row was written, or is missing.

        A row that is missing may never have been written, and is no damage.
        """
        try:
            sealed = digests.read_digests(self._path)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            return [f"{self.digests_json} is damaged: {_one_line(error)}"]
        problems = []
        for name in sealed:
            try:
                digests.read_verified(self._path, name)
            except FileNotFoundError:
                if name != "row.json":
                    problems.append(f"{self.path / name} is missing")
            except (OSError, ValueError) as error:
                problems.append(f"{self.path / name} is damaged: {_one_line(error)}")
        return problems

    def row_stamp(self) -> list[int] | None:
        """What changes when row.json is replaced; None if there is none."""
        try:
            status = os.stat(f"{self._path}/row.json")
        except OSError:
            return None
        return [status.st_mtime_ns, status.st_size]

    def _read(
        self,
        name: str,
        load: Callable[[bytes], T],
        problems: list[str] | None,
        sealed: bool = True,
    ) -> T | None:
        """What ``load`` makes of a file; None, with a problem noted, if it cannot be read."""
        try:
            if sealed:
                return load(digests.read_verified(self._path, name))
            return load(read_bytes(f"{self._path}/{name}"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            if problems is not None:
                where = os.path.join(self._path, name)
                problems.append(f"{where} is damaged and was left out: {_one_line(error)}")
            return None


class RunFolder:
    """The folder of one run, which may hold the trials of several grids."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        check_path(path, "the path of the run folder")
        self.path = Path(path)
        self._trials = str(self.path / "trials")

    @property
    def grid_file(self) -> Path:
        """The grid as resolved."""
        return self.path / "grid.toml"

    @property
    def trials_dir(self) -> Path:
        """One folder per trial."""
        return self.path / "trials"

    @property
    def table_file(self) -> Path:
        """All rows in one table."""
        return self.path / "results.parquet"

    @property
    def plan_file(self) -> Path:
        """The trials of the newest grid."""
        return self.path / "plan.json"

    @property
    def columns_file(self) -> Path:
        """What the columns mean that metrics and data sets fill."""
        return self.path / "columns.json"

    @property
    def supervisors_dir(self) -> Path:
        """A sign of life of every supervisor that works on the run."""
        return self.path / "supervisors"

    def check(self) -> None:
        """Check, writing nothing, that `create` will make the folder or find a run in it.

        :raises UsageError: if the folder cannot be written or holds something else.
        """
        try:
            if self.path.is_dir() and not self._is_run() and _visible(self.path):
                raise UsageError(
                    f"{self.path} has files in it and is no run folder; choose an empty or a new one"
                )
            there = next(p for p in (self.trials_dir, *self.trials_dir.parents) if p.exists())
        except OSError as error:
            raise StorageError.of(self.path, error) from None
        if not there.is_dir():
            raise UsageError(f"{self.path} is not a folder, or lies in a file")
        if not os.access(there, os.W_OK | os.X_OK):
            raise UsageError(f"cannot write to {self.path}: permission denied")

    def create(self) -> RunFolder:
        """Make the folder, or take up the run that it holds; raises UsageError as `check` does."""
        self.check()
        with storage_errors(self.path):
            self.trials_dir.mkdir(parents=True, exist_ok=True)
        return self

    def open(self) -> RunFolder:
        """Check that there is a run to read.

        :raises UsageError: if there is none.
        """
        try:
            if not self.path.exists():
                raise UsageError(f"there is no folder {self.path}")
            if not self.path.is_dir():
                raise UsageError(f"{self.path} is not a folder")
            if not self._is_run():
                raise UsageError(f"{self.path} is no run folder: it has no trials and no results")
            if self.trials_dir.is_dir():
                os.listdir(self.trials_dir)
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from None
        return self

    def trial_ids(self) -> list[str]:
        """The ids of all trials that have a folder, sorted."""
        try:
            with os.scandir(self.trials_dir) as entries:
                return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
        except FileNotFoundError:
            return []

    def trial(self, trial_id: str) -> TrialFolder:
        """The folder of a trial, whether it is there or not."""
        if trial_id in ("", ".", "..") or "/" in trial_id or os.sep in trial_id:
            raise ValueError(f"{trial_id!r} is no trial id")
        return TrialFolder(f"{self._trials}{os.sep}{trial_id}")

    def trials(self) -> Iterator[TrialFolder]:
        """The folders of all trials, sorted by id."""
        return (TrialFolder(f"{self._trials}{os.sep}{trial_id}") for trial_id in self.trial_ids())

    def find(self, text: str, planned: Iterable[str] = ()) -> TrialFolder:
        """The trial with this id, or the only one whose id begins with or contains ``text``.

        :param planned: ids of trials that count even if they have no folder.
        :raises UsageError: if there is none, or more than one.
        """
        ids = sorted({*self.trial_ids(), *planned})
        for matches in (
            [i for i in ids if i == text],
            [i for i in ids if i.startswith(text)],
            [i for i in ids if text in i],
        ):
            if len(matches) == 1:
                return self.trial(matches[0])
            if matches:
                shown = ", ".join(matches[:8]) + (", …" if len(matches) > 8 else "")
                raise UsageError(f"{text!r} fits {len(matches)} trials: {shown}")
        raise UsageError(f"no trial {text!r} in {self.path}{did_you_mean(text, ids)}")

    def rows(self, problems: list[str] | None = None) -> list[dict[str, Any]]:
        """The rows of all trials that have ended, from their row.json files."""
        found = (trial.read_row(problems) for trial in self.trials())
        return [row for row in found if row is not None]

    def write_table(self) -> None:
        """Bring results.parquet up to date with all row.json files; raises StorageError."""
        from ganbench.results.frames import refresh_table  # pyarrow takes its time to import

        refresh_table(self)

    def describe(self, columns: Iterable[Column]) -> None:
        """Add to what is known of the columns of the run.

        :raises UsageError: for a column that means something else in this run, or if a later version
            of ganbench has described its columns.
        """
        with alone(self.path):
            known = Columns()
            try:
                known = load_columns(read_bytes(str(self.columns_file)))
            except NewerFormatError as error:
                raise UsageError(f"{self.columns_file} is of a later version: {error}") from None
            except (OSError, ValueError, RecursionError):
                pass  # not there, or damaged; what it held is described by later runs
            found = merged(known, columns, self.columns_file)
            if found.text != known.text:
                write_atomically(self.columns_file, found.text)

    def columns(self, problems: list[str] | None = None) -> Columns:
        """What the run says of its columns; what the installed metrics say where it says nothing.

        :param problems: gets a sentence where the file is damaged or of a later version.
        """
        try:
            return load_columns(read_bytes(str(self.columns_file)))
        except FileNotFoundError:
            return installed()
        except (OSError, ValueError, RecursionError) as error:
            if problems is not None:
                problems.append(
                    f"{self.columns_file} cannot be read and was left out: {_one_line(error)}; columns "
                    "are described by the metrics that are installed"
                )
            return installed()

    def write_plan(self, trials: Mapping[str, str]) -> None:
        """Write plan.json.

        :param trials: the label of each trial of the newest grid, by id.
        """
        write_atomically(self.plan_file, dump_json({"trials": trials}) + "\n")

    def read_plan(self) -> dict[str, str] | None:
        """The label of each trial of the newest grid, by id; None if that is not known."""
        try:
            content = load_json(read_bytes(str(self.plan_file)))
            trials = content["trials"]
            return {str(trial): str(label) for trial, label in trials.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _is_run(self) -> bool:
        return any(path.exists() for path in (self.trials_dir, self.table_file, self.grid_file))


def _visible(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if not name.startswith(".")]


def _load_identity(text: bytes) -> dict[str, Any]:
    content = decode(load_json(text))
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return content


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
