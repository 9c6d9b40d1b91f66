"""The run folder: where a grid, its trials and their results live on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ganbench.base.errors import StorageError, UsageError, reason
from ganbench.base.files import (
    alone,
    dump_json,
    load_json,
    read_bytes,
    storage_errors,
    write_atomically,
)
from ganbench.base.paths import check_path
from ganbench.base.text import plain_line
from ganbench.components.column import Column
from ganbench.store import trial_search
from ganbench.store.columns import Columns, NewerFormatError, installed, load_columns, merged
from ganbench.store.trial_folder import Place, TrialFolder


class RunFolder:
    """The folder of one run, which may hold the trials of several grids."""

    #: The grid as resolved.
    grid_file = Place("grid.toml")
    #: One folder per trial.
    trials_dir = Place("trials")
    #: All rows in one table.
    table_file = Place("results.parquet")
    #: The trials of the newest grid.
    plan_file = Place("plan.json")
    #: What the columns mean that metrics and data sets fill.
    columns_file = Place("columns.json")
    #: What the run found, in plain words: a sentence a line, where something wrote them.
    words_file = Place("outcome.txt")
    #: A sign of life of every supervisor that works on the run.
    supervisors_dir = Place("supervisors")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        check_path(path, "the path of the run folder")
        self.path = Path(path)
        self._trials = str(self.path / "trials")

    def check(self) -> None:
        """Check, without writing, that `create` can make the folder or use the run in it.

        :raises UsageError: if the folder cannot be written or holds something else.
        """
        try:
            names = os.listdir(self.path) if self.path.is_dir() and not self._is_run() else ()
            if any(not name.startswith(".") for name in names):
                raise UsageError(
                    f"{self.path} has files in it and is not a run folder; choose an empty or a "
                    "new folder"
                )
            there = next(p for p in (self.trials_dir, *self.trials_dir.parents) if p.exists())
        except OSError as error:
            raise StorageError.of(self.path, error) from None
        if not there.is_dir():
            raise UsageError(f"{self.path} is not a folder, or lies in a file; choose another -o")
        if not os.access(there, os.W_OK | os.X_OK):
            raise UsageError(f"cannot write to {self.path}: permission denied; choose another -o")

    def create(self) -> RunFolder:
        """Make the folder, or continue the run in it; raises UsageError as `check` does."""
        self.check()
        with storage_errors(self.path):
            self.trials_dir.mkdir(parents=True, exist_ok=True)
        return self

    def open(self) -> RunFolder:
        """Check that the folder holds a run, or that one prepares here; raises UsageError otherwise."""
        try:
            if not self.path.exists():
                raise UsageError(
                    f"the folder {self.path} does not exist; name a run, the -o of `ganbench run`, "
                    "which makes it within its first seconds"
                )
            if not self.path.is_dir():
                raise UsageError(f"{self.path} is not a folder")
            if not self._is_run():
                raise UsageError(
                    f"{self.path} is not a run folder: it has no trials and no results"
                )
            if self.trials_dir.is_dir():
                os.listdir(self.trials_dir)
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from None
        return self

    def write_closing_words(self, sentences: Iterable[str]) -> None:
        """Keep what the run found in plain words; raises StorageError."""
        lines = (" ".join(sentence.split()) for sentence in sentences)
        write_atomically(self.words_file, "".join(f"{line}\n" for line in lines))

    def closing_words(self, problems: list[str] | None = None) -> list[str]:
        """The sentences of `write_closing_words`, made printable; empty without any.

        :param problems: gets a sentence if the file cannot be read.
        """
        try:
            text = self.words_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            if problems is not None:
                problems.append(f"{self.words_file} cannot be read ({reason(error)})")
            return []
        return [plain_line(line) for line in text.splitlines() if line.strip()]

    def trial_ids(self) -> list[str]:
        """The ids of all trials that have a folder, sorted."""
        try:
            with os.scandir(self.trials_dir) as entries:
                return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
        except FileNotFoundError:
            return []

    def trial(self, trial_id: str) -> TrialFolder:
        """The folder of a trial, whether it exists or not."""
        if trial_id in ("", ".", "..") or "/" in trial_id or os.sep in trial_id:
            raise ValueError(f"{trial_id!r} is not a trial id")
        return TrialFolder(f"{self._trials}{os.sep}{trial_id}")

    def trials(self) -> Iterator[TrialFolder]:
        """The folders of all trials, sorted by id."""
        return (TrialFolder(f"{self._trials}{os.sep}{trial_id}") for trial_id in self.trial_ids())

    def find(self, text: str, planned: Iterable[str] = ()) -> TrialFolder:
        """The only trial that a selector names: an id, a part of it, components, ``best``.

        :param planned: ids of trials that count even without a folder.
        :raises UsageError: if no trial fits, or more than one.
        """
        return trial_search.find(self, text, planned)

    def select(self, text: str) -> list[TrialFolder]:
        """All trials that a selector names, at least one; raises UsageError if no trial fits."""
        return trial_search.select(self, text)

    def rows(self, problems: list[str] | None = None) -> list[dict[str, Any]]:
        """The rows of all trials that have ended, from their row.json files."""
        found = (trial.read_row(problems) for trial in self.trials())
        return [row for row in found if row is not None]

    def describe(self, columns: Iterable[Column]) -> None:
        """Add descriptions of columns to the run's.

        :raises UsageError: for a column with another meaning in this run, or if a later version of
            ganbench wrote the descriptions.
        """
        with alone(self.path):
            known = Columns()
            try:
                known = load_columns(read_bytes(str(self.columns_file)))
            except NewerFormatError as error:
                raise UsageError(
                    f"a later version of ganbench wrote {self.columns_file}: {error}"
                ) from None
            except (OSError, ValueError, RecursionError):
                pass  # absent, or damaged: later runs describe its columns again
            found = merged(known, columns, self.columns_file)
            if found.text != known.text:
                write_atomically(self.columns_file, found.text)

    def columns(self, problems: list[str] | None = None) -> Columns:
        """The run's descriptions of its columns; those of the installed metrics where it has none.

        :param problems: gets a sentence if the file is damaged or of a later version.
        """
        try:
            return load_columns(read_bytes(str(self.columns_file)))
        except FileNotFoundError:
            return installed()
        except (OSError, ValueError, RecursionError) as error:
            if problems is not None:
                problems.append(
                    f"{self.columns_file} cannot be read and was left out: {reason(error)}; the "
                    "installed metrics describe the columns"
                )
            return installed()

    def write_plan(self, trials: Mapping[str, str]) -> None:
        """Write plan.json.

        :param trials: the label of each trial of the newest grid, by id.
        """
        write_atomically(self.plan_file, dump_json({"trials": trials}) + "\n")

    def read_plan(self) -> dict[str, str] | None:
        """The label of each trial of the newest grid, by id; None if unknown."""
        try:
            content = load_json(read_bytes(str(self.plan_file)))
            trials = content["trials"]
            return {str(trial): str(label) for trial, label in trials.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _is_run(self) -> bool:
        signs = (self.trials_dir, self.table_file, self.grid_file, self.supervisors_dir)
        return any(path.exists() for path in signs)
