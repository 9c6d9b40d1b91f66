"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.store.schema import ENDED_WELL

if TYPE_CHECKING:
    import pandas

EXIT_OK, EXIT_FAILED, EXIT_NOTHING, EXIT_INTERRUPTED = 0, 1, 5, 130


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    :ivar folder: the run folder.
    :ivar results: one row per trial of this grid, as `ganbench.load_results` gives them.
    :ivar trained: how many trials were trained now; the others were done before, or skipped.
    :ivar interrupted: whether the run was stopped before its end.
    """

    folder: Path
    results: pandas.DataFrame
    trained: int
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 all well, 1 some trial failed, 5 nothing to run, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        statuses = [status for status in self.results["status"] if status != "skipped"]
        if not statuses:
            return EXIT_NOTHING
        return EXIT_OK if all(status in ENDED_WELL for status in statuses) else EXIT_FAILED
