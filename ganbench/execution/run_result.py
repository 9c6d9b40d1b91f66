"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.base.html import escaped
from ganbench.base.text import counted
from ganbench.store.display_names import named, read_names
from ganbench.store.run_folder import RunFolder
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
    :ivar out_of_time: whether that was because its time was over.
    """

    folder: Path
    results: pandas.DataFrame
    trained: int
    interrupted: bool = False
    out_of_time: bool = False

    def __str__(self) -> str:
        """The table of cells, with what became of the run."""
        from ganbench.present.formats import render_table

        return f"{render_table(self.named, by_cell=True, color=False)}\n{self._outcome()}"

    def _repr_html_(self) -> str:
        from ganbench.present.formats import render_results

        table = str(render_results(self.named, "html", by_cell=True))
        return f"{table}<p>{escaped(self._outcome())}</p>"

    def _outcome(self) -> str:
        done = len(self.results) - self.trained
        how = "was interrupted" if self.interrupted else "ended"
        if self.out_of_time:
            how = "stopped when its time was over"
        before = f", {done} were there before" if done > 0 else ""
        return f"The run in {self.folder} {how}: {counted(self.trained, 'trial')} trained{before}."

    @property
    def named(self) -> pandas.DataFrame:
        """The results for people: with the names of the grid in place of specs."""
        return named(self.results, read_names(RunFolder(self.folder).grid_file))

    @property
    def exit_code(self) -> int:
        """0 all well, 1 some trial failed, 5 nothing to run, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        statuses = [status for status in self.results["status"] if status != "skipped"]
        if not statuses:
            return EXIT_NOTHING
        return EXIT_OK if all(status in ENDED_WELL for status in statuses) else EXIT_FAILED
